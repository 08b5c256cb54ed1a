"""`haven optout`: to which flows opt-outs apply, the list of them, and what each disclosure certifies."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli import optout_objections
from infra.cli.common import DEFAULT_HOME, As, AsJson, Home, open_haven, print_json, progress_bar

if TYPE_CHECKING:
    from access.optouts.model import OptOutCertificate

Project = Annotated[str, typer.Argument(help="The project's id.")]
Dataset = Annotated[str, typer.Argument(help="The dataset.")]
GOES_ON = "It goes on by itself with: haven optout refresh --wait"


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    topic = typer.Typer(no_args_is_help=True, help="National opt-outs and local objections: a gate, not a step.")
    topic.command("rules")(rules)
    topic.command("decide")(decide)
    topic.command("flows")(flows)
    topic.command("refresh")(refresh)
    topic.command("status")(status)
    topic.command("purge")(purge)
    topic.command("certificates")(certificates)
    topic.command("certificate")(certificate)
    topic.command("sandbox")(sandbox)
    optout_objections.register(topic)
    app.add_typer(topic, name="optout")


def rules() -> None:
    """The rule: each case, and the evidence without which opt-outs apply all the same.

    Example: `haven optout rules`
    """
    from access.optouts.policies import RULES

    typer.echo("Opt-outs apply by default. Not in these cases, each with its evidence:")
    for rule in RULES.values():
        typer.echo(f"{rule.case.value:<30} {rule.about}")
        typer.echo(f"{'':<30} evidence: {rule.evidence}")


def decide(
    project: Project,
    dataset: Dataset,
    who: As,
    case: Annotated[str, typer.Option("--case", help="Which case of `haven optout rules`.")],
    evidence: Annotated[
        str, typer.Option("--evidence", help="The reference or the reason; empty: opt-outs apply.")
    ] = "",
    to: Annotated[list[str] | None, typer.Option("--to", help="The organisation that receives; default: each.")] = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Say under which case a dataset's flow to a project falls. A controller decides on its own data.

    Example: `haven optout decide diabetes-admissions gp --case nhs-number-missing --evidence "Two of 9,000." --as gp`
    """
    from access.optouts.errors import UnknownOptOut
    from access.optouts.model import OptOutCase
    from access.optouts.policies import exempts

    if case not in set(OptOutCase):
        raise UnknownOptOut("The rule knows no such case.", where=case[:40], mend="haven optout rules")
    haven = open_haven(home)
    by, chosen = haven.actor(who), OptOutCase(case)
    for recipient in to or haven.opt_outs.recipients_of(project):
        for made in haven.opt_outs.decide(project, dataset, recipient, chosen, evidence or None, by=by):
            exempt = exempts(chosen, made.evidence)
            done = "opt-outs do not apply" if exempt else "opt-outs apply: the evidence is missing"
            of = f"version {made.flow.version}, {dataset} to {recipient}"
            typer.echo(f"{of}: {done} ({chosen.value}; decision {made.id}).")


