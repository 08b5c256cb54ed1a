"""What falls due, and when? Pure, over what the records say today; nothing here remembers or writes.

National Data Guardian 3 and 4 (training, quarterly recertification, dormant accounts), section 251 (annual review),
attributes 5, 9 and 13 of an accredited safe haven (review dates, impact assessments, retention).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from access.housekeeping.model import REVIEWED_WITHIN, Due, DueKind, WaitingEmergency
from access.organisations.agreement import Agreement, Destroyer
from access.organisations.model import Organisation
from access.people.model import ACCREDITED_ROLES, ACKNOWLEDGEMENT_HOLDS, TRAINING_NEEDED, Person
from access.projects.file import ProjectFile
from access.projects.model import ProjectVersion
from access.projects.policies import RECERTIFY_EVERY
from access.projects.states import ENDED, ProjectState
from access.retention.model import Retention
from access.support.model import Support

STILL_TOLD = timedelta(days=90)  # after its end: an end that was reached on a day without a run is told, too
LEAD = "a governance lead"


@dataclass(frozen=True)
class KnownProject:
    """A project as it stands: its version, state and file."""

    version: ProjectVersion
    state: ProjectState
    file: ProjectFile


@dataclass(frozen=True)
class WhatIsKept:
    """All that the calendar is read from. agreements: those not withdrawn; authorisers: person and last day."""

    today: date
    projects: Sequence[KnownProject] = ()
    people: Sequence[Person] = ()
    organisations: Sequence[Organisation] = ()
    agreements: Sequence[Agreement] = ()
    supports: Sequence[Support] = ()
    emergencies: Sequence[WaitingEmergency] = ()
    authorisers: Sequence[tuple[str, date]] = ()
    retentions: Sequence[Retention] = ()
    dormant_after: timedelta = timedelta(days=90)


def calendar(kept: WhatIsKept) -> list[Due]:
    """Everything that has a day, the most urgent first."""
    found = [
        *_supports(kept),
        *_agreements(kept),
        *_organisations(kept),
        *_projects(kept),
        *_people(kept),
        *_emergencies(kept),
        *_authorisers(kept),
        *_retentions(kept),
    ]
    return sorted(found, key=lambda due: (due.on, due.kind, due.subject))


def _supports(kept: WhatIsKept) -> Iterator[Due]:
    for one in kept.supports:
        if one.withdrawn_on is not None or kept.today - STILL_TOLD > one.ends:
            continue
        pack = f"sends the annual review (haven support pack {one.reference} OUT) and records its outcome"
        if kept.today <= one.ends:
            yield Due(DueKind.SUPPORT_REVIEW, one.reference, one.review_due, LEAD, pack)
        yield Due(DueKind.SUPPORT_END, one.reference, one.ends, LEAD, "asks to extend the support, or ends its flows")


def _agreements(kept: WhatIsKept) -> Iterator[Due]:
    for one in kept.agreements:
        if kept.today - STILL_TOLD > one.ends:
            continue
        who = f"{LEAD} and {one.discloser}"
        renew = f"registers the reviewed agreement: haven agreement add FILE ({one.id})"
        if kept.today <= one.ends:
            yield Due(DueKind.AGREEMENT_REVIEW, one.id, one.review_due, who, renew)
        yield Due(DueKind.AGREEMENT_END, one.id, one.ends, who, "renews it, or has the data destroyed")


def _organisations(kept: WhatIsKept) -> Iterator[Due]:
    for one in kept.organisations:
        if one.security is not None:
            what = f"records its new toolkit status: haven organisation assess {one.id} ..."
            yield Due(DueKind.SECURITY_ASSESSMENT, one.id, one.security.ends, LEAD, what)


def _projects(kept: WhatIsKept) -> Iterator[Due]:
    for one in kept.projects:
        if one.state in ENDED:
            continue
        name, lead = one.version.project, one.version.lead or one.version.applicant
        what = "applies for an extension as an amendment, or closes the project"
        yield Due(DueKind.PROJECT_END, name, one.version.last_day, lead, what)
        if one.file.impact_assessment is not None:
            what = "reviews the impact assessment, and applies again with its new review_due"
            yield Due(DueKind.IMPACT_ASSESSMENT, name, one.file.impact_assessment.review_due, lead, what)
        since = one.version.recertified_on or (one.version.went_live_at and one.version.went_live_at.date())
        if since is not None:
            what = f"says who still needs access: haven project recertify {name} --as {lead}"
            yield Due(DueKind.RECERTIFICATION, name, since + RECERTIFY_EVERY, lead, what)


def _people(kept: WhatIsKept) -> Iterator[Due]:
    for person in kept.people:
        if person.closed_on is None:
            yield from _evidence(person)
            if person.last_seen is not None:
                on = person.last_seen + kept.dormant_after + timedelta(days=1)
                what = "uses their account, or it is closed as dormant"
                yield Due(DueKind.DORMANT_ACCOUNT, person.id, on, person.id, what)


def _evidence(person: Person) -> Iterator[Due]:
    name, evidence = person.id, person.evidence
    for one in evidence.trainings:
        if person.roles & TRAINING_NEEDED[one.kind]:
            what = f"takes the training in {one.kind} and its test again"
            yield Due(DueKind.TRAINING, f"{name}/{one.kind}", one.ends, name, what)
    if evidence.acknowledged_on is not None:
        what = f"acknowledges their duty of confidence: haven person acknowledge --as {name}"
        yield Due(DueKind.ACKNOWLEDGEMENT, name, evidence.acknowledged_on + ACKNOWLEDGEMENT_HOLDS, name, what)
    if evidence.accreditation is not None and person.roles & ACCREDITED_ROLES:
        what = "has their accreditation renewed; an administrator records it"
        yield Due(DueKind.ACCREDITATION, name, evidence.accreditation.ends, name, what)


def _emergencies(kept: WhatIsKept) -> Iterator[Due]:
    for one in kept.emergencies:
        what = f"reviews the emergency in {one.project}: haven emergency review {one.id} ..."
        yield Due(DueKind.EMERGENCY_REVIEW, one.id, one.ended.date() + REVIEWED_WITHIN, f"another {LEAD[2:]}", what)


def _authorisers(kept: WhatIsKept) -> Iterator[Due]:
    """The last day on which anybody answers for anonymisation, under whoever does so longest."""
    if kept.authorisers:
        until, name = max((day, who) for who, day in kept.authorisers)
        what = "appoints who answers for anonymisation from then on: haven authoriser appoint PERSON --until DATE"
        yield Due(DueKind.AUTHORISER_END, name, until, LEAD, what)


def _retentions(kept: WhatIsKept) -> Iterator[Due]:
    for one in kept.retentions:
        if one.until is not None and not one.held.certified:
            command = f"haven retention destroy {one.held.name} --as PERSON"
            what = f"has it destroyed and certified, or {one.held.dataset} stays closed: {command}"
            if one.destroyed_by is Destroyer.HOUSEKEEPING:
                what = f"sees it destroyed by the day's housekeeping, as agreed; if it is not: {command}"
            yield Due(DueKind.RETENTION, one.held.name, one.until + timedelta(days=1), LEAD, what)
