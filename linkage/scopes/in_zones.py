"""How is a project's file built within the research zone? In a work file there, encrypted under the scope's key.

What leaves the zone is that file as it is on the disk: approved columns under pseudonyms, readable with the scope's key
only. The keys of the scope and of the project come with the request, for this one build; they are kept nowhere here.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa

from access.keys import HeldKey
from access.keys.store import FIRST_VERSION
from access.projects.scope import Scope
from linkage.errors import ZoneForbids
from linkage.intake.tables import INCOMING, deliveries_in, quoted
from linkage.matching.following import applied_runs
from linkage.optouts.in_zones import LEFT_OUT
from linkage.scopes import steps
from linkage.scopes.errors import ScopeUnbuildable
from linkage.scopes.passing import key_of, scope_of
from linkage.scopes.pseudonyms import BLOCK, pseudonyms_of, uuids_of
from linkage.separation.ports import Answer, Named, Plain, Room
from linkage.zones import count

FILE = "file"
"""The answer's table that holds the scope's file, piece by piece in one column."""
PIECE = 1 << 20
PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")  # it becomes part of a file's name
WORK = ".scope-"
BUILD = re.compile(r"[0-9a-f]{32}(\.wal)?")
LAYOUT = "2"  # of the file: with another, a project's file is built anew
OWN_TABLES = frozenset({"person_changes", "linked_deliveries", "applied_runs"})
OWN_COLUMNS = frozenset({"person", "subject", "row_key"})
"""What the zone keeps for linkage: in no project's file, under whatever approval."""


def build(room: Room, asked: Plain, tables: Iterator[Named]) -> Answer:
    """Build what the approval allows, unless that is `current_build`. Raises ScopeUnbuildable.

    asked: scope, project_key, scope_key, current_build, told (are changes of pseudonyms to be told?), runs (of linkage,
    that payload must have followed). tables: `left_out`, persons of whom nothing goes into this build;
    `seen`, the pseudonyms that the project has had; `carried`, the changes that it was told of before.
    """
    scope, key = scope_of(asked["scope"]), key_of(asked["project_key"])
    given = {name: rows.read_all() for name, rows in tables}
    if not PROJECT.fullmatch(scope.project):
        raise ZoneForbids("This is no project's id.", where="scope")
    _require_payload_only(scope)
    with room.open(read_only=True) as zone:
        _require_followed(zone, scope, asked["runs"])
        name = build_name(zone, scope, key, given[LEFT_OUT])
        if name == asked["current_build"]:
            return Answer({"build": name})
        _require_buildable(zone, scope)
        _remove_leftovers(room.folder, scope.project)
        work = room.folder / f"{WORK}{scope.project}-{uuid.uuid4().hex}"
        try:
            facts = _built(room, zone, scope, key, work, asked, given)
            file = work.open("rb")
        finally:
            work.unlink(missing_ok=True)
            Path(f"{work}.wal").unlink(missing_ok=True)
    return Answer({"build": name, "facts": facts}, {FILE: _pieces(file)})


def _remove_leftovers(folder: Path, project: str) -> None:
    """What killed builds of this project left; another project's id may begin with this one's."""
    for left in folder.glob(f"{WORK}{project}-*"):
        if BUILD.fullmatch(left.name.removeprefix(f"{WORK}{project}-")):
            left.unlink(missing_ok=True)


def _built(
    room: Room,
    zone: duckdb.DuckDBPyConnection,
    scope: Scope,
    key: HeldKey,
    work: Path,
    asked: Plain,
    given: dict[str, pa.Table],
) -> Plain:
    """Write the file; what is known of it."""
    total = len(scope.tables) + 1
    room.progress("pseudonyms", 0, total)
    zone.execute("ATTACH ? AS scope (ENCRYPTION_KEY ?)", [str(work), asked["scope_key"]])
    for schema in ("material", "house"):
        zone.execute(f"CREATE SCHEMA scope.{schema}")
    zone.execute(*steps.cohort(scope))
    zone.register("given_left_out", given[LEFT_OUT])
    zone.execute(steps.left_out(changes=bool(applied_runs(zone))))
    zone.unregister("given_left_out")
    before = _counted(zone, scope)
    zone.execute(steps.without_them())
    people = zone.sql(
        "SELECT unhex(replace(person::TEXT, '-', '')) AS person FROM cohort ORDER BY cohort.person"
    ).to_arrow_table()
    ids = people["person"].combine_chunks()
    named = pa.table({"person": uuids_of(ids), "pseudonym": pseudonyms_of(ids, key)})
    zone.register("named", named)
    zone.execute("CREATE OR REPLACE TEMP TABLE pseudonyms AS FROM named")
    zone.unregister("named")
    for done, table in enumerate(scope.tables, 1):
        room.progress(table.table, done, total)
        zone.execute(*steps.material(table))
        zone.execute(steps.view(table))
    zone.execute(steps.unlinked(scope.tables))
    if asked["told"]:
        _tell_changes(zone, key, given)
    views = _columns(zone)
    rows = {name: count(zone, f"SELECT count(*) FROM scope.material.{quoted(name)}") for name in views}
    zone.execute("DETACH DATABASE scope")
    return {
        "tables": views,
        "rows": rows,
        "people": len(ids),
        "before": before,
        "people_digest": hashlib.sha256(b"".join(ids.to_pylist())).hexdigest(),
        "key_check": key.check_value,
    }


