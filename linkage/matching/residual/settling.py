"""After the ladder, within the same transaction: weigh who is found in one dataset only, join, and note whom to ask.

New records are weighed against everybody and against each other; two that were there before were weighed then. What
people have decided stands above what the model says. Without an approved model only their decisions are applied.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from audit.progress import Progress, silent
from linkage.matching.decisions import MOST_PAIRS, PairDecision
from linkage.matching.ladder import DECIDED_STEP, FIELDS, MODEL_STEP, NOT_JOINED
from linkage.matching.residual.candidates import REGISTERS, gather_candidates, gather_sides, prepare_crowded
from linkage.matching.residual.earlier import (
    asked_before,
    note_put_together,
    parts_of_one,
    prepare_ladder_left,
    renew_ladder_left,
)
from linkage.matching.residual.parting import Parted, part
from linkage.matching.residual.reduction import SEVERAL, Bounds, Pair, Reduced, Traits, connected_with, reduce_pairs
from linkage.matching.residual.slices import Weighing, weigh_in_slices
from linkage.matching.residual.weighing import NOTHING_WEIGHED
from linkage.specified.frozen import FrozenModel
from linkage.zones import count

CLERICAL_REVIEW = "clerical_review"
"""The flag of a record that a person is asked about."""
ONE_PERSONS_OWN = ("born", "forename")
"""What a household does not share. Where neither speaks clearly for the pair (by two bits), the machine never joins
it and people are asked: a mother's NHS number typed into her child's record agrees on all the rest."""
CLEARLY = 2
JUST_BELOW = 0.5
OF_CLUSTERS = (
    "SELECT a, b, arg_max(w, (w, -l, -r)) AS weight, arg_max(struct_pack(l := l, r := r, fields := fields),"
    " (w, -l, -r)) AS best FROM (SELECT least(x.cluster, y.cluster) AS a, greatest(x.cluster, y.cluster) AS b, l, r,"
    " fields, CASE WHEN {own} THEN weight ELSE least(weight, $accept - $below) END AS w FROM weighed"
    " JOIN sides x ON x.record = l JOIN sides y ON y.record = r) GROUP BY a, b"
).format(own=" OR ".join(f"coalesce((fields->>'{name}')::DOUBLE > {CLEARLY}, false)" for name in ONE_PERSONS_OWN))
"""The weight between two clusters is that of their heaviest pair of records."""


@dataclass(frozen=True)
class ResidualPlan:
    """With what the residual is settled. model: None where none is approved. decisions: the oldest first."""

    model: FrozenModel | None = None
    model_id: str | None = None
    decisions: Sequence[PairDecision] = ()
    bounds: Bounds = field(default_factory=Bounds)
    most_pairs: int = MOST_PAIRS
    weighing: Weighing = field(default_factory=Weighing)

    @property
    def standing(self) -> tuple[PairDecision, ...]:
        """The last word said of each pair of records."""
        return tuple({frozenset((one.subject_a, one.subject_b)): one for one in self.decisions}.values())


LADDER_ONLY = ResidualPlan()


def speaks_for_one(fields: Mapping[str, float | None]) -> bool:
    """Does what a household does not share speak clearly for one person? As OF_CLUSTERS asks it."""
    return any((fields.get(name) or 0.0) > CLEARLY for name in ONE_PERSONS_OWN)


def prepare_residual(zone: duckdb.DuckDBPyConnection) -> None:
    """The tables of the pairs that a person is to be asked about, of what the ladder left, and of what was left out of
    weighing. Nothing happens where they are there.
    """
    prepare_crowded(zone)
    prepare_ladder_left(zone)
    zone.execute(
        "CREATE TABLE IF NOT EXISTS doubtful (subject_a UUID NOT NULL, subject_b UUID NOT NULL, weight DOUBLE NOT NULL,"
        " fields TEXT NOT NULL, why TEXT NOT NULL, run UUID NOT NULL)"
    )
    for column in ("model TEXT", "test_range BOOLEAN"):  # by what it was weighed, for who is shown the pair
        zone.execute(f"ALTER TABLE doubtful ADD COLUMN IF NOT EXISTS {column}")


def settle_residual(
    zone: duckdb.DuckDBPyConnection, plan: ResidualPlan, run: str, *, test_range: bool, progress: Progress = silent
) -> None:
    """Change `work` of the ladder by what the model and people say. Raises TooManyCandidates.

    It gets the columns for what the model says, empty where it says nothing.
    """
    for column in ("score DOUBLE", "field_scores TEXT"):
        zone.execute(f"ALTER TABLE work ADD COLUMN {column}")
    if count(zone, "SELECT count(*) FROM doubtful"):
        zone.execute(
            "DELETE FROM doubtful WHERE list_has_any([subject_a, subject_b],"
            " (SELECT coalesce(list(subject), []) FROM evidence SEMI JOIN pool USING (record)))"
            " OR subject_a NOT IN (SELECT subject FROM evidence) OR subject_b NOT IN (SELECT subject FROM evidence)"
        )
    zone.execute("DELETE FROM crowded")
    torn = _part(zone, plan.standing)
    renew_ladder_left(zone)
    if plan.model is None and not plan.decisions:
        return
    progress("finding whom to weigh", 0, None)
    gather_sides(zone)
    weighed = NOTHING_WEIGHED
    if plan.model is not None:
        pairs = gather_candidates(zone, plan.most_pairs)
        progress(f"weighing {pairs:,} pairs that are left over", 0, None)
        weighed = weigh_in_slices(zone, plan.model, plan.weighing, plan.bounds.ask, test_range=test_range)
    zone.register("weighed", weighed.filter(pl.col("weight") >= plan.bounds.ask).to_arrow())
    zone.execute(
        f"CREATE OR REPLACE TEMP TABLE cluster_pairs AS SELECT a, b, weight, best.* FROM ({OF_CLUSTERS})",
        {"accept": plan.bounds.accept, "below": JUST_BELOW},
    )
    zone.unregister("weighed")
    weights = {
        (int(a), int(b)): float(w) for a, b, w in zone.execute("SELECT a, b, weight FROM cluster_pairs").fetchall()
    }
    same, different = (_decided(zone, plan.standing, same=same) for same in (True, False))
    if weights or same or torn:
        reduced = _reduce(zone, plan.bounds, weights, same, different)
        reduced = _asking(zone, reduced, torn, different)
        _join(zone, reduced.joined, {one for pair in same for one in pair})
        _ask(zone, reduced, run, plan.model_id, test_range=test_range)
    for table in ("sides", "candidates", "cluster_pairs", "decided", "joined", "asked"):
        zone.execute(f"DROP TABLE IF EXISTS temp.{table}")


def _reduce(
    zone: duckdb.DuckDBPyConnection,
    bounds: Bounds,
    weights: Mapping[Pair, float],
    same: set[Pair],
    different: set[Pair],
) -> Reduced:
    """Decide, with what earlier runs made of those outside the pool; what they asked is asked already."""
    before = asked_before(zone, bounds.accept)
    together = parts_of_one(zone, {one for pair in (*weights, *same, *before) for one in pair})
    concerned = connected_with({*weights, *same}, {*before, *together})
    known = {pair: weight for pair, weight in before.items() if pair in concerned}
    traits = _traits(zone, {one for pair in (*weights, *same, *concerned) for one in pair})
    reduced = reduce_pairs(
        {**known, **weights}, traits, bounds, same=same, different=different, together=together & concerned
    )
    return Reduced(reduced.joined, {pair: why for pair, why in reduced.asked.items() if pair not in known})


def _part(zone: duckdb.DuckDBPyConnection, decisions: Sequence[PairDecision]) -> list[Pair]:
    """A cluster in which people told two records apart is divided by the ladder's steps; pairs of clusters to ask of.

    A record that no step joins any more stands alone, as one that was never joined.
    """
    apart = [(one.subject_a, one.subject_b) for one in decisions if not one.same]
    if not apart:
        return []
    torn = zone.execute(
        "SELECT DISTINCT x.cluster, e.record, f.record FROM (SELECT unnest(?::UUID[]) AS a, unnest(?::UUID[]) AS b) d"
        " JOIN evidence e ON e.subject = d.a JOIN work x ON x.record = e.record"
        " JOIN evidence f ON f.subject = d.b JOIN work y ON y.record = f.record WHERE x.cluster = y.cluster",
        [[a for a, _ in apart], [b for _, b in apart]],
    ).fetchall()
    pairs: dict[int, list[Pair]] = defaultdict(list)
    for cluster, a, b in torn:
        pairs[cluster].append((a, b))
    parted = [part(*_tokens_of(zone, cluster, found)) for cluster, found in sorted(pairs.items())]
    _write_parts(zone, parted)
    return [pair for one in parted for pair in one.asked]


def _tokens_of(
    zone: duckdb.DuckDBPyConnection, cluster: int, apart: list[Pair]
) -> tuple[dict[int, dict[str, Any]], list[Pair], dict[int, str | None]]:
    """What `part` is asked with: the records of a cluster with their tokens, and of each its dataset, if a register."""
    rows = zone.execute(
        f"SELECT record, {', '.join(FIELDS)}, CASE WHEN register THEN dataset END AS of_register"
        " FROM evidence JOIN datasets USING (dataset) SEMI JOIN (SELECT record FROM work WHERE cluster = ?) w"
        " USING (record)",
        [cluster],
    ).fetchall()
    tokens = {row[0]: dict(zip(FIELDS, row[1:-1], strict=True)) for row in rows}
    return tokens, apart, {row[0]: row[-1] for row in rows}


def _write_parts(zone: duckdb.DuckDBPyConnection, parted: Sequence[Parted]) -> None:
    """Into `work`: each part a cluster of its own, with what the guards ask of it."""
    rows = [(record, min(group), one.steps.get(record)) for one in parted for group in one.groups for record in group]
    if not rows:
        return
    parts = pl.DataFrame(rows, schema={"record": pl.Int64, "label": pl.Int64, "by": pl.Int16}, orient="row")
    zone.register("parts", parts.to_arrow())
    zone.execute(
        "UPDATE work SET cluster = t.label, step = t.by, c_n_low = t.n_low, c_n_high = t.n_high, c_first = t.first,"
        " c_last = t.last, c_datasets = t.datasets FROM (SELECT p.record, p.label, p.by, min(e.n) OVER part AS n_low,"
        " max(e.n) OVER part AS n_high, min(e.gi) OVER part AS first, max(e.gi) OVER part AS last,"
        " bit_or(d.bit) OVER part AS datasets FROM parts p JOIN evidence e USING (record) JOIN datasets d"
        " USING (dataset) WINDOW part AS (PARTITION BY p.label)) t WHERE work.record = t.record"
    )
    zone.unregister("parts")


def _asking(zone: duckdb.DuckDBPyConnection, reduced: Reduced, torn: list[Pair], different: set[Pair]) -> Reduced:
    """With what agrees equally with two that were told apart, as far as nobody has said or weighed whose it is."""
    joined = reduced.joined
    left = [pair for pair in torn if not joined.keys() & set(pair) and pair not in different]
    added = {pair: SEVERAL for pair in left if not set(pair) & set(joined.values())} | reduced.asked
    for a, b in added:
        zone.execute(
            "INSERT INTO cluster_pairs BY NAME SELECT $a AS a, $b AS b, 0 AS weight, $a AS l, $b AS r, '{}' AS fields"
            " WHERE NOT EXISTS (FROM cluster_pairs c WHERE c.a = $a AND c.b = $b)",
            {"a": a, "b": b},
        )
    return Reduced(joined, added)


def _decided(zone: duckdb.DuckDBPyConnection, decisions: Sequence[PairDecision], *, same: bool) -> set[Pair]:
    """The pairs of clusters that people decided upon, as the clusters are now; one cluster already is no pair.

    They are in `cluster_pairs` from here on, also where nothing was weighed.
    """
    wanted = [(one.subject_a, one.subject_b) for one in decisions if one.same == same]
    if not wanted:
        return set()
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE decided AS SELECT least(a.cluster, b.cluster) AS a,"
        " greatest(a.cluster, b.cluster) AS b, min(a.record) AS l, min(b.record) AS r"
        " FROM (SELECT unnest(?::UUID[]) AS x, unnest(?::UUID[]) AS y) d"
        " JOIN evidence p ON p.subject = d.x JOIN sides a ON a.record = p.record"
        " JOIN evidence q ON q.subject = d.y JOIN sides b ON b.record = q.record"
        " WHERE a.cluster <> b.cluster AND (a.pool OR b.pool OR NOT ?) GROUP BY 1, 2",
        [[a for a, _ in wanted], [b for _, b in wanted], same],
    )
    zone.execute(
        "INSERT INTO cluster_pairs BY NAME SELECT a, b, 0 AS weight, l, r, '{}' AS fields FROM decided"
        " ANTI JOIN cluster_pairs USING (a, b)"
    )
    rows = zone.execute("SELECT a, b FROM decided").fetchall()
    return {(int(a), int(b)) for a, b in rows}


def _traits(zone: duckdb.DuckDBPyConnection, clusters: set[int]) -> dict[int, Traits]:
    rows = zone.execute(
        f"SELECT DISTINCT cluster, n_low, n_high, first, last, datasets, datasets & ({REGISTERS}) FROM sides"
        " WHERE cluster IN (SELECT unnest(?::BIGINT[]))",
        [sorted(clusters)],
    ).fetchall()
    return {int(cluster): Traits(*traits) for cluster, *traits in rows}


def _join(zone: duckdb.DuckDBPyConnection, joined: dict[int, int], decided: set[int]) -> None:
    """Into `work`: the clusters outside the pool that are concerned, as the ladder left them; then one for each person.

    A record that a step had joined keeps its step; the others get the model's, or the reviewers', with their weight.
    """
    if not joined:
        return
    labels = joined | {label: label for label in joined.values()}
    zone.register(
        "labels_of",
        pl.DataFrame(
            {
                "cluster": list(labels),
                "label": list(labels.values()),
                "by": [DECIDED_STEP if cluster in decided else MODEL_STEP for cluster in labels],
            },
            schema={"cluster": pl.Int64, "label": pl.Int64, "by": pl.UInt8},
        ).to_arrow(),
    )
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE joined AS SELECT j.*, b.weight, b.fields FROM labels_of j LEFT JOIN"
        " (SELECT cluster, max(weight) AS weight, arg_max(fields, weight) AS fields FROM"
        " (SELECT a AS cluster, b AS other, * FROM cluster_pairs UNION ALL SELECT b, a, * FROM cluster_pairs) e"
        " WHERE (SELECT label FROM labels_of l WHERE l.cluster = e.cluster)"
        " = (SELECT label FROM labels_of l WHERE l.cluster = e.other) GROUP BY cluster) b USING (cluster)"
    )
    zone.unregister("labels_of")
    zone.execute(
        f"INSERT INTO work BY NAME SELECT s.record, s.cluster, nullif(l.step, {NOT_JOINED}) AS step,"
        " s.n_low AS c_n_low, s.n_high AS c_n_high, s.first AS c_first, s.last AS c_last, s.datasets AS c_datasets,"
        " l.score, l.field_scores FROM sides s JOIN links l USING (record) SEMI JOIN joined j USING (cluster)"
        " WHERE NOT s.pool"
    )
    note_put_together(zone)
    zone.execute(
        "UPDATE work SET cluster = j.label, step = coalesce(work.step, j.by),"
        " score = CASE WHEN work.step IS NULL THEN j.weight ELSE work.score END,"
        " field_scores = CASE WHEN work.step IS NULL THEN j.fields ELSE work.field_scores END"
        " FROM joined j WHERE work.cluster = j.cluster"
    )


def _ask(zone: duckdb.DuckDBPyConnection, reduced: Reduced, run: str, model: str | None, *, test_range: bool) -> None:
    """Keep the pairs that a person decides, and say so of their records."""
    if not reduced.asked:
        return
    pairs = list(reduced.asked)
    zone.register(
        "asked_pairs",
        pl.DataFrame(
            {"a": [a for a, _ in pairs], "b": [b for _, b in pairs], "why": list(reduced.asked.values())}
        ).to_arrow(),
    )
    zone.execute("CREATE OR REPLACE TEMP TABLE asked AS SELECT * FROM asked_pairs JOIN cluster_pairs USING (a, b)")
    zone.unregister("asked_pairs")
    zone.execute(
        "INSERT INTO doubtful BY NAME SELECT x.subject AS subject_a, y.subject AS subject_b, weight, fields, why,"
        " ?::UUID AS run, ? AS model, ? AS test_range FROM asked"
        " JOIN evidence x ON x.record = asked.l JOIN evidence y ON y.record = asked.r",
        [run, model, test_range],
    )
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE doubts AS FROM doubts UNION"
        f" SELECT unnest([l, r]) AS record, '{CLERICAL_REVIEW}' AS flag FROM asked"
    )


def doubtful_pairs(zone: duckdb.DuckDBPyConnection, *, whole_bits: bool) -> pa.Table:
    """What a person is to be asked about, as it stands: subjects, weight, the columns' weights, why, and the run.

    whole_bits: the weight rounded down, and no column's weight, which would tell how common a value is.
    """
    told = "floor(weight) AS weight, '{}' AS fields" if whole_bits else "weight, fields"
    return zone.sql(
        f"SELECT subject_a::TEXT AS subject_a, subject_b::TEXT AS subject_b, {told}, why, run::TEXT AS run"
        " FROM doubtful ORDER BY ALL"
    ).to_arrow_table()