def flows(project: Project, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """How each flow of a live project stands: do opt-outs apply, and by which decision.

    Example: `haven optout flows diabetes-admissions`
    """
    haven = open_haven(home)
    plan = haven.disclosures.plan(haven.access.live_scope(project))
    if as_json:
        print_json([asdict(one) for one in plan.standings])
        return
    for one in plan.standings:
        said = "apply" if one.applies else "do not apply"
        by = f" by {', '.join(one.decisions)}" if one.decisions else ""
        typer.echo(f"{one.flow.dataset} to {one.flow.recipient}: opt-outs {said}{by}")


def refresh(
    who: As,
    wait: Annotated[bool, typer.Option("--wait", help="Until the answer comes, or its time is over.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Ask the national service who opted out, or go on with the asking that is under way. Nothing is sent twice.

    Example: `haven optout refresh --wait --as emrys`
    """
    haven = open_haven(home)
    with progress_bar("opt-outs", quiet=as_json) as progress:
        done = haven.opt_out_lists.refresh(by=haven.actor(who), wait=wait, progress=progress)
    if as_json:
        print_json({"list": done.list.id, "state": done.list.state.value, "resumed": done.resumed})
        return
    if done.done:
        typer.echo(
            f"List {done.list.id} is in force, as at {done.list.as_at:%Y-%m-%d %H:%M}. Publish the scopes again."
        )
    else:
        typer.echo(f"Request {done.list.id} is with MESH; the answer can take tens of minutes. {GOES_ON}")


def status(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The list in force and the askings before it: states, times and what was wrong; never a number.

    Example: `haven optout status`
    """
    from audit.suppression import shown_count

    haven = open_haven(home)
    found, unrecorded = haven.opt_out_lists.status()
    longest = haven.settings.optouts.longest_age_days
    if as_json:
        lists = [{"id": one.id, "state": one.state.value, "as_at": one.as_at, "failure": one.failure} for one in found]
        print_json({"longest_age_days": longest, "lists": lists, "objections_not_recorded": unrecorded})
        return
    typer.echo(
        f"A list may be {longest} days old." if longest else "How old a list may be is not set: nothing is used."
    )
    for one in found:
        bad = "".join(f", {shown_count(rows)} bad ({reason})" for reason, rows in one.bad.items())
        asked = f"{shown_count(one.asked)} asked{bad}"
        typer.echo(f"{one.id}  {one.as_at:%Y-%m-%d %H:%M}  {one.state.value:<9} {asked} {one.sentence or ''}".rstrip())
    if not found:
        typer.echo("No list was ever asked for: haven optout refresh --wait")
    for name in unrecorded:
        typer.echo(f"Objection {name}: the person is named, and the wish is not recorded: haven optout object {name}")


def purge(
    who: As,
    out: Annotated[Path, typer.Option("--out", help="Where the certificate is written.")],
    everything: Annotated[bool, typer.Option("--everything", help="Also the list in force.")] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Erase lists that are not in force or are older than they may be, and certify it.

    Example: `haven optout purge --out purged.json --as emrys`
    """
    haven = open_haven(home)
    made = haven.opt_out_lists.purge(by=haven.actor(who), everything=everything)
    if made is None:
        typer.echo("There is nothing to purge.")
        return
    out.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    typer.echo(f"Purged {len(made['statement']['lists'])} lists. The certificate: {out}")


def certificates(
    project: Annotated[str | None, typer.Option("--project", help="Only this project's.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Every disclosure's certificate, the newest first.

    Example: `haven optout certificates --project diabetes-admissions`
    """
    found = open_haven(home).disclosures.certificates(project)
    if as_json:
        print_json([certificate_as_data(one) for one in found])
        return
    for one in found:
        applied = "opt-outs applied" if one.plan.applies else "opt-outs do not apply"
        typer.echo(
            f"{one.id}  {one.at:%Y-%m-%d %H:%M}  {one.kind:<8} {one.plan.project} v{one.plan.version}: {applied}"
        )
    if not found:
        typer.echo("Nothing was disclosed yet.")


def certificate(
    name: Annotated[str, typer.Argument(help="The certificate's id.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """One disclosure: which list, of what time, by which decisions, how many before and after (small counts hidden).

    Example: `haven optout certificate 6f0e2a52-0e3c-4a53-9d65-2f8a0f3a1c11`
    """
    data = certificate_as_data(open_haven(home).disclosures.certificate(name))
    if as_json:
        print_json(data)
        return
    for label, value in data.items():
        typer.echo(f"{label:<14} {value if not isinstance(value, (dict, list)) else json.dumps(value)}")


def certificate_as_data(found: OptOutCertificate) -> dict[str, Any]:
    """A certificate as others may see it: counts suppressed, also what they differ by."""
    from audit.suppression import shown_count

    def shown(before: int, after: int) -> dict[str, str]:
        return {"before": shown_count(before), "after": shown_count(after), "left_out": shown_count(before - after)}

    plan = found.plan
    return {
        "certificate": found.id,
        "kind": found.kind,
        "project": f"{plan.project} version {plan.version}",
        "subject": found.subject,
        "applied": plan.applies,
        "list": plan.using and {"id": plan.using.id, "as_at": plan.using.as_at.isoformat(timespec="minutes")},
        "flows": [
            {"dataset": one.flow.dataset, "to": one.flow.recipient, "apply": one.applies, "decisions": one.decisions}
            for one in plan.standings
        ],
        "objections": len(plan.objections) > 0,
        "people": shown(*found.people),
        "records": {table: shown(*pair) for table, pair in found.rows.items()},
        "by": found.by,
        "at": found.at.isoformat(timespec="minutes"),
    }


def sandbox(
    opted_out: Annotated[Path, typer.Option("--opted-out", help="Invented NHS numbers that opted out, one a line.")],
    home: Home = DEFAULT_HOME,
    misbehave: Annotated[
        str | None, typer.Option("--misbehave", help="How the service misbehaves, for trials.")
    ] = None,
) -> None:
    """For trials: NHS England's MESH sandbox on this machine with a simulated national service, until Ctrl-C.

    Example: `haven optout sandbox --opted-out opted-out.txt`
    """
    import threading

    from infra.mesh.sandbox import running_sandbox
    from infra.mesh.spine import Misbehaviour, SimulatedSpine, answering, numbers_in
    from infra.settings import SettingsError, load_settings

    settings = load_settings(home)
    if settings.real_data:
        raise SettingsError("This haven holds real data: nobody is asked about in a sandbox.", where=str(home))
    if misbehave is not None and misbehave not in set(Misbehaviour):
        raise SettingsError("The service cannot misbehave so.", where=misbehave[:40], mend=", ".join(Misbehaviour))
    wrong = None if misbehave is None else Misbehaviour(misbehave)
    with running_sandbox(settings.environments_folder, settings.home / "mesh") as running:
        mesh = running.settings
        typer.echo("The sandbox runs. While it does, this table of haven.toml names it:\n\n[optouts.mesh]")
        for key in ("url", "mailbox", "recipient", "password_file", "shared_key_file"):
            typer.echo(f'{key} = "{getattr(mesh, key)}"')
        typer.echo("\nCtrl-C ends it.", err=True)
        with answering(SimulatedSpine(running, numbers_in(opted_out), wrong)):
            threading.Event().wait()
