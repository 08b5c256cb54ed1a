"""Make it so: an approval materialised into the project's own encrypted file, with its own pseudonyms.

The old build stays in use until the new one is complete: the row in the records is the switch. The same approval on
the same linked deliveries builds nothing. No person id of the spine stands in the file (Caldicott 3; design section 4).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from access.decisions import RefusedError
from access.keys import HeldKey, KeyRing
from access.keys.store import project_key_version
from access.projects.scope import Scope
from access.projects.store import aware
from access.retention.store import last_destroyed
from audit.events import EventName
from audit.model import Actor
from audit.progress import Progress, silent
from audit.records import Records
from linkage.errors import NoRoom
from linkage.full_disks import no_room_told
from linkage.optouts.gate import DisclosureGate, Passage
from linkage.optouts.in_zones import LEFT_OUT
from linkage.scopes import steps
from linkage.scopes.passing import key_as_data, scope_as_data
from linkage.scopes.store import PublishedScope, current_scope
from linkage.separation.ports import Named, ZoneRunner, runner_of
from linkage.zones import Zones

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


@dataclass(frozen=True)
class ScopeDraft:
    """A project's new file while it comes from the research zone; encrypted under the scope's key already."""

    path: Path

    def write(self, name: str, pieces: pa.RecordBatchReader) -> None:
        """Take the file's bytes. name: what the answer calls them."""
        with self.path.open("xb") as file:
            for piece in pieces:
                for part in piece.column(name).to_pylist():
                    file.write(part)
            file.flush()
            os.fsync(file.fileno())

    def keep_as(self, path: Path) -> None:
        """Complete: from now on under this name, and never written again."""
        self.path.chmod(READ_ONLY_FILE)
        self.path.replace(path)


class ScopePublisher:
    """Publishes scopes. folder: one folder per project below it; gate: through which every build must go."""

    def __init__(
        self, zones: Zones | ZoneRunner, keyring: KeyRing, records: Records, folder: Path, *, gate: DisclosureGate
    ) -> None:
        self._gate = gate
        self._runner = runner_of(zones, keyring)
        self._keyring = keyring
        self._records = records
        self._folder = folder

    def publish(self, scope: Scope, *, by: Actor, progress: Progress = silent) -> ScopeSummary:
        """Build and switch to a live approval's scope. Raises RefusedError (recorded), ScopeUnbuildable, ZoneBusy."""
        with self._runner.one_publication_at_a_time(scope.project):
            begun = self._records.clock.now()
            passage = self._gate.open(scope, by=by)
            with self._records.read() as session:
                current = current_scope(session, scope.project)
                key = self._keyring.project_key(scope.project, project_key_version(session, scope.project))
            standing = current if current is not None and (self._folder / current.file).exists() else None
            told = standing is not None and standing.key_check == key.check_value
            asked = {
                "scope": scope_as_data(scope),
                "project_key": key_as_data(key),
                "scope_key": self._keyring.scope_file_key(scope.project, scope.version),
                "current_build": standing.build if standing else None,
                "told": told,
                "runs": passage.runs,
            }
            had = [(LEFT_OUT, passage.left_out.to_reader())]
            had += self._had(standing) if standing is not None and told else ()
            with self._draft(scope) as draft:
                built = self._runner.run("scope.build", asked, had, progress=progress, sink=draft.write)
                if standing is not None and built.data["build"] == standing.build:
                    self._certify_standing(standing, passage, by)
                    self._confirm(standing, scope, begun, by)
                    return _summary(standing, unchanged=True)
                name = f"{scope.project}/v{scope.version}-{built.data['build'][:16]}.duckdb"
                draft.keep_as(self._folder / name)
            try:
                return self._switch(scope, built.data["build"], name, built.data["facts"], key, passage, by, begun)
            except RefusedError:  # by the gate, which is asked again: what was built for nobody stays nowhere
                self._remove(scope.project, self._folder / name)
                raise

    def _certify_standing(self, standing: PublishedScope, passage: Passage, by: Actor) -> None:
        """The build stays, under a newer list or another decision that changes nobody in it."""
        if not self._gate.still_certified(passage, standing.build):
            with self._records.change(by=by) as change:
                self._gate.certify_again(change, passage, standing.build)

    def _confirm(self, standing: PublishedScope, scope: Scope, begun: datetime, by: Actor) -> None:
        """A delivery was destroyed since, and the same build stands without it: from now on it counts as made now."""
        with self._records.read() as session:
            gone = last_destroyed(session, {table.dataset for table in scope.tables})
        if gone is None or gone < aware(standing.at):
            return
        with self._records.change(by=by) as change:
            change.session.get_one(PublishedScope, scope.project).at = begun
            change.record(EventName.SCOPE_CONFIRMED, project=scope.project, build=standing.build)

    def _had(self, current: PublishedScope) -> list[Named]:
        """What the project's file of before says: the pseudonyms that it had, and the changes it was told of."""
        key = self._keyring.scope_file_key(current.project, current.version)
        with duckdb.connect(config={"autoinstall_known_extensions": False}) as before:
            file = str(self._folder / current.file)
            before.execute("ATTACH ? AS before (ENCRYPTION_KEY ?, READ_ONLY)", [file, key])
            return [
                ("seen", before.sql(steps.seen_before(current.tables)).to_arrow_table().to_reader()),
                ("carried", before.sql(steps.carried(current.tables)).to_arrow_table().to_reader()),
            ]

    def _switch(
        self,
        scope: Scope,
        build: str,
        name: str,
        facts: dict[str, Any],
        key: HeldKey,
        passage: Passage,
        by: Actor,
        begun: datetime,
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
                    at=begun,
                    **{fact: value for fact, value in facts.items() if fact != "before"},
                )
            )
            self._gate.certify(change, passage, build, facts)
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
    def _draft(self, scope: Scope) -> Iterator[ScopeDraft]:
        """Where the new file is put; it gets its name, read-only, when it is complete."""
        folder = self._folder / scope.project
        folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        folder.chmod(PRIVATE)
        draft = ScopeDraft(folder / f"v{scope.version}.part")
        try:
            for left in folder.glob("*.part*"):
                left.unlink()
            with no_room_told(lambda: _no_room(folder)):
                yield draft
        finally:
            draft.path.unlink(missing_ok=True)
            folder.chmod(READ_ONLY_FOLDER)

    def _remove_others(self, project: str, name: str) -> None:
        self._remove(project, *(set((self._folder / project).glob("*.duckdb")) - {self._folder / name}))

    def _remove(self, project: str, *paths: Path) -> None:
        folder = self._folder / project
        folder.chmod(PRIVATE)
        for path in paths:
            path.unlink(missing_ok=True)
        folder.chmod(READ_ONLY_FOLDER)


def _no_room(folder: Path) -> NoRoom:
    return NoRoom(
        "There is no room for the project's new file: the disk is full. The one before stays in use.",
        where=str(folder),
        mend="Make room on this disk, and publish the scope again.",
    )


def _summary(row: PublishedScope, *, unchanged: bool) -> ScopeSummary:
    return ScopeSummary(row.project, row.version, row.digest, dict(row.tables), dict(row.rows), row.people, unchanged)
