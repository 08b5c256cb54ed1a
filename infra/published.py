"""What does the gateway ask of the records? Approvals and published scopes, as its ports want them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from access.decisions import Decision, Refused, RefusedError
from access.keys import KeyRing
from access.optouts.disclosures import Disclosures
from access.projects.scope import Scope
from access.projects.store import aware
from access.retention.store import last_destroyed
from access.service import Access, Action, Entry
from audit.record_version import RecordVersion
from audit.records import Records
from environments.gateway.model import ScopeFile
from environments.gateway.ports import Scopes
from environments.workspaces.model import Workplace
from linkage.scopes.store import current_scope

if TYPE_CHECKING:
    from infra.wiring.haven import Haven

T = TypeVar("T")
PUBLISHED_ANEW = frozenset({"optouts.outdated", "optouts.being_linked", "scope.destroyed"})
TIMES_A_SECOND = 2  # so often what follows from the time alone is asked anew


def scopes_of(haven: Haven) -> GatewayScopes:
    """The published scopes of this haven."""
    folder = haven.settings.scopes_folder
    return GatewayScopes(haven.access, haven.records, haven.keyring, folder, haven.disclosures)


def published_projects(haven: Haven) -> list[str]:
    """The live projects that have a scope already, by id."""
    with haven.records.read() as session:
        return [one.version.project for one in haven.access.projects()
                if one.state == "live" and current_scope(session, one.version.project)]  # fmt: skip


def held_projects(haven: Haven) -> list[str]:
    """Those of them that the haven publishes anew by itself: opt-outs, linkage or a destruction hold their file.

    Not those whose approval changed: when a wider one goes live, the data team says.
    """
    return [one for one, why in held_scopes(haven).items() if why.code in PUBLISHED_ANEW]


def held_scopes(haven: Haven) -> dict[str, Refused]:
    """The live projects whose scope is refused as it stands, each with why."""
    scopes = scopes_of(haven)
    found = {one: scopes.current(one) for one in published_projects(haven)}
    return {one: why for one, why in found.items() if isinstance(why, Refused)}


class Answered:
    """Answers that hold while the records are the same: a burst of queries asks them once.

    For half a second at most, because some of them follow from the time. A change of the records is seen at once.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._version = RecordVersion(records.engine)
        self._lock = threading.Lock()
        self._at: tuple[str, int] | None = None
        self._answers: dict[Hashable, Any] = {}

    def get(self, question: Hashable, ask: Callable[[], T]) -> T:
        """The answer to this question, as the records say it now."""
        stamp = self._version.stamp()
        if stamp is None:
            return ask()
        at = (stamp, int(self._records.clock.now().timestamp() * TIMES_A_SECOND))
        with self._lock:
            if at != self._at:
                self._at, self._answers = at, {}
            if question in self._answers:
                known: T = self._answers[question]
                return known
        answer = ask()
        with self._lock:
            if at == self._at:
                self._answers[question] = answer
        return answer


class GatewayApprovals:
    """The approval records behind the gateway's port. scopes: what is published."""

    def __init__(self, access: Access, scopes: Scopes) -> None:
        self._access = access
        self._scopes = scopes
        self._answered = Answered(access.records)
        self._seen: dict[str, date] = {}  # who was written down as seen, on which day

    def may_query(self, person: str, project: str) -> Decision:
        """Asked at every query and while it runs. Whoever may has used their account today."""
        decision = self._answered.get((person, project), lambda: self._access.may_query(person, project))
        day = self._access.records.clock.now().date()
        if decision and self._seen.get(person) != day:
            self._seen[person] = day
            self._access.saw(person)
        return decision

    def may_open_workspace(self, person: str, project: str) -> Decision:
        """Asked at every opening of a workspace and while it is open."""
        return self._access.may_open_workspace(person, project)

    def conditions(self, project: str) -> tuple[str, ...]:
        """Shown before each session."""
        return self._access.conditions(project)

    def keeps_cells(self, project: str) -> bool:
        """By the version in force."""
        return self._access.project(project).file.cells == "text"

    def workplaces(self, person: str) -> list[Workplace]:
        """The projects whose version in force, or newest, names this person."""
        named = [one.version for one in self._access.projects() if person in one.version.people]
        return [
            Workplace(one.project, one.title, self._access.may_open_workspace(person, one.project)) for one in named
        ]

    def why(self, person: str, project: str, action: str) -> Decision:
        """A question about an action that does not exist is refused, too."""
        known: Action | None = next((one for one in get_args(Action) if one == action), None)
        if known is None:
            return Refused(
                "why.no_such_action", "There is no such action.", f"There are: {', '.join(get_args(Action))}."
            )
        return why(self._access, self._scopes, person, project, known)


def why(access: Access, scopes: Scopes, person: str, project: str, action: Action) -> Decision:
    """May this person do this, and if not: which rule? As the doors answer: a query needs a published scope, too."""
    return _where_published(access.why(person, project, action), scopes, project, action)


def access_list(access: Access, scopes: Scopes) -> list[Entry]:
    """For everybody of a project and whoever may check it, each action: the same answers as `why`."""
    return [
        replace(one, decision=_where_published(one.decision, scopes, one.project, one.action))
        for one in access.access_list()
    ]


def _where_published(decision: Decision, scopes: Scopes, project: str, action: Action) -> Decision:
    if not decision or action != "query":
        return decision
    found = scopes.current(project)
    return found if isinstance(found, Refused) else decision


class GatewayScopes:
    """The published scopes behind the gateway's port: only the live approval's own, with opt-outs heeded."""

    def __init__(
        self, access: Access, records: Records, keyring: KeyRing, folder: Path, disclosures: Disclosures
    ) -> None:
        self._access = access
        self._disclosures = disclosures
        self._records = records
        self._keyring = keyring
        self._folder = folder
        self._answered = Answered(records)

    def current(self, project: str) -> ScopeFile | Refused:
        """The project's scope file; refused when it is not what the approval allows now."""
        return self._answered.get(project, lambda: self._current(project))

    def _current(self, project: str) -> ScopeFile | Refused:
        try:
            live = self._access.live_scope(project)
        except RefusedError as error:
            return error.refused
        with self._records.read() as session:
            row = current_scope(session, project)
        if row is None or not (self._folder / row.file).exists():
            return Refused(
                "scope.not_published",
                "The project is approved, and its data are not published yet.",
                f"The data team runs: haven scope publish {project}",
            )
        if (row.version, row.digest) != (live.version, live.digest()):
            return Refused(
                "scope.outdated",
                "The approval has changed since the project's data were published.",
                f"The data team runs: haven scope publish {project}",
            )
        if _destroyed_since(self._records, live, row.at):
            return Refused(
                "scope.destroyed",
                "A delivery of which the project's data were made was destroyed since they were published.",
                f"The data team runs: haven scope publish {project}",
            )
        heeded = self._disclosures.may_still_be_used(live, row.build)
        if isinstance(heeded, Refused):
            return heeded
        key = self._keyring.scope_file_key(project, row.version)
        return ScopeFile(project, row.version, row.build, self._folder / row.file, row.tables, key)


def _destroyed_since(records: Records, scope: Scope, published: datetime) -> bool:
    """Was a delivery of one of its datasets destroyed after this?"""
    with records.read() as session:
        gone = last_destroyed(session, {table.dataset for table in scope.tables})
    return gone is not None and gone >= aware(published)
