"""How right is each step, as people see it? A sample of what was joined goes into the clerical queue.

Drawn alike from every step, so that rare steps are judged too. What reviewers say estimates the step's precision, and
stands as any decision does: records that they tell apart are apart from the next linkage on.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

import duckdb

from linkage.matching.ladder import NOT_JOINED
from linkage.matching.residual.store import SAMPLE_OF, ClericalPair

MOST_DRAWN = 10_000
DrawnPair = tuple[str, str, int]  # two subjects, and the step that joined the second


def draw_joined_pairs(zone: duckdb.DuckDBPyConnection, size: int) -> list[DrawnPair]:
    """At most `size` pairs, the same number from each step as far as it has them; by chance, and each person once.

    A pair is a record that the step joined and the nearest record of the same person: of another dataset if there is.
    """
    rows = zone.execute(
        "WITH joined AS (SELECT l.record, l.person, l.step, e.subject, e.dataset FROM links l JOIN evidence e"
        f" USING (record) WHERE l.step <> {NOT_JOINED}),"
        " pairs AS (SELECT x.person, x.step, x.subject AS a, min_by(y.subject, (y.dataset = x.dataset, y.record)) AS b"
        "  FROM joined x JOIN joined y ON x.person = y.person AND x.record <> y.record GROUP BY ALL),"
        " drawn AS MATERIALIZED (SELECT *, random() AS luck FROM pairs),"
        " once AS (FROM drawn QUALIFY row_number() OVER (PARTITION BY person ORDER BY step DESC, luck) = 1),"
        " placed AS (SELECT *, row_number() OVER (PARTITION BY step ORDER BY luck) AS place FROM once)"
        " SELECT a::TEXT, b::TEXT, step FROM placed ORDER BY place, luck LIMIT ?",
        [size],
    ).fetchall()
    return [(str(a), str(b), int(step)) for a, b, step in rows]


def sample_pairs(drawn: Sequence[DrawnPair], at: datetime, known: set[frozenset[str]], run: str) -> list[ClericalPair]:
    """The queue's entries for these pairs, without those that were asked about before. No weight is shown with them."""
    return [
        ClericalPair(
            id=str(uuid.uuid4()),
            subject_a=a,
            subject_b=b,
            weight=0.0,
            fields={},
            why=f"{SAMPLE_OF}{step}",
            run=run,
            asked_at=at,
            settled=False,
        )
        for a, b, step in drawn
        if frozenset((a, b)) not in known
    ]


def judged_steps(decided: Sequence[ClericalPair]) -> list[tuple[int, int, int]]:
    """step, pairs judged, pairs called one person: of what was drawn from each step."""
    counts: dict[int, list[bool]] = {}
    for pair in decided:
        if pair.is_sample:
            counts.setdefault(int(pair.why.removeprefix(SAMPLE_OF)), []).append(bool(pair.same))
    return [(step, len(said), sum(said)) for step, said in sorted(counts.items())]