def _tell_changes(zone: duckdb.DuckDBPyConnection, key: HeldKey, given: dict[str, pa.Table]) -> None:
    """What became of pseudonyms that the project has had: its pseudonym-change table, if there is any change.

    Who was never in the project's file is not in its table either: the file before says who was.
    """
    changes = _person_changes(zone)
    if not changes.num_rows:
        return
    gone = pseudonyms_of(_left_out_ids(zone), key)
    renamed = pa.table(
        {
            "old_pseudonym": pseudonyms_of(changes["was"].combine_chunks(), key),
            "new_pseudonym": pseudonyms_of(changes["now"].combine_chunks(), key),
            "kind": changes["kind"],
            "day": changes["day"],
            "at": changes["at"],
        }
    )
    tables = {"renamed": renamed, "seen": given["seen"], "carried": given["carried"]}
    tables["gone"] = pa.table({"pseudonym": gone})
    for name, table in tables.items():
        zone.register(name, table)
    zone.execute(steps.changes())
    for name in tables:
        zone.unregister(name)
    if count(zone, f"SELECT count(*) FROM scope.material.{steps.CHANGES}"):
        zone.execute(steps.changes_view())


def build_name(zone: duckdb.DuckDBPyConnection, scope: Scope, key: HeldKey, left_out: pa.Table) -> str:
    """What a build is made from: the approval's scope, linked deliveries and runs, a rotated key, who is left out."""
    gone = hashlib.sha256("\n".join(sorted(left_out["person"].to_pylist())).encode()).hexdigest()
    rotated = [key.check_value] if key.version > FIRST_VERSION else []
    made_of = [LAYOUT, *sorted(deliveries_in(zone, "linked_deliveries")), *applied_runs(zone), *rotated, gone]
    text = "\n".join([scope.digest(), str(scope.version), *made_of])
    return hashlib.sha256(text.encode()).hexdigest()


def _person_changes(zone: duckdb.DuckDBPyConnection) -> pa.Table:
    """was and now as 16 bytes, kind, day, at: every merge and split that the research zone has been told of."""
    if not applied_runs(zone):
        return pa.table({"was": pa.array([], pa.binary(BLOCK))})
    raw = ", ".join(f"unhex(replace({name}::TEXT, '-', '')) AS {name}" for name in ("was", "now"))
    return zone.sql(f"SELECT {raw}, kind, as_at::DATE AS day, as_at AS at FROM person_changes").to_arrow_table()


def _left_out_ids(zone: duckdb.DuckDBPyConnection) -> pa.Array[Any]:
    """Whom the build leaves out, as 16 bytes."""
    raw = "SELECT unhex(replace(person::TEXT, '-', '')) AS person FROM left_out"
    return zone.sql(raw).to_arrow_table()["person"].combine_chunks()


def _counted(zone: duckdb.DuckDBPyConnection, scope: Scope) -> Plain:
    """people, and rows by table, as they would be with nobody left out."""
    rows = {}
    for table in scope.tables:
        query, values = steps.rows_of_cohort(table)
        rows[table.table] = count(zone, query, values)
    return {"people": count(zone, "SELECT count(*) FROM cohort"), "rows": rows}


def _require_followed(zone: duckdb.DuckDBPyConnection, scope: Scope, runs: list[str]) -> None:
    """Else payload of a person who opted out could still stand under their old number. Raises ScopeUnbuildable."""
    if set(runs) - set(applied_runs(zone)):
        raise ScopeUnbuildable(
            "The payload does not yet show the last linkage.", where=scope.project, mend="Run: haven linkage run"
        )


def _require_buildable(zone: duckdb.DuckDBPyConnection, scope: Scope) -> None:
    """Every approved table and column must be there: a scope that lacks some would be taken for the whole."""
    found = zone.execute(
        "SELECT table_name, list(column_name) FROM duckdb_columns() WHERE database_name = 'zone' GROUP BY table_name"
    ).fetchall()
    have = {str(table): set(columns) for table, columns in found}
    missing = [table.table for table in scope.tables if table.table not in have]
    missing += [
        f"{table.table}.{column.name}"
        for table in scope.tables
        for column in table.columns
        if table.table in have and column.name not in have[table.table]
    ]
    if missing or not scope.tables:
        raise ScopeUnbuildable(
            f"The research zone does not hold: {', '.join(missing) or 'anything that the approval names'}.",
            where=scope.project,
            mend="Receive the deliveries that bring it, and run `haven linkage run`; then publish again.",
        )


def _require_payload_only(scope: Scope) -> None:
    """No scope names what joins rows to people or to the other zone, whoever approved it. Raises ScopeUnbuildable."""
    named = {table.table for table in scope.tables} | {condition.table for condition in scope.cohort}
    columns = {column.name for table in scope.tables for column in table.columns}
    columns |= {condition.column for condition in scope.cohort}
    columns |= {table.date_column for table in scope.tables if table.date_column}
    bad = sorted(one for one in named if one.casefold() in OWN_TABLES or one.casefold().startswith(INCOMING))
    bad += sorted(one for one in columns if one.casefold() in OWN_COLUMNS)
    if bad:
        raise ScopeUnbuildable(
            f"No project may have the research zone's own: {', '.join(bad)}.",
            where=scope.project,
            mend="Leave it out of the approval; projects have payload under pseudonyms.",
        )


def _columns(zone: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    rows = zone.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = 'scope'"
        " AND schema_name = 'main' ORDER BY table_name, column_index"
    ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        tables.setdefault(str(table), {})[str(column)] = str(kind)
    return tables


def _pieces(file: IO[bytes]) -> pa.RecordBatchReader:
    """The file's bytes as a stream; it has no name any more, so nothing is left of it when it is closed."""
    schema = pa.schema([(FILE, pa.large_binary())])

    def batches() -> Iterator[pa.RecordBatch]:
        with file:
            while piece := file.read(PIECE):
                yield pa.record_batch([pa.array([piece], pa.large_binary())], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())
