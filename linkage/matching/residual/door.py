"""The reviewers' door: a doubtful pair is shown by the linkage zone's own process, to a reviewer's account only.

The administrator's account never sees a field. What a reviewer was shown and has said is kept in a file of its own in
the zone (`review`); the next linkage takes it, without a field and without a comment, into the records and the log.
Who the reviewer is, is what the kernel says of the connection (linkage.separation.server).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime

import duckdb

from linkage.errors import ZoneForbids
from linkage.matching.residual.errors import NoPair
from linkage.matching.residual.sampling import DrawnPair
from linkage.matching.residual.shown import AskedPair, both_records
from linkage.matching.residual.store import SAMPLE_OF, ClericalPair
from linkage.separation.ports import Answer, Named, Plain, Room
from linkage.zones import count

SHOWN, SAME, DIFFERENT, UNSURE = "shown", "same", "different", "unsure"
ANSWERS = (SAME, DIFFERENT, UNSURE)
LONGEST_COMMENT = 400
LOG = (
    "number BIGINT, what TEXT, pair TEXT, subject_a TEXT, subject_b TEXT, why TEXT, run TEXT, account TEXT,"
    " happened TIMESTAMP, counts BOOLEAN"
)


def next_pair(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """The heaviest pair that waits, field by field; recorded first. asked: account; passed: pairs to pass over.

    pair: None where none waits for this account; left: how many do.
    """
    account, passed = asked["account"], set(asked["passed"])
    with _kept(room) as kept, room.open(read_only=True) as zone:
        waiting = [one for one in _waiting(zone, kept, account) if one.id not in passed]
        for pair in waiting:
            shown = both_records(zone, pair, spilling=room.spilling)
            if shown is not None:
                _write(kept, SHOWN, pair, account)
                return Answer({"pair": asdict(shown), "left": len(waiting)})
    return Answer({"pair": None, "left": 0})


def decide(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """What a reviewer says of a pair that they were shown. asked: account, pair, said, comment. Raises NoPair."""
    account, said = asked["account"], asked["said"]
    if said not in ANSWERS:
        raise ZoneForbids("This is no answer.", where="review", mend=f"There are: {', '.join(ANSWERS)}.")
    with _kept(room) as kept, room.open(read_only=True) as zone:
        waiting = {one.id: one for one in _waiting(zone, kept, account)}
        looked = "SELECT count(*) FROM said WHERE what = ? AND pair = ? AND account = ?"
        seen = count(kept, looked, [SHOWN, asked["pair"], account])
        if asked["pair"] not in waiting or not seen:
            raise NoPair(
                "No pair that waits for your answer has this name.",
                where="review",
                mend="Somebody else may have answered; go on with the next: haven linkage review",
            )
        _write(kept, said, waiting[asked["pair"]], account)
        kept.execute(
            "INSERT INTO comments SELECT max(number), ? FROM said", [str(asked.get("comment", ""))[:LONGEST_COMMENT]]
        )
    return Answer()


def decisions(room: Room, _: Plain, __: Iterator[Named]) -> Answer:
    """Table `said`: what was shown and said since the orchestrator took it last; no field and no comment."""
    with _opened(room, read_only=True) as kept:
        if not count(kept, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'said'"):
            kept.execute(f"CREATE TEMP TABLE said ({LOG})")
            kept.execute("CREATE TEMP TABLE taken (number BIGINT)")
        before = count(kept, "SELECT coalesce(max(number), 0) FROM taken")
        new = kept.sql(
            "SELECT * EXCLUDE (counts) FROM said WHERE number > ? ORDER BY number", params=[before]
        ).to_arrow_table()
    return Answer({}, {"said": new})


def taken(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """The orchestrator has recorded all up to this number. asked: up_to; refused: answers that do not count."""
    with _kept(room) as kept:
        kept.execute("DELETE FROM taken")
        kept.execute("INSERT INTO taken SELECT least(?, max(number)) FROM said", [asked["up_to"]])
        kept.execute("UPDATE said SET counts = false WHERE list_contains(?::BIGINT[], number)", [asked["refused"]])
    return Answer()


def answers_given(room: Room) -> set[tuple[str, bool]]:
    """What reviewers answered here and counts: the pair's name, and whether they are one person's."""
    with _opened(room, read_only=True) as kept:
        if not count(kept, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'said'"):
            return set()
        said = kept.execute("SELECT pair, what FROM said WHERE counts AND what IN (?, ?)", [SAME, DIFFERENT]).fetchall()
    return {(str(pair), what == SAME) for pair, what in said}


def remember(kept: duckdb.DuckDBPyConnection, decided: Iterable[tuple[AskedPair, bool]]) -> None:
    """What was decided before the zone had a door, as said here and taken."""
    prepare_review(kept)
    for pair, same in decided:
        _write(kept, SAME if same else DIFFERENT, pair, "")
    kept.execute("DELETE FROM taken")
    kept.execute("INSERT INTO taken SELECT max(number) FROM said")


def asked_pair(pair: ClericalPair) -> AskedPair:
    """A pair of the records, as the zone names it."""
    run = "" if pair.is_sample else pair.run
    return AskedPair(pair_name(pair.subject_a, pair.subject_b), pair.subject_a, pair.subject_b, pair.why, run)


def prepare_review(kept: duckdb.DuckDBPyConnection) -> None:
    """The tables of what was shown and said; nothing happens where they are there."""
    kept.execute(f"CREATE TABLE IF NOT EXISTS said ({LOG})")
    kept.execute("CREATE TABLE IF NOT EXISTS comments (number BIGINT, comment TEXT)")
    kept.execute("CREATE TABLE IF NOT EXISTS taken (number BIGINT)")
    kept.execute("CREATE TABLE IF NOT EXISTS sampled (a TEXT, b TEXT, step INTEGER)")


def put_samples(room: Room, drawn: list[DrawnPair]) -> None:
    """Pairs that were drawn of what a step joined, to be judged at the door."""
    with _kept(room) as kept:
        kept.executemany("INSERT INTO sampled SELECT ?, ?, ?", [[a, b, step] for a, b, step in drawn])


def _waiting(zone: duckdb.DuckDBPyConnection, kept: duckdb.DuckDBPyConnection, account: str) -> list[AskedPair]:
    """The pairs that wait for this account, the heaviest first; then samples.

    Who is asked again in a later run, because an answer cannot be followed, is a new question.
    """
    found: list[AskedPair] = []
    if count(zone, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'doubtful'"):
        rows = zone.execute(
            "SELECT subject_a::TEXT, subject_b::TEXT, why, run::TEXT FROM doubtful ORDER BY weight DESC, 1, 2"
        ).fetchall()
        found = [AskedPair(pair_name(a, b), a, b, why, run) for a, b, why, run in rows]
    sampled = kept.execute("SELECT DISTINCT a, b, step FROM sampled ORDER BY ALL").fetchall()
    found += [AskedPair(pair_name(a, b), a, b, f"{SAMPLE_OF}{step}") for a, b, step in sampled]
    answered = set(
        kept.execute(
            "SELECT pair, run FROM said WHERE counts AND (what IN (?, ?) OR (what = ? AND account = ?))",
            [SAME, DIFFERENT, UNSURE, account],
        ).fetchall()
    )
    return [one for one in found if (one.id, one.run) not in answered]


def _write(kept: duckdb.DuckDBPyConnection, what: str, pair: AskedPair, account: str) -> None:
    at = datetime.now(UTC).replace(tzinfo=None)
    kept.execute(
        "INSERT INTO said SELECT coalesce(max(number), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ?, true FROM said",
        [what, pair.id, pair.subject_a, pair.subject_b, pair.why, pair.run, account, at],
    )


def _opened(room: Room, *, read_only: bool = False) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    if room.review is None:
        raise ZoneForbids("Nothing is reviewed in this zone.", where="review")
    return room.review(read_only=read_only)


@contextmanager
def _kept(room: Room) -> Iterator[duckdb.DuckDBPyConnection]:
    """The file of what was shown and said, to write in. Small, so that no look has to wait for a copy of the zone."""
    with _opened(room) as kept:
        prepare_review(kept)
        yield kept


def pair_name(a: str, b: str) -> str:
    """A pair's name, whichever of both comes first."""
    return "+".join(sorted((a, b)))
