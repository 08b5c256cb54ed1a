"""Are the programs what the locks say, and can the machine keep workspaces apart and hold what comes?"""

from __future__ import annotations

from collections.abc import Sequence

from access.decisions import Decision, Refused
from infra.doctor.facts import EnvironmentFacts, RoomFacts
from infra.doctor.model import HOME, MACHINE, PROGRAMS, Finding, doubtful, holds, some, wrong

AGAIN = "Run ./haven from the checkout: it makes what is not complete. By hand: python3 scripts/install.py {}"
LITTLE, TOO_LITTLE = 0.15, 0.05
TOO_FEW_BYTES = 1024**3


def environment(facts: EnvironmentFacts) -> Finding:
    """Is a Python environment what its lock says, distribution by distribution?"""
    what, mend = f"environment {facts.name}", AGAIN.format(facts.name)
    if not facts.there:
        return wrong(PROGRAMS, what, "is not there", "What runs in it cannot start.", mend)
    problems = [f"{name} is missing" for name in facts.missing]
    problems += [f"{name} is {found} and the lock says {locked}" for name, found, locked in facts.differing]
    if problems:
        why = "It runs code that nobody reviewed and the tests never saw, or breaks where they held."
        return wrong(PROGRAMS, what, some(problems), why, mend)
    if not facts.stamped:
        why = "Its installation did not come to its end, or was of another lock."
        return wrong(PROGRAMS, what, "was not finished from this lock", why, mend)
    if facts.extra:
        why = "What no lock names was reviewed by nobody; the haven does not need it."
        found = f"holds what is in no lock: {some(list(facts.extra))}"
        return doubtful(PROGRAMS, what, found, why, f"Remove the folder of the environment. {mend}")
    return holds(PROGRAMS, what, f"complete: {facts.distributions} distributions as in its lock")


def duckdb(installed: str, pinned: str | None) -> Finding:
    """Is the engine the one for which the query gate's functions were reviewed?"""
    if installed == pinned:
        return holds(PROGRAMS, "DuckDB", f"{installed}, as pinned")
    why = "The query gate's functions were reviewed for one version; another may bring functions that nobody has seen."
    return wrong(PROGRAMS, "DuckDB", f"{installed}, and pinned is {pinned or 'none'}", why, AGAIN.format("haven"))


def kernel(why: str | None, mend: str, *, broken: bool = False) -> Finding:
    """Is there a compiled kernel for tokens? why: None where it is used."""
    if why is None:
        return holds(PROGRAMS, "kernel of tokens", "compiled, and held to hmac.digest")
    if broken:
        return wrong(PROGRAMS, "kernel of tokens", why, "It is not used: linkage makes no tokens with it.", mend)
    return doubtful(PROGRAMS, "kernel of tokens", f"none: {why}", "The same tokens are made, more slowly.", mend)


def protections(found: Sequence[tuple[str, Decision]]) -> list[Finding]:
    """What keeps workspaces and workers apart, each by itself."""
    why = "No workspace opens without it, and with real data no worker of the gateway starts."
    words = {
        "sandbox program": "there, and a trial sandbox answered",
        "call filter library": "libseccomp is there",
        "user namespaces": "a trial sandbox came to be",
        "walls of the sandbox": "no network and no rights within the trial",
        "call filter": "in force: forbidden sockets were refused within the trial, and can be made without",
        "accounts of projects": "the trial took an account number of its own",
    }
    findings = []
    for what, decision in found:
        if isinstance(decision, Refused):
            findings.append(wrong(MACHINE, what, decision.reason, why, decision.mend or ""))
        else:
            findings.append(holds(MACHINE, what, words[what]))
    return findings


def r(there: bool, packages: Sequence[str]) -> Finding:
    """Do workspaces offer R? Without it nothing is wrong."""
    install = f"workspaces have Python only (R is optional; Debian: apt-get install {' '.join(packages)})"
    return holds(MACHINE, "R in workspaces", "there, with its kernel for notebooks" if there else install)


def room(facts: RoomFacts) -> list[Finding]:
    """Is there room for bytes, and for files?"""
    gigabytes = f"{facts.free_bytes / 1024**3:.1f} GB free of {facts.all_bytes / 1024**3:.1f}"
    bytes_found = _room("room on the disk", gigabytes, facts.free_bytes, facts.all_bytes, floor=TOO_FEW_BYTES)
    if not facts.all_inodes:
        return [bytes_found]
    inodes = f"{facts.free_inodes:,} free of {facts.all_inodes:,}"
    return [bytes_found, _room("room for files (inodes)", inodes, facts.free_inodes, facts.all_inodes, floor=0)]


def _room(what: str, found: str, free: int, of: int, *, floor: int) -> Finding:
    why = "The log's writer stops where it cannot write, and without the log nothing happens."
    mend = "Make room: haven housekeeping says what may go; or move the home to a larger disk."
    if free < max(floor, TOO_LITTLE * of):
        return wrong(HOME, what, found, why, mend)
    return doubtful(HOME, what, found, why, mend) if free < LITTLE * of else holds(HOME, what, found)
