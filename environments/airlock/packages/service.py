"""Packages for a project's workspaces: asked for, reviewed, mirrored by hash, and taken out again.

Nothing is fetched here: a data engineer fetches a file where there is a network, and names its hash. At the mirroring
everything is asked again; a verb stands or falls with its audit entry.
"""

from __future__ import annotations

import builtins
import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from access.decisions import Allowed, Decision, Refused
from audit.events import EventName
from audit.model import Actor, Json
from audit.records import Change, Records
from environments.airlock.errors import AirlockError, UnknownRequest
from environments.airlock.packages import policies, store
from environments.airlock.packages.index import PackageIndex, check_archive
from environments.airlock.packages.model import PackageRequest, normalised
from environments.airlock.packages.states import ARRIVAL, PackageState, may_move
from environments.airlock.packages.store import PackageMoveRow, PackageRow
from environments.airlock.policies import bare, is_person
from environments.airlock.ports import Approvals
from environments.airlock.verbs.desk import add_move, hold_row, may_check, refusals

S = PackageState
LIVING = frozenset({S.REQUESTED, S.APPROVED, S.MIRRORED})


class Packages:
    """The curated index. folder: what workspaces read. Every verb raises RefusedError, and UnknownRequest."""

    def __init__(self, records: Records, approvals: Approvals, folder: Path) -> None:
        self._records, self._approvals, self._index = records, approvals, PackageIndex(folder)

    def request(self, project: str, pinned: str, why: str, *, by: Actor) -> PackageRequest:
        """Ask for one version of a package, as name==version."""
        with refusals(self._records, EventName.PACKAGE_REQUEST_REFUSED, project, by, None):
            (is_person(by) and self._approvals.may_import(bare(by), project)).require()
            policies.is_founded(pinned, why).require()
            name, _, version = pinned.partition("==")
            found = [(one.name, one.version) for one in self.list(project) if one.state in LIVING]
            policies.is_new((normalised(name), version) in found).require()
            with self._records.change(by=by) as change:
                row = self._new_row(change, project, normalised(name), version, why.strip())
                change.session.add(row)
                change.session.flush()
                add_move(change, row, PackageMoveRow, ARRIVAL[S.REQUESTED], (None, S.REQUESTED), None, _of(row))
        return self.get(row.id)

    def review(self, request_id: str, approve: bool, why: str, *, by: Actor) -> PackageRequest:
        """Approve or refuse it; a checker outside the project, who did not ask for it."""
        with self._verb(request_id, by, EventName.PACKAGE_REVIEW_REFUSED) as (change, row, request):
            after = S.APPROVED if approve else S.REFUSED
            (policies.may_go(request, after) and self._may_check(request, by) and policies.says_why(why)).require()
            _move(change, row, after, why.strip())
        return self.get(request_id)

    def mirror(self, request_id: str, file: Path, sha256: str, *, by: Actor) -> PackageRequest:
        """Put a fetched wheel or source archive into the project's index, if it has this hash. Safe to repeat.

        Raises PackageUnfit and OutboxFailed.
        """
        with refusals(self._records, EventName.PACKAGE_MIRROR_REFUSED, None, by, request_id):
            sha256 = sha256.strip().lower()
            self._may_mirror(self.get(request_id), sha256, by).require()
            draft, found = self._index.take_in(file)
            try:
                _is_named_hash(found, sha256).require()
                check_archive(draft, self.get(request_id))
                with self._locked(request_id, by) as (change, row, request):
                    self._may_mirror(request, sha256, by).require()
                    if request.state is S.MIRRORED:
                        change.abandon()  # recorded already: only what a crash left is finished
                    else:
                        row.file, row.sha256 = file.name, found
                        _move(change, row, S.MIRRORED, None)
                return self._written(request_id, draft)
            finally:
                self._index.forget(draft)

    def remove(self, request_id: str, why: str, *, by: Actor) -> PackageRequest:
        """Take a mirrored package out of the index; what was installed stays in the homes. Raises OutboxFailed."""
        with self._verb(request_id, by, EventName.PACKAGE_REVIEW_REFUSED) as (change, row, request):
            (policies.may_go(request, S.REMOVED) and self._may_check(request, by) and policies.says_why(why)).require()
            _move(change, row, S.REMOVED, why.strip())
        return self._written(request_id)

    def get(self, request_id: str) -> PackageRequest:
        """A request."""
        with self._records.read() as session:
            found = store.find_package(session, request_id)
        if found is None:
            raise _unknown()
        return found

    def list(self, project: str | None = None) -> builtins.list[PackageRequest]:
        """Every request, of one project or of all, the oldest first."""
        with self._records.read() as session:
            return store.all_packages(session, project)

    # -- parts

    def _written(self, request_id: str, draft: Path | None = None) -> PackageRequest:
        with self._index.alone():
            request = self.get(request_id)
            if draft is not None and request.state is S.MIRRORED:
                self._index.put(request, draft)
            self._index.write(request.project, self.list(request.project))
        return request

    @contextmanager
    def _verb(
        self, request_id: str, by: Actor, refusal: EventName
    ) -> Iterator[tuple[Change, PackageRow, PackageRequest]]:
        with refusals(self._records, refusal, None, by, request_id), self._locked(request_id, by) as work:
            yield work

    @contextmanager
    def _locked(self, request_id: str, by: Actor) -> Iterator[tuple[Change, PackageRow, PackageRequest]]:
        with self._records.change(by=by) as change:
            hold_row(change, PackageRow, request_id)
            row, request = change.session.get(PackageRow, request_id), store.find_package(change.session, request_id)
            if row is None or request is None:
                raise _unknown()
            yield change, row, request

    def _new_row(self, change: Change, project: str, name: str, version: str, why: str) -> PackageRow:
        return PackageRow(
            id=secrets.token_hex(6),
            project=project,
            name=name,
            version=version,
            state=S.REQUESTED.value,
            author=change.by,
            why=why,
            members=sorted(self._approvals.members(project)),
            checkers=sorted(self._approvals.output_checkers()),
            created=change.at,
            moved=change.at,
        )

    def _may_check(self, request: PackageRequest, by: Actor) -> Decision:
        return may_check(self._approvals, request, by, self._approvals.members(request.project))

    def _may_mirror(self, request: PackageRequest, sha256: str, by: Actor) -> Decision:
        """A data engineer outside the project, while it is live and who approved could still approve."""
        decision = policies.may_mirror(request, sha256) and is_person(by)
        decision = decision and self._approvals.may_mirror(bare(by), request.project)
        decision = decision and self._approvals.standing(request.project)
        approver = next((move.by for move in request.moves if move.after is S.APPROVED), "")
        return decision and self._may_check(request, Actor(approver))


def _move(change: Change, row: PackageRow, after: PackageState, reason: str | None) -> None:
    """The only place where a state changes."""
    before = PackageState(row.state)
    if not may_move(before, after):
        raise AirlockError(f"A package never goes from {before} to {after}.", mend="Report this fault.")
    row.state, row.moved = after.value, change.at
    add_move(change, row, PackageMoveRow, ARRIVAL[after], (before, after), reason, _of(row))


def _of(row: PackageRow) -> dict[str, Json]:
    return {"package": f"{row.name}=={row.version}", "file": row.file, "sha256": row.sha256}


def _is_named_hash(found: str, sha256: str) -> Decision:
    if hmac.compare_digest(found.encode(), sha256.encode()):
        return Allowed()
    return Refused("package.other_hash", "The file has not the SHA-256 that was named.", "Fetch it again, and compare.")


def _unknown() -> UnknownRequest:
    return UnknownRequest("There is no request of this number.", mend="`haven package list` shows the requests.")
