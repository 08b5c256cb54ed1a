"""Make it so: register organisations and datasets, record assessments and agreements, appoint authorisers."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection
from contextlib import AbstractContextManager
from datetime import date

from access.decisions import PAPERS_FURTHEST, Allowed, Decision, Refused, may_last_until
from access.organisations import policies, store
from access.organisations.agreement import Agreement
from access.organisations.model import DatasetEntry, Organisation, SecurityAssessment
from access.people.model import Role
from access.people.policies import may_hold_office, may_take_back
from access.retention.policies import may_be_kept
from access.support import store as support_store
from access.support.policies import in_force as support_in_force
from access.support.policies import may_carry, may_rest_on
from access.verbs import Verbs, may_be_said, shortened
from audit.events import EventName
from audit.model import Actor
from audit.records import Change


class OrganisationVerbs(Verbs):
    """Organisations, their agreements and their datasets."""

    def register_organisation(self, organisation: Organisation, *, by: Actor) -> None:
        """Add an organisation, or change its name; an assessment is kept too. Raises RefusedError, recorded.

        Adding one belongs to no office (an installed contract names its controller); changing and assessing one do.
        """
        refused, name = EventName.ORGANISATION_REGISTER_REFUSED, organisation.id
        with self._changing(f"organisation:{name}", refused, by) as change:
            row = change.session.get(store.OrganisationRow, name)
            decision = policies.may_be_named(organisation)
            if decision and row is not None:
                decision = self._office(by, Role.ADMINISTRATOR)
            if decision and organisation.security is not None:
                decision = self._office(by, Role.GOVERNANCE_LEAD)
            self._require(decision, refused, None, by, organisation=name[:60] if name.isprintable() else "")
            row = row or store.OrganisationRow(id=name)
            row.name = organisation.name
            if organisation.security is not None:
                _keep_assessment(row, organisation.security)
            change.session.add(row)
            change.record(EventName.ORGANISATION_REGISTERED, organisation=organisation.id)
            if (security := organisation.security) is not None:
                status, ends = security.status.value, security.ends.isoformat()
                change.record(EventName.ORGANISATION_ASSESSED, organisation=organisation.id, status=status, ends=ends)

    def assess_organisation(self, name: str, assessment: SecurityAssessment, *, by: Actor) -> None:
        """Record the toolkit's status of an organisation. Raises RefusedError, which is recorded."""
        decision = self._office(by, Role.GOVERNANCE_LEAD)
        if decision and self.organisation(name) is None:
            decision = policies.may_take_part(None, self._today())
        decision = decision and policies.may_be_shown(assessment.ods_code, "code", 20)
        decision = decision and may_last_until(assessment.ends, self._today())
        self._require(decision, EventName.ORGANISATION_ASSESS_REFUSED, None, by, organisation=name)
        with self.records.change(by=by) as change:
            _keep_assessment(change.session.get_one(store.OrganisationRow, name), assessment)
            change.record(
                EventName.ORGANISATION_ASSESSED,
                organisation=name,
                status=assessment.status.value,
                ends=assessment.ends.isoformat(),
            )

    def register_dataset(self, entry: DatasetEntry, *, by: Actor) -> None:
        """Put a dataset into the catalogue; the same entry again changes nothing. Raises RefusedError, recorded."""
        held = self.datasets()
        if held.get(entry.id) == entry:
            return
        decision = policies.may_be_catalogued(entry, held.values())
        self._require(decision, EventName.DATASET_REFUSED, None, by, dataset=entry.id)
        with self.records.change(by=by) as change:
            tables = {table: dict(columns) for table, columns in entry.tables.items()}
            change.session.merge(
                store.DatasetRow(
                    id=entry.id,
                    controller=entry.controller,
                    notice=entry.notice,
                    disclosure_profile=entry.disclosure_profile,
                    tables=tables,
                )
            )
            change.record(EventName.DATASET_REGISTERED, dataset=entry.id, controller=entry.controller)

    def register_agreement(self, agreement: Agreement, *, by: Actor) -> int:
        """Keep a signed agreement, or an amended one as the next version; which. Raises RefusedError, recorded.

        The same document again changes nothing.
        """
        document = agreement.model_dump(mode="json")
        digest = hashlib.sha256(agreement.model_dump_json().encode()).hexdigest()
        with self._changing_agreements(agreement.discloser, by) as change:
            held = {one.id: one for one in store.agreements_in_force(change.session, self._today())}
            before = store.newest_agreements(change.session).get(agreement.id)
            same = before is not None and before.digest == digest and before.withdrawn_on is None
            decision = self._office(by, Role.GOVERNANCE_LEAD)
            if decision and not same:
                decision = (
                    self._may_register_agreement(agreement)
                    and policies.may_take_its_place(agreement, held.get(agreement.id), self._today())
                    and policies.may_amend(agreement, store.papers_over_the_same(change.session, agreement))
                )
            self._require(decision, EventName.AGREEMENT_REFUSED, None, by, agreement=agreement.id)
            if before is not None and same:
                change.abandon()
                return before.version
            version = before.version + 1 if before else 1
            change.session.add(
                store.AgreementRow(
                    id=agreement.id, version=version, document=document, digest=digest, by=by, at=change.at
                )
            )
            change.record(EventName.AGREEMENT_REGISTERED, agreement=agreement.id, version=version, digest=digest)
        return version

    def withdraw_agreement(self, id: str, *, by: Actor) -> None:
        """End an agreement today: every project that needs it stops. Raises RefusedError, recorded."""
        with self.records.read() as session:
            named = store.newest_agreements(session).get(id)
        with self._changing_agreements(named.document["discloser"] if named else id, by) as change:
            row = store.newest_agreements(change.session).get(id)
            decision = self._may_end_agreement(row, by)
            self._require(decision, EventName.AGREEMENT_REFUSED, None, by, agreement=id)
            if row is None:
                raise RuntimeError("an agreement that may be withdrawn exists")
            row.withdrawn_on, row.withdrawn_by = change.at.date(), by
            change.record(EventName.AGREEMENT_WITHDRAWN, agreement=id, version=row.version)

    def appoint_authoriser(self, person: str, until: date, *, by: Actor) -> None:
        """Name who answers for anonymisation, from today until a day (attribute 1). Raises RefusedError, recorded."""
        decision = self._office(by, Role.GOVERNANCE_LEAD) and may_hold_office(
            self.person(person), Role.ANONYMISATION_AUTHORISER, self._today()
        )
        if decision and by == f"person:{person}":
            decision = Refused("authoriser.self", "Nobody appoints themselves.", "Another governance lead does.")
        if decision and until <= self._today():
            decision = Refused("authoriser.past", "The appointment must end on a day ahead.", "Give a later --until.")
        decision = decision and may_last_until(until, self._today(), PAPERS_FURTHEST)
        self._require(decision, EventName.AUTHORISER_APPOINT_REFUSED, None, by, person=person)
        with self.records.change(by=by) as change:
            change.session.add(
                store.AuthoriserRow(
                    id=str(uuid.uuid4()), person=person, starts=change.at.date(), until=until, by=by, at=change.at
                )
            )
            change.record(EventName.AUTHORISER_APPOINTED, person=person, until=until.isoformat())

    def end_authoriser(self, person: str, reason: str, *, by: Actor) -> None:
        """End every appointment of this person at once: what rests on it alone stops. Raises RefusedError, recorded.

        A governance lead does, or the person steps down.
        """
        with self._changing("authorisers", EventName.AUTHORISER_END_REFUSED, by) as change:
            decision = Allowed() if by == f"person:{person}" else self._office(by, Role.GOVERNANCE_LEAD)
            rows = [row for row in store.appointments(change.session) if row.person == person]
            if decision and not any(row.until >= self._today() for row in rows):
                decision = Refused(
                    "authoriser.not_appointed", "This person is not appointed.", "`haven authoriser show` says who is."
                )
            self._require(decision and may_be_said(reason), EventName.AUTHORISER_END_REFUSED, None, by, person=person)
            for row in rows:
                row.ended_by, row.ended_at, row.ended_because = by, change.at, shortened(reason)
            change.record(EventName.AUTHORISER_ENDED, person=person)

    # -- questions

    def organisation(self, name: str) -> Organisation | None:
        """The organisation of this id."""
        with self.records.read() as session:
            found = store.find_organisation(session, name)
        return None if found is None else self._assessed(found)

    def organisations(self) -> list[Organisation]:
        """Every organisation, by id."""
        with self.records.read() as session:
            return [self._assessed(one) for one in store.all_organisations(session)]

    def datasets(self) -> dict[str, DatasetEntry]:
        """The catalogue."""
        with self.records.read() as session:
            return store.catalogue(session)

    def agreements(self) -> list[tuple[Agreement, bool]]:
        """Every agreement's newest version, and whether it is in force today."""
        with self.records.read() as session:
            rows = store.newest_agreements(session).values()
        found = [(Agreement.model_validate(row.document), row.withdrawn_on) for row in rows]
        return [(one, policies.agreement_in_force(one, gone, self._today())) for one, gone in found]

    def authorisers(self) -> list[str]:
        """Who answers for anonymisation today: appointed, still in the office, and able to act."""
        with self.records.read() as session:
            names = store.authorisers(session, self._today())
        office = Role.ANONYMISATION_AUTHORISER
        return [name for name in names if may_hold_office(self.person(name), office, self._today())]

    def may_ingest(self, dataset: str, identifiers: Collection[str], unlisted: DatasetEntry | None = None) -> Decision:
        """May a delivery of this dataset, with these identifiers, come in today?

        identifiers: what its contract carries. unlisted: what that says, where nobody listed the dataset.
        """
        today = self._today()
        with self.records.read() as session:
            entry = store.catalogue(session).get(dataset, unlisted)
            agreements = policies.made_with(store.agreements_in_force(session, today), self.ourselves)
            retentions = self._retentions_in(session)
            supports = support_store.all_supports(session)
        flow = (dataset, entry.controller if entry else "", self.ourselves)
        return policies.may_ingest(
            entry,
            self.organisation(entry.controller) if entry else None,
            agreements,
            ourselves=self.organisation(self.ourselves),
            authoriser_in_office=bool(self.authorisers()),
            asked=[may_be_kept(dataset, retentions, today), may_carry(supports, *flow, identifiers, today)],
            supported=may_rest_on(supports, *flow, today),
            real_data=self.real_data,
            today=today,
        )

    def require_ingest(
        self, dataset: str, identifiers: Collection[str], unlisted: DatasetEntry | None = None, *, by: Actor
    ) -> None:
        """May such a delivery come in today? As `may_ingest`. Raises RefusedError, which is recorded."""
        decision = self.may_ingest(dataset, identifiers, unlisted)
        self._require(decision, EventName.DELIVERY_RECEIVE_REFUSED, None, by, dataset=dataset)

    def grounds_of(self, dataset: str) -> list[str]:
        """On which papers in force today such a delivery comes in: `agreement ID`, `support REFERENCE`."""
        today = self._today()
        with self.records.read() as session:
            agreements = policies.made_with(store.agreements_in_force(session, today), self.ourselves)
            supports = [one for one in support_store.all_supports(session) if support_in_force(one, today)]
        named = [one for one in supports if (dataset, self.ourselves) in {(f.dataset, f.recipient) for f in one.flows}]
        return [
            *sorted(f"agreement {one.id}" for one in agreements if dataset in one.datasets),
            *sorted(f"support {one.reference}" for one in named),
        ]

    def require_installer(self, dataset: str, *, by: Actor) -> None:
        """A contract is put into force by a data engineer who may act. Raises RefusedError, which is recorded."""
        decision = self._office(by, Role.DATA_ENGINEER)
        self._require(decision, EventName.DATASET_REFUSED, None, by, dataset=dataset)

    # -- parts

    def _changing_agreements(self, discloser: str, by: Actor) -> AbstractContextManager[Change]:
        """One change at a time of what a discloser agreed to: what it withdrew counts for every paper of it."""
        return self._changing(f"agreements:{discloser}", EventName.AGREEMENT_REFUSED, by)

    def _may_register_agreement(self, agreement: Agreement) -> Decision:
        with self.records.read() as session:
            withdrawn = store.last_withdrawn(session, agreement)
        if not (again := policies.may_come_again(agreement, withdrawn)):
            return again
        known = {one.id for one in self.organisations()}
        if strangers := {agreement.discloser, agreement.recipient} - known:
            return Refused(
                "agreement.party_unknown",
                f"Not registered: {', '.join(sorted(strangers))}.",
                "Register the organisation first: `haven organisation add ID NAME`.",
            )
        if agreement.unsigned:
            return Refused(
                "agreement.unsigned",
                f"Not signed by: {', '.join(agreement.unsigned)}.",
                "Print it (haven agreement print FILE OUT), have it signed, and write the signature into the file.",
            )
        if any(signature.on > self._today() for signature in agreement.signatures.values()):
            return Refused("agreement.signed_ahead", "A signature has a day that lies ahead.", "Correct the day.")
        return policies.may_run(agreement, self._today())

    def _may_end_agreement(self, held: store.AgreementRow | None, by: Actor) -> Decision:
        """A party ends it by itself, by its account or its delegate; else a governance lead."""
        if held is None or held.withdrawn_on is not None:
            return Refused("agreement.unknown", "No such agreement is in force.", "`haven agreement list` shows them.")
        kind, _, name = by.partition(":")
        agreement = Agreement.model_validate(held.document)
        if kind == "organisation" and name in (agreement.discloser, agreement.recipient):
            return Allowed()
        if kind == "organisation":
            return Refused(
                "agreement.no_party", f"{name} is no party of this agreement.", "A party ends it, or a governance lead."
            )
        delegate = self.person(name) if kind == "person" else None
        theirs = delegate is not None and delegate.organisation in (agreement.discloser, agreement.recipient)
        if theirs and delegate is not None and Role.CONTROLLER_DELEGATE in delegate.roles:
            return may_take_back(delegate, self._today()) or self._office(by, Role.GOVERNANCE_LEAD)
        return self._office(by, Role.GOVERNANCE_LEAD)


def _keep_assessment(row: store.OrganisationRow, assessment: SecurityAssessment) -> None:
    row.ods_code, row.security_status, row.security_ends = (
        assessment.ods_code,
        assessment.status.value,
        assessment.ends,
    )
