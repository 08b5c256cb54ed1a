"""May this disclosure be made, and what was certified of it? Asked before every build, and again at every query."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from access.decisions import Allowed, Decision, Refused
from access.optouts import linkages, policies, store
from access.optouts.errors import UnknownOptOut
from access.optouts.model import (
    Cut,
    DataFlow,
    DisclosurePlan,
    FlowStanding,
    OptOutCertificate,
    OptOutList,
)
from access.people.store import find_person
from access.projects import store as approvals
from access.projects.model import ProjectVersion
from access.projects.scope import Scope, TableScope
from access.support.store import find_support
from audit.events import EventName
from audit.records import Change, Records
from audit.suppression import shown_count

SCOPE = "scope"
CUTS = "optouts:cuts"
"""What a disclosure holds while it is made: two at the same moment could be the one with opt-outs and one without."""
NOBODY = "nobody-known"
"""The recipient where the records know none: opt-outs apply toward it."""


class Disclosures:
    """What each disclosure must heed. longest: how old a list may be; None: nobody has decided it.

    real_data: can this haven hold records of people? Then no legal basis is believed to concern nobody.
    """

    def __init__(self, records: Records, *, longest: timedelta | None, real_data: bool) -> None:
        self._records = records
        self._longest = longest
        self._real_data = real_data

    def plan(self, scope: Scope) -> DisclosurePlan:
        """What the disclosure of this scope must heed now."""
        with self._records.read() as session:
            standings = self._standings(session, scope)
            controllers = {table.controller for table in scope.tables}
            heeded = tuple(store.heeded(session, scope.project, controllers))
            applies = any(one.applies for one in standings)
            using = store.list_in_force(session) if applies else None
            linked = linkages.last_ended(session) if applies or heeded else None
        cuts = tuple(_cuts(scope, standings))
        stamp = _stamp(standings, heeded, using, linked)
        return DisclosurePlan(scope.project, scope.version, standings, heeded, using, cuts, stamp)

    def may_disclose(self, plan: DisclosurePlan) -> Decision:
        """Is there a list to apply, and has no recipient the other cut already?"""
        with self._records.read() as session:
            return self._may_disclose(session, plan)

    def may_disclose_now(self, change: Change, plan: DisclosurePlan) -> Decision:
        """Asked again within the change that discloses: it is the only one now, and sees what others were given."""
        change.hold(CUTS)
        return self._may_disclose(change.session, plan)

    def _may_disclose(self, session: Session, plan: DisclosurePlan) -> Decision:
        ended, given = store.newest_ended(session), store.cuts_given(session)
        decision: Decision = Allowed()
        if plan.applies:
            decision = policies.may_use(ended, plan.using, self._longest, self._records.clock.now())
        return decision and policies.may_give(plan.cuts, given)

    def may_still_be_used(self, scope: Scope, build: str) -> Decision:
        """Is what was published what it would have to be now? Asked at every query: it narrows at once."""
        with self._records.read() as session:
            stamps = store.stamps_of(session, scope.project, build)
            since = linkages.under_way_since(session)
        if not stamps:
            return _publish_again(
                "optouts.not_certified", "The project's data carry no certificate of opt-outs.", scope
            )
        plan = self.plan(scope)
        if since and (plan.applies or plan.objections):
            return Refused(
                "optouts.being_linked",
                f"People are being linked anew since {since:%Y-%m-%d %H:%M} UTC, by a run that is under way or was"
                " killed: somebody in the project's data may turn out to have opted out.",
                f"The data team lets it end (haven linkage run), then: haven scope publish {scope.project}",
            )
        if plan.stamp not in stamps:
            return _publish_again(
                "optouts.outdated",
                "What is known of opt-outs and objections, or who is whom, changed since the project's data were"
                " published.",
                scope,
            )
        if plan.applies and plan.using is not None and self._longest is not None:
            return policies.may_be_this_old(plan.using, self._longest, self._records.clock.now())
        if plan.applies:
            return policies.may_use(None, plan.using, self._longest, self._records.clock.now())
        return Allowed()

    def certify(
        self,
        change: Change,
        plan: DisclosurePlan,
        kind: str,
        subject: str,
        people: tuple[int, int],
        rows: Mapping[str, tuple[int, int]],
    ) -> OptOutCertificate:
        """Keep what was done, within the change that makes the disclosure, and say it in the log."""
        certificate = OptOutCertificate(
            str(uuid.uuid4()), kind, subject, plan, people, dict(rows), change.by, change.at
        )
        change.session.add(store.certificate_row(certificate))
        change.record(
            EventName.OPTOUT_CERTIFIED,
            project=plan.project,
            certificate=certificate.id,
            kind=kind,
            subject=subject,
            applied=plan.applies,
            list=plan.using.id if plan.using else None,
            list_as_at=plan.using.as_at.isoformat() if plan.using else None,
            decisions=[name for one in plan.standings for name in one.decisions],
            people=[shown_count(number) for number in people],
            records={table: [shown_count(number) for number in pair] for table, pair in rows.items()},
        )
        return certificate

    def is_certified(self, plan: DisclosurePlan, build: str) -> bool:
        """Was the build certified under exactly this plan?"""
        with self._records.read() as session:
            return plan.stamp in store.stamps_of(session, plan.project, build)

    def of_build(self, project: str, build: str) -> OptOutCertificate | None:
        """The last certificate of what was built so."""
        with self._records.read() as session:
            return store.newest_of(session, project, build)

    def of_version(self, project: str, version: int, *, until: datetime) -> OptOutCertificate | None:
        """The certificate of this version's scope that was the last one then."""
        own = (one for one in self.certificates(project) if one.kind == SCOPE and one.plan.version == version)
        return next((one for one in own if one.at <= until), None)

    def certificate(self, name: str) -> OptOutCertificate:
        """The certificate of this id. Raises UnknownOptOut."""
        with self._records.read() as session:
            found = store.find_certificate(session, name)
        if found is None:
            raise UnknownOptOut("There is no such certificate.", where=name[:60], mend="haven optout certificates")
        return found

    def certificates(self, project: str | None = None) -> list[OptOutCertificate]:
        """Every certificate, the newest first."""
        with self._records.read() as session:
            return store.certificates(session, project=project)

    # -- parts

    def _standings(self, session: Session, scope: Scope) -> tuple[FlowStanding, ...]:
        """How each flow of the scope stands; of a project that the records do not know: opt-outs apply."""
        versions = approvals.versions_as_decided(session, scope.project)
        version = next((one for one in versions if one.version == scope.version), None)
        file = approvals.project_file(session, scope.project, scope.version) if version else None
        basis = file.legal_basis if file else None
        support = find_support(session, file.support) if file and file.support else None
        decided = store.decisions_on(session, scope.project, scope.version)
        flows = [
            DataFlow(scope.project, scope.version, dataset, recipient)
            for dataset in sorted({table.dataset for table in scope.tables})
            for recipient in _recipients(session, scope.project, version)
        ]
        return tuple(
            policies.standing_of(flow, basis, decided, support=support, real_data=self._real_data) for flow in flows
        )


