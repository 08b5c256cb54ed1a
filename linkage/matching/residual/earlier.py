"""What did earlier runs make of those whom this one does not look at? It stands, and whoever comes now is held to it.

Whom the model or people put together stays together, and who fits several persons fits them still. Both are known by
the clusters that the ladder had left: on those a run decides, as if all had come at once.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from linkage.matching.residual.reduction import Pair
from linkage.zones import count

LET_GO = "n IS NOT NULL AND (c_n_low IS NULL OR n NOT BETWEEN c_n_low AND c_n_high)"
"""Is this record of `work` one whose number is contested? The ladder let go of it: its cluster has none, or another."""


def prepare_ladder_left(zone: duckdb.DuckDBPyConnection) -> None:
    """The table of what the ladder left of a record, where links and evidence do not tell it: whom the model or people
    put together, and whose number is contested, with the rest of that one's cluster. Nothing happens where it is there.

    part: the record's cluster as the ladder left it; whole: the cluster that this came into.
    """
    zone.execute(
        "CREATE TABLE IF NOT EXISTS ladder_left (record BIGINT NOT NULL, part BIGINT NOT NULL, whole BIGINT NOT NULL,"
        " contested BOOLEAN NOT NULL)"
    )


def renew_ladder_left(zone: duckdb.DuckDBPyConnection) -> None:
    """For the pool, from `work` of the ladder; what is no more is forgotten."""
    if count(zone, "SELECT count(*) FROM ladder_left"):
        zone.execute(
            "DELETE FROM ladder_left WHERE record IN (SELECT record FROM pool)"
            " OR record NOT IN (SELECT record FROM evidence)"
        )
    zone.execute(
        f"INSERT INTO ladder_left SELECT record, cluster, cluster, {LET_GO} FROM work JOIN evidence USING (record)"
        f" WHERE cluster IN (SELECT cluster FROM work JOIN evidence USING (record) WHERE {LET_GO})"
    )


def note_put_together(zone: duckdb.DuckDBPyConnection) -> None:
    """The clusters of `work` that `joined` (cluster, label) is about to put together."""
    whose = "FROM work JOIN joined USING (cluster)"
    zone.execute(f"DELETE FROM ladder_left WHERE record IN (SELECT record {whose})")
    zone.execute(
        f"INSERT INTO ladder_left SELECT record, cluster, label, {LET_GO} {whose} JOIN evidence USING (record)"
    )


def parts_of_one(zone: duckdb.DuckDBPyConnection, clusters: Iterable[int]) -> set[Pair]:
    """Every two parts of one person outside the pool, where one of that person's parts is among these."""
    rows = zone.execute(
        "SELECT DISTINCT p.part, q.part FROM ladder_left p JOIN ladder_left q USING (whole) WHERE p.part < q.part"
        " AND whole IN (SELECT whole FROM ladder_left WHERE part IN (SELECT unnest(?::BIGINT[])))",
        [sorted(clusters)],
    ).fetchall()
    return {(int(a), int(b)) for a, b in rows}


def asked_before(zone: duckdb.DuckDBPyConnection, accept: float) -> dict[Pair, float]:
    """The pairs of clusters outside the pool, heavy enough to be joined, that people are asked about already."""
    if not count(zone, "SELECT count(*) FROM doubtful"):
        return {}
    rows = zone.execute(
        "SELECT least(a.cluster, b.cluster), greatest(a.cluster, b.cluster), max(weight) FROM doubtful"
        " JOIN evidence x ON x.subject = subject_a JOIN sides a ON a.record = x.record"
        " JOIN evidence y ON y.subject = subject_b JOIN sides b ON b.record = y.record"
        " WHERE weight >= ? AND a.cluster <> b.cluster GROUP BY ALL",
        [accept],
    ).fetchall()
    return {(int(a), int(b)): float(weight) for a, b, weight in rows}
