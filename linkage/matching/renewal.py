"""Under which rules was the evidence made? When the specification or a reference table changes, all of it anew.

Tokens hold the specification's version, so evidence of two versions would never match: a home that was linked under
another one is standardised and tokenised again as a whole, and everybody is looked at. A record stays one record (its
payload carries its subject): where its rows are now written in several ways, the most frequent one speaks for it.
"""

from __future__ import annotations

import duckdb
import polars as pl
import pyarrow as pa

from access.keys import HeldKey
from linkage.matching.evidence import tokens_of
from linkage.matching.ladder import FIELDS
from linkage.matching.records_to_link import AT_ONCE
from linkage.references.tables import in_force, references_in
from linkage.standardise.specification import VERSION
from linkage.writings import writings_sql
from linkage.zones import count


def is_standing(zone: duckdb.DuckDBPyConnection) -> bool:
    """Was all evidence made under the rules of now? True where nothing was linked yet."""
    if not _is_there(zone, "evidence") or not count(zone, "SELECT count(*) FROM evidence"):
        return True
    return _made_under(zone) == _rules(zone)


def renew_evidence(zone: duckdb.DuckDBPyConnection, key: HeldKey, *, test_range: bool) -> bool:
    """Make all evidence anew where it is not standing; was it? Within the caller's transaction."""
    standing = is_standing(zone)
    if not standing:
        _make_anew(zone, key, test_range=test_range)
    zone.execute("CREATE TABLE IF NOT EXISTS standardised (rules TEXT NOT NULL)")
    if _made_under(zone) != _rules(zone):
        zone.execute("DELETE FROM standardised")
        zone.execute("INSERT INTO standardised VALUES (?)", [_rules(zone)])
    return not standing


def _make_anew(zone: duckdb.DuckDBPyConnection, key: HeldKey, *, test_range: bool) -> None:
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE said AS SELECT row_number() OVER (ORDER BY record) AS place,"
        f" * EXCLUDE (dataset) FROM ({writings_sql()})"
    )
    references, many = references_in(zone), count(zone, "SELECT count(*) FROM said")
    pages = (_said(zone, start) for start in range(0, max(many, 1), AT_ONCE))
    made = [tokens_of(page, key, test_range=test_range, references=references).to_arrow() for page in pages]
    zone.execute("DROP TABLE temp.said")
    zone.register("tokens", pa.concat_tables(made))
    # What no row carries any more keeps its old tokens: it is about to be forgotten.
    fields = ", ".join(f"CASE WHEN t.record IS NULL THEN e.{name} ELSE t.{name} END AS {name}" for name in FIELDS)
    zone.execute(
        f"CREATE OR REPLACE TEMP TABLE renewed AS SELECT e.record, e.subject, e.dataset, e.l, {fields}"
        " FROM evidence e LEFT JOIN tokens t ON t.record = e.record"
    )
    zone.unregister("tokens")
    zone.execute("DELETE FROM evidence")
    zone.execute("INSERT INTO evidence BY NAME FROM renewed")
    zone.execute("DROP TABLE renewed")


def _said(zone: duckdb.DuckDBPyConnection, start: int) -> pl.DataFrame:
    """AT_ONCE records as written: texts are in memory for so many at a time."""
    bounds = {"start": start, "end": start + AT_ONCE}
    page = zone.sql(
        "SELECT * EXCLUDE (place) FROM said WHERE place > $start AND place <= $end ORDER BY place", params=bounds
    )
    return pl.DataFrame(page.to_arrow_table())


def _rules(zone: duckdb.DuckDBPyConnection) -> str:
    return " ".join([VERSION, *(f"{kind}:{digest}" for kind, _, digest, _ in in_force(zone))])


def _made_under(zone: duckdb.DuckDBPyConnection) -> str | None:
    if not _is_there(zone, "standardised"):
        return None
    found = zone.execute("SELECT rules FROM standardised").fetchall()
    return str(found[0][0]) if found else None


def _is_there(zone: duckdb.DuckDBPyConnection, table: str) -> bool:
    return bool(count(zone, "SELECT count(*) FROM duckdb_tables() WHERE table_name = ?", [table]))