def _recipients(session: Session, project: str, version: ProjectVersion | None) -> list[str]:
    """The organisations of whoever works on it, and those that its extracts may go to."""
    if version is None:
        return [NOBODY]
    found = [find_person(session, name) for name in version.people | {version.applicant}]
    named = approvals.project_file(session, project, version.version).recipients
    return sorted({one.organisation for one in found if one is not None} | set(named)) or [NOBODY]


def _cuts(scope: Scope, standings: tuple[FlowStanding, ...]) -> list[Cut]:
    """A disclosure is of one piece: where opt-outs apply to a flow of it, they were applied to all of it."""
    applied = any(one.applies for one in standings)
    found = {one.flow.dataset: _days(scope, one.flow.dataset) for one in standings}
    return [
        Cut(one.flow.recipient, one.flow.dataset, start, end, applied, column)
        for one in standings
        for column, start, end in [found[one.flow.dataset]]
    ]


def _days(scope: Scope, dataset: str) -> tuple[str | None, date | None, date | None]:
    """By which column the scope's tables of this dataset are cut, and the days that they span; None: without bounds.

    Tables that are cut by different columns are named with them: only a cut of the same kind is compared by its days.
    """
    tables: list[TableScope] = [table for table in scope.tables if table.dataset == dataset]
    known = [(table.period, table.date_column) for table in tables if table.period and table.date_column]
    if len(known) < len(tables):
        return None, None, None
    columns = {column for _, column in known}
    of_tables = sorted(f"{table.table}.{table.date_column}" for table in tables)
    column = columns.pop() if len(columns) == 1 else " ".join(of_tables)
    return column, min(start for (start, _), _ in known), max(end for (_, end), _ in known)


def _stamp(
    standings: tuple[FlowStanding, ...], heeded: tuple[str, ...], using: OptOutList | None, linked: str | None
) -> str:
    made_of: list[object] = [[asdict(one) for one in standings], list(heeded), using and using.id]
    if linked is not None:  # else the stamp is what it was before runs were marked
        made_of.append(linked)
    return hashlib.sha256(json.dumps(made_of, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _publish_again(code: str, reason: str, scope: Scope) -> Refused:
    return Refused(code, reason, f"The data team runs: haven scope publish {scope.project}")
