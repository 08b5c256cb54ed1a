"""Make it so: an approval materialised into the project's own encrypted file, with its own pseudonyms.

The old build stays in use until the new one is complete: the row in the records is the switch. The same approval on
the same linked deliveries builds nothing. No person id of the spine stands in the file (Caldicott 3; design section 4).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from access.keys import HeldKey, KeyRing
from access.keys.store import FIRST_VERSION, project_key_version
from access.scope import Scope
from audit.events import EventName
from audit.model import Actor
from audit.progress import Progress, silent
from audit.records import Records
from linkage.intake.tables import deliveries_in, quoted
from linkage.matching.following import applied_runs
from linkage.scopes import steps
from linkage.scopes.errors import ScopeUnbuildable
from linkage.scopes.pseudonyms import BLOCK, pseudonyms_of, uuids_of
from linkage.scopes.store import PublishedScope, current_scope
from linkage.zones import Zones, count

READ_ONLY_FILE = 0o444
READ_ONLY_FOLDER = 0o555
PRIVATE = 0o700


@dataclass(frozen=True)
class ScopeSummary:
    """What was published: columns by view, rows by view and people (raw: suppress before showing)."""

    project: str
    version: int
    digest: str
    tables: dict[str, dict[str, str]]
    rows: dict[str, int]
    people: int
    unchanged: bool


class ScopePublisher:
    """Publishes scopes. folder: one folder per project below it."""

    def __init__(self, zones: Zones, keyring: KeyRing, records: Records, folder: Path) -> None:
        self._zones = zones
        self._keyring = keyring
        self._records = records
        self._folder = folder

    def publish(self, scope: Scope, *, by: Actor, progress: Progress = silent) -> ScopeSummary:
        """Build and switch to the scope of a live approval. Raises ScopeUnbuildable, ZoneBusy."""
        with (
            self._zones.one_publication_at_a_time(scope.project),
            self._zones.research(read_only=True) as zone,
        ):
            with self._records.read() as session:
                current = current_scope(session, scope.project)
                key = self._keyring.project_key(scope.project, project_key_version(session, scope.project))
            build = _build_of(zone, scope, key)
            if current is not None and current.build == build and (self._folder / current.file).exists():
                return _summary(current, unchanged=True)
            _require_buildable(zone, scope)
            name = f"{scope.project}/v{scope.version}-{build[:16]}.duckdb"
            with self._draft(name) as draft:
                facts = self._build(zone, scope, key, draft, current, progress)
            return self._switch(scope, build, name, facts, key, by)

    def _build(
        self,
        zone: duckdb.DuckDBPyConnection,
        scope: Scope,
        key: HeldKey,
        draft: Path,
        current: PublishedScope | None,
        progress: Progress,
    ) -> dict[str, Any]:
        total = len(scope.tables) + 1
        progress("pseudonyms", 0, total)
        zone.execute(
            "ATTACH ? AS scope (ENCRYPTION_KEY ?)",
            [str(draft), self._keyring.scope_file_key(scope.project, scope.version)],
        )
        try:
            zone.execute("CREATE SCHEMA scope.material")
            zone.execute(*steps.cohort(scope))
            people = zone.sql(
                "SELECT unhex(replace(person::TEXT, '-', '')) AS person FROM cohort ORDER BY cohort.person"
            ).to_arrow_table()
            ids = people["person"].combine_chunks()
            names = pa.table({"person": uuids_of(ids), "pseudonym": pseudonyms_of(ids, key)})
            zone.register("named", names)
            zone.execute("CREATE OR REPLACE TEMP TABLE pseudonyms AS FROM named")
            zone.unregister("named")
            for done, table in enumerate(scope.tables, 1):
                progress(table.table, done, total)
                zone.execute(*steps.material(table))
                zone.execute(steps.view(table))
            if current is not None and current.key_check == key.check_value:
                self._tell_changes(zone, current, key)
            tables = _columns(zone)
            return {
                "tables": tables,
                "rows": {name: count(zone, f"SELECT count(*) FROM scope.material.{quoted(name)}") for name in tables},
                "people": len(ids),
                "people_digest": hashlib.sha256(b"".join(ids.to_pylist())).hexdigest(),
                "key_check": key.check_value,
            }
        finally:
            zone.execute("DROP TABLE IF EXISTS temp.cohort")
            zone.execute("DROP TABLE IF EXISTS temp.pseudonyms")
            zone.execute("DETACH DATABASE IF EXISTS scope")

    def _tell_changes(self, zone: duckdb.DuckDBPyConnection, current: PublishedScope, key: HeldKey) -> None:
        """What became of pseudonyms that the project has had: its pseudonym-change table, if there is any change.

        Who was never in the project's file is not in its table either: the file before says who was.
        """
        changes = _person_changes(zone)
        file = self._folder / current.file
        if not changes.num_rows or not file.exists():
            return
        renamed = pa.table(
            {
                "old_pseudonym": pseudonyms_of(changes["was"].combine_chunks(), key),
                "new_pseudonym": pseudonyms_of(changes["now"].combine_chunks(), key),
                "kind": changes["kind"],
                "day": changes["day"],
            }
        )
        old_key = self._keyring.scope_file_key(current.project, current.version)
        zone.execute("ATTACH ? AS before (ENCRYPTION_KEY ?, READ_ONLY)", [str(file), old_key])
        try:
            zone.register("renamed", renamed)
            zone.execute(steps.seen_before(current.tables))
            zone.execute(steps.changes(carried=steps.CHANGES in current.tables))
            zone.unregister("renamed")
            if count(zone, f"SELECT count(*) FROM scope.material.{steps.CHANGES}"):
                zone.execute(steps.changes_view())
        finally:
            zone.execute("DROP TABLE IF EXISTS temp.seen")
            zone.execute("DETACH DATABASE IF EXISTS before")

    def _switch(
        self, scope: Scope, build: str, name: str, facts: dict[str, Any], key: HeldKey, by: Actor
    ) -> ScopeSummary:
        """The row that makes the new build the scope, with its entry; then the older builds go."""
        with self._records.change(by=by) as change:
            row = change.session.merge(
                PublishedScope(
                    project=scope.project,
                    version=scope.version,
                    digest=scope.digest(),
                    build=build,
                    file=name,
                    at=change.at,
                    **facts,
                )
            )
            change.record(
                EventName.SCOPE_PUBLISHED,
                project=scope.project,
                version=scope.version,
                digest=scope.digest(),
                build=build,
                people_digest=facts["people_digest"],
                key_id=key.key_id,
                key_version=key.version,
                key_check=key.check_value,
            )
        self._remove_others(scope.project, name)
        return _summary(row, unchanged=False)

    @contextmanager
    def _draft(self, name: str) -> Iterator[Path]:
        """Where the new file is built; it gets its name, read-only, when it is complete."""
        path = self._folder / name
        folder = path.parent
        folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        folder.chmod(PRIVATE)
        draft = path.with_suffix(".part")
        try:
            for left in folder.glob("*.part*"):
                left.unlink()
            yield draft
            draft.chmod(READ_ONLY_FILE)
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
            Path(f"{draft}.wal").unlink(missing_ok=True)
            folder.chmod(READ_ONLY_FOLDER)

    def _remove_others(self, project: str, name: str) -> None:
        folder = self._folder / project
        folder.chmod(PRIVATE)
        for path in folder.glob("*.duckdb"):
            if path != self._folder / name:
                path.unlink()
        folder.chmod(READ_ONLY_FOLDER)


def _build_of(zone: duckdb.DuckDBPyConnection, scope: Scope, key: HeldKey) -> str:
    """What a build is made from: the approval's scope, the linked deliveries and runs, a rotated key of the project."""
    rotated = [key.check_value] if key.version > FIRST_VERSION else []
    made_of = [*sorted(deliveries_in(zone, "linked_deliveries")), *applied_runs(zone), *rotated]
    text = "\n".join([scope.digest(), str(scope.version), *made_of])
    return hashlib.sha256(text.encode()).hexdigest()


def _person_changes(zone: duckdb.DuckDBPyConnection) -> pa.Table:
    """was and now as 16 bytes, kind, day: every merge and split that the research zone has been told of."""
    if not applied_runs(zone):
        return pa.table({"was": pa.array([], pa.binary(BLOCK))})
    raw = ", ".join(f"unhex(replace({name}::TEXT, '-', '')) AS {name}" for name in ("was", "now"))
    return zone.sql(f"SELECT {raw}, kind, as_at::DATE AS day FROM person_changes").to_arrow_table()


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


def _columns(zone: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    rows = zone.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = 'scope'"
        " AND schema_name = 'main' ORDER BY table_name, column_index"
    ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        tables.setdefault(str(table), {})[str(column)] = str(kind)
    return tables


def _summary(row: PublishedScope, *, unchanged: bool) -> ScopeSummary:
    return ScopeSummary(row.project, row.version, row.digest, dict(row.tables), dict(row.rows), row.people, unchanged)
