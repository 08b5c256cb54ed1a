"""Do the services answer, out of reach of those who may not ask them; and can people log in?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from access.decisions import Decision, Refused
from infra.doctor.facts import ControlFacts, PageFacts
from infra.doctor.model import IDENTITY, SERVICES, UP, Finding, doubtful, holds, some, wrong

NOT_KNOWN = "workspace.not_known"


def gateway_by_tcp(decision: Decision) -> Finding:
    """Is the gateway's process out of TCP's reach?"""
    if isinstance(decision, Refused):
        why = "No workspace opens while it is so: a socket no longer says who asks."
        return wrong(SERVICES, "gateway by TCP", decision.reason, why, decision.mend or UP)
    return holds(SERVICES, "gateway by TCP", "not to be reached: its process listens on no port")


def this_machine_only(name: str, listeners: Iterable[str]) -> Finding:
    """Does a service listen on this machine only?"""
    beyond = [one for one in listeners if not one.startswith(("127.", "[::1]:", "[::ffff:127."))]
    if beyond:
        why = "What is meant for this machine, and has no log-in of its own, is reached from the network."
        mend = "haven down; look at what changed its address. Where others must reach it: a proxy with TLS before it."
        return wrong(SERVICES, f"{name}'s ports", f"listens on {some(beyond)}", why, mend)
    return holds(SERVICES, f"{name}'s ports", "on this machine only")


def answers(name: str, purpose: str, *, ok: bool) -> Finding:
    """Does a service that was started answer?"""
    if ok:
        return holds(SERVICES, name, "answers")
    why = f"What {purpose} does not: nothing of it works meanwhile."
    return wrong(
        SERVICES, name, "was started and does not answer", why, f"logs/{name}.log says why; haven down; haven up"
    )


def not_started(name: str, reason: str) -> Finding:
    """A service that this haven should have and that does not run."""
    why = "The services are up without it."
    return wrong(SERVICES, name, f"does not run: {reason}", why, "What the machine lacks stands above; then: haven up")


def nothing_runs() -> Finding:
    """No service of this home runs."""
    why = "Nobody can ask a query, open a workspace or run a flow; the command line works."
    return doubtful(SERVICES, "services", "none runs for this home", why, UP)


def control(facts: ControlFacts) -> Finding:
    """Does the gateway's process answer the hub, and look approvals up? Somebody unknown must be refused."""
    what = "control routes of the hub"
    refused = facts.status == 403 and facts.code is not None
    if refused and facts.code != NOT_KNOWN:
        return holds(SERVICES, what, "answer, and refuse somebody unknown")
    why = "The hub opens nothing without this answer."
    if facts.code == NOT_KNOWN:
        return wrong(
            SERVICES, what, "the approvals could not be looked up", why, "See Records above; haven down; haven up"
        )
    if facts.status == 401:
        mend = "The token's file was changed since the gateway started: haven down; haven up"
        return wrong(SERVICES, what, "the gateway does not take the hub's token", why, mend)
    found = "no answer" if facts.status is None else f"an answer that makes no sense ({facts.status})"
    return wrong(SERVICES, what, found, why, "logs/gateway.log says why; haven down; haven up")


def edge(facts: PageFacts) -> Finding:
    """Does the edge put its policy on a page that asks for another, and close what hands out files?"""
    problems = _holes(facts)
    if not problems:
        return holds(SERVICES, "edge", "puts its policy on a page, and closes downloads")
    why = "A page of a workspace could send data out by the reader's browser: no workspace opens."
    return wrong(
        SERVICES, "edge", some(problems), why, "haven down; haven up. Still so? Look who changed clients/haven-hub."
    )


def _holes(facts: PageFacts) -> list[str]:
    if facts.status != 200:
        return ["gives no page" if facts.status is None else f"gives no page ({facts.status})"]
    named = [(name.lower(), value) for name, value in facts.headers]
    policies = [value for name, value in named if name == "content-security-policy"]
    parts = {part.split()[0]: part.split()[1:] for part in policies[0].split(";") if part.split()} if policies else {}
    own = ("default-src", "connect-src", "form-action")
    problems = [] if len(policies) == 1 else ["the page has not exactly one content policy"]
    problems += [f"{name} lets through more than its own origin" for name in own if parts.get(name) != ["'self'"]]
    if parts.get("frame-src") != ["'none'"]:
        problems.append("the page may frame another, and drive it")
    loose = {"allow-downloads", "allow-popups", "allow-top-navigation", "allow-top-navigation-by-user-activation"}
    if "sandbox" not in parts or loose & set(parts["sandbox"]):
        problems.append("the page may download, open windows or lead away")
    if any(name in ("content-disposition", "refresh") for name, _ in named):
        problems.append("a download or a redirection came through")
    return problems + ([] if facts.closed_status == 403 else ["files are handed out"])


def issuer(address: str, problem: str | None, *, local: bool) -> Finding:
    """Does the issuer say where it answers, and publish a key that may sign?"""
    what = "local development issuer" if local else "identity provider"
    if problem is None:
        return holds(IDENTITY, what, f"{address}: its discovery and its keys can be read")
    why = "Nobody can log in, and once the keys held now are stale everybody is refused."
    mend = (
        "haven down; haven up" if local else "Is it up, is its certificate known ([identity] ca_file)? docs/identity.md"
    )
    return wrong(IDENTITY, what, f"{address}: {problem}", why, mend)


def realm(differences: Sequence[str]) -> Finding:
    """Is the realm what the table of roles and the settings say?"""
    if not differences:
        return holds(IDENTITY, "realm", "as the table of roles and the settings say")
    why = "Somebody changed who may log in, how, or as what."
    return wrong(IDENTITY, "realm", some(list(differences)), why, "haven identity check; then: haven identity repair")


def realm_unreachable(problem: str, mend: str) -> Finding:
    """Keycloak does not answer its keeper."""
    return wrong(IDENTITY, "realm", problem, "Whether somebody changed who may log in is not known.", mend)
