"""After the ladder, within the same transaction: weigh who is found in one dataset only, join, and note whom to ask.

New records are weighed against everybody and against each other; two that were there before were weighed then. What
people have decided stands above what the model says. Without an approved model only their decisions are applied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import polars as pl
import pyarrow as pa

from audit.progress import Progress, silent
from linkage.matching.decisions import MOST_PAIRS, PairDecision
from linkage.matching.ladder import DECIDED_STEP, MODEL_STEP, NOT_JOINED
from linkage.matching.residual.candidates import REGISTERS, gather_candidates, gather_sides, prepare_crowded
from linkage.matching.residual.reduction import Bounds, Pair, Reduced, Traits, reduce_pairs
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
    """The tables of the pairs that a person is to be asked about, and of what was left out of weighing.

    Nothing happens where they are there.
    """
    prepare_crowded(zone)
    zone.execute(
        "CREATE TABLE IF NOT EXISTS doubtful (subject_a UUID NOT NULL, subject_b UUID NOT NULL, weight DOUBLE NOT NULL,"
        " fields TEXT NOT NULL, why TEXT NOT NULL, run UUID NOT NULL)"
    )
    for column in ("model TEXT", "test_range BOOLEAN"):  # by what it was weighed, for who is shown the pair
        zone.execute(f"ALTER TABLE doubtful ADD COLUMN IF NOT EXISTS {column}")


def settle_residual(
    zone: duckdb.DuckDBPyConnection, plan: ResidualPlan, run: str, *, test_range: bool, progress: Progress = silent
) -> None:
    """Change `work` of the ladder by what the model and people say. Raises TooManyCandidates."""
    if count(zone, "SELECT count(*) FROM doubtful"):
        zone.execute(
            "DELETE FROM doubtful WHERE list_has_any([subject_a, subject_b],"
            " (SELECT coalesce(list(subject), []) FROM evidence SEMI JOIN pool USING (record)))"
            " OR subject_a NOT IN (SELECT subject FROM evidence) OR subject_b NOT IN (SELECT subject FROM evidence)"
        )
    zone.execute("DELETE FROM crowded")
    if plan.model is None and not plan.decisions:
        return
    _dissolve(zone, plan.standing)
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
    if weights or same:
        traits = _traits(zone, {one for pair in (*weights, *same) for one in pair})
        reduced = reduce_pairs(weights, traits, plan.bounds, same=same, different=different)
        _join(zone, reduced.joined, {one for pair in same for one in pair})
        _ask(zone, reduced, run, plan.model_id, test_range=test_range)
    for table in ("sides", "candidates", "cluster_pairs", "decided", "joined", "asked"):
        zone.execute(f"DROP TABLE IF EXISTS temp.{table}")


def _dissolve(zone: duckdb.DuckDBPyConnection, decisions: Sequence[PairDecision]) -> None:
    """A cluster in which people told two records apart is taken to pieces: what belongs together is weighed anew."""
    apart = [(one.subject_a, one.subject_b) for one in decisions if not one.same]
    if not apart:
        return
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE apart AS SELECT record FROM work WHERE cluster IN (SELECT x.cluster FROM"
        " (SELECT unnest(?::UUID[]) AS a, unnest(?::UUID[]) AS b) d"
        " JOIN evidence e ON e.subject = d.a JOIN work x ON x.record = e.record"
        " JOIN evidence f ON f.subject = d.b JOIN work y ON y.record = f.record WHERE x.cluster = y.cluster)",
        [[a for a, _ in apart], [b for _, b in apart]],
    )
    zone.execute(
        "UPDATE work SET cluster = work.record, step = NULL, c_n_low = e.n, c_n_high = e.n, c_first = e.gi,"
        " c_last = e.gi, c_datasets = d.bit FROM evidence e JOIN datasets d USING (dataset)"
        " WHERE e.record = work.record AND work.record IN (SELECT record FROM apart)"
    )
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE doubts AS FROM doubts UNION"
        f" SELECT record, '{CLERICAL_REVIEW}' AS flag FROM apart"
    )
    zone.execute("DROP TABLE temp.apart")


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
        " WHERE a.cluster <> b.cluster AND (a.pool OR b.pool) GROUP BY 1, 2",
        [[a for a, _ in wanted], [b for _, b in wanted]],
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
    """Into `work`: the clusters outside the pool that are concerned, as their persons are; then one cluster for each.

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
