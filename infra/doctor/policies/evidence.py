"""Do the records answer, and does the log take entries, signed and sound?"""

from __future__ import annotations

from datetime import timedelta

from infra.doctor.facts import LogFacts, RecordsFacts
from infra.doctor.model import LOG, RECORDS, UP, Finding, doubtful, holds, wrong

SLOW_TO_SIGN = timedelta(seconds=60)  # a writer signs each second


def records(facts: RecordsFacts) -> Finding:
    """Can the records be opened, and is their schema this haven's?"""
    what = f"database ({facts.kind})"
    if facts.error is not None:
        why = "Nobody's approval can be looked up: nothing opens and nothing is asked."
        mend = "Is the server up, and [database] or HAVEN_DATABASE right? SQLite: restore the file from its backup."
        return wrong(RECORDS, what, f"cannot be opened ({facts.error})", why, mend)
    if not facts.there or facts.version is None:
        why = "Nothing was recorded in this home yet."
        return doubtful(RECORDS, what, "is empty", why, "Any command that records makes it: haven person add")
    if facts.version == facts.newest:
        return holds(RECORDS, what, f"opens; schema {facts.version}, the newest")
    if facts.version < facts.newest:
        why = "An older haven wrote them; the next command brings the schema to the newest."
        mend = "Back the records up; then run any command that opens them: haven status"
        return doubtful(RECORDS, what, f"schema {facts.version}, and newest is {facts.newest}", why, mend)
    why = "A newer haven wrote them; this one opens them not at all."
    mend = "Use that version of Haven, or restore the records from before its first start."
    return wrong(RECORDS, what, f"schema {facts.version}, and newest known is {facts.newest}", why, mend)


def look_up(error: str | None) -> Finding:
    """Did the approval records say no for somebody whom nobody knows?"""
    if error is None:
        return holds(RECORDS, "look-up of approvals", "works: somebody unknown is refused")
    why = "Whether anybody may work is not known: no workspace opens and no query runs."
    return wrong(
        RECORDS, "look-up of approvals", error, why, "Restore the records from their backup, or mend the server."
    )


def log(facts: LogFacts) -> list[Finding]:
    """Does the log take entries, is it signed, is its edge sound, and who watches it?"""
    return [_writer(facts), _edge(facts), _age(facts), witness()]


def _writer(facts: LogFacts) -> Finding:
    if facts.writer_answers:
        return holds(LOG, "writer", "answers")
    if facts.running:
        why = "No log, no change: every verb of the haven is refused."
        return wrong(LOG, "writer", "does not answer, and the services are up", why, "haven down; then: haven up")
    return holds(LOG, "writer", "does not run now; the next entry starts it")


def _edge(facts: LogFacts) -> Finding:
    if facts.problem is not None:
        why = "Somebody or something changed the evidence."
        mend = "Touch nothing; haven audit verify names every place. Then ask who could write there."
        return wrong(LOG, "quick verification", facts.problem, why, mend)
    found = f"checkpoint's signature, root and newest entries fit ({facts.signed:,} signed)"
    return holds(LOG, "quick verification", f"{found}; the whole: haven audit verify")


def _age(facts: LogFacts) -> Finding:
    if facts.age is None:
        if not facts.unsigned:
            return holds(LOG, "newest checkpoint", "none yet: the log is empty")
        found = f"none, and {facts.unsigned} entries are not signed"
    else:
        found = f"{_span(facts.age)} old; {facts.unsigned} entries are newer and not signed"
        if not facts.unsigned or facts.age < SLOW_TO_SIGN:
            return holds(LOG, "newest checkpoint", found)
    why = "What is not signed yet can be changed without a trace by whoever can write there."
    return doubtful(LOG, "newest checkpoint", found, why, f"{UP}. The writer signs what it finds when it starts.")


def witness() -> Finding:
    """Nobody outside signs checkpoints yet, whatever the settings say."""
    why = "Whoever holds the log's key and its disk could cut the log back and sign on."
    mend = "Until there is one: keep a copy of audit/checkpoint elsewhere; haven audit verify --newest FILE compares."
    return doubtful(LOG, "witness", "none, and none can be set yet", why, mend)


def _span(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} seconds"
