"""What does the register say, given the sources? Pure: the same sources give the same register.

Drafts are not public, and nobody is named: a project stands under its lead's organisation. Every free text passes
infra.registers.public_text first. Counts are suppressed (audit.suppression).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date

from access.people.invented import INVENTED_ODS
from access.projects.data_use import ARTICLE_6, ARTICLE_9, SECTORS, DataUse
from access.projects.model import Approval, ProjectVersion
from access.projects.purposes import PURPOSES
from access.projects.reading import Standing
from access.projects.states import RULE, is_decided
from access.projects.waiting import GUARDIAN, refusals_of, waiting_times, waits_of
from access.support.policies import in_force as support_in_force
from audit.events import EventName
from audit.model import AuditEvent
from audit.suppression import shown_count
from infra.registers.disclosures import disclosures
from infra.registers.model import (
    AgreedTerm,
    HeldDataset,
    HistoryEntry,
    PublicDecision,
    PublicFlow,
    PublicProject,
    PublicRegister,
    PublicUse,
    ReceivedDelivery,
    SanctionCounts,
)
from infra.registers.public_text import Withholding
from infra.registers.sources import Sources, organisation_name, organisation_of
from linkage.store import REFUSED, Delivery

THE_HAVEN = "this haven"


def gather(sources: Sources) -> PublicRegister:
    """The register, as of the sources' day."""
    found = sources.approvals
    withhold = withholding(sources)
    public = [one for one in found.projects if one.version.submitted_at is not None]
    submitted = [one for one in found.versions if one.submitted_at is not None]
    waits = waits_of(submitted, sources.today)
    projects = tuple(_project(sources, one, withhold) for one in public)
    return PublicRegister(
        as_of=sources.today,
        synthetic=not sources.real_data,
        datasets=tuple(_datasets(sources, withhold)),
        flows=tuple(_flows(sources)),
        deliveries=tuple(_delivery(sources, row) for row in sources.deliveries if row.state != REFUSED),
        projects=projects,
        disclosures=tuple(disclosures(sources, {one.id: one for one in projects}, withhold)),
        opt_outs=sources.opt_outs,
        waiting=tuple(waiting_times(waits)),
        refusals=tuple(replace(one, reason=withhold(one.reason)) for one in refusals_of(submitted)),
        sanctions=_sanctions(sources),
    )


def withholding(sources: Sources) -> Withholding:
    """What keeps the names of this haven's people out of what the public reads."""
    found = sources.approvals
    people = [word for one in found.people.values() for word in (one.id, one.name)]
    public = [word for one in found.organisations.values() for word in (one.id, one.name)]
    return Withholding(people, [*public, *found.catalogue])


def _datasets(sources: Sources, withhold: Withholding) -> Iterator[HeldDataset]:
    for name, entry in sorted(sources.approvals.catalogue.items()):
        terms = tuple(
            AgreedTerm(
                one.id,
                withhold(one.title),
                one.datasets[name].notice,
                one.datasets[name].retention_days,
                withhold(one.datasets[name].destruction),
                one.starts,
                one.ends,
                one.review_due,
                in_force,
            )
            for one, in_force in sources.approvals.agreements
            if one.discloser == entry.controller and name in one.datasets
        )
        controller = organisation_name(sources, entry.controller)
        yield HeldDataset(name, controller, entry.notice, tuple(sorted(entry.tables)), terms)


def _flows(sources: Sources) -> Iterator[PublicFlow]:
    for agreement, in_force in sources.approvals.agreements:
        parties = (organisation_name(sources, agreement.discloser), organisation_name(sources, agreement.recipient))
        for name in sorted(agreement.datasets):
            yield PublicFlow(name, *parties, tuple(agreement.purposes), f"agreement {agreement.id}", (), in_force)
    for support in sources.approvals.supports:
        stands = bool(support_in_force(support, sources.today))
        for flow in support.flows:
            yield PublicFlow(
                flow.dataset,
                organisation_name(sources, flow.discloser),
                organisation_name(sources, flow.recipient),
                (flow.purpose,),
                f"section 251 support {support.reference}",
                flow.identifiers,
                stands,
            )


def _delivery(sources: Sources, row: Delivery) -> ReceivedDelivery:
    entry = next(
        (
            index
            for index, event in sources.events
            if event.name is EventName.DELIVERY_RECEIVED and event.details.get("delivery") == row.id
        ),
        None,
    )
    return ReceivedDelivery(
        row.dataset,
        organisation_name(sources, row.controller),
        row.period_from,
        row.period_to,
        (row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC)).date(),
        row.state,
        tuple((table, shown_count(rows)) for table, rows in sorted(row.rows.items())),
        entry,
    )


def _project(sources: Sources, standing: Standing, withhold: Withholding) -> PublicProject:
    version, file = standing.version, standing.file
    if version.submitted_at is None:
        raise ValueError("a draft is not public")
    return PublicProject(
        id=version.project,
        version=version.version,
        title=file.title,
        lay_summary=withhold(file.lay_summary),
        purpose=file.purpose,
        purpose_title=PURPOSES[file.purpose].title,
        legal_basis=file.legal_basis,
        support=file.support,
        ethics=file.ethics,
        organisation=organisation_of(sources, version),
        recipients=tuple(organisation_name(sources, one) for one in sorted(file.recipients)),
        datasets=tuple((name, tuple(sorted(part.tables))) for name, part in sorted(file.datasets.items())),
        benefit=withhold.or_none(file.benefit),
        data_use=_data_use(sources, version, file.data_use, withhold),
        state=standing.state.value,
        rule=RULE[standing.state],
        submitted_on=version.submitted_at.date(),
        approved_on=_approved_on(version),
        begun=_begun(sources, version.project),
        ends=version.last_day,
        closed_on=version.closed_on,
        opt_out=sources.opt_out_of(version.project),
        decisions=tuple(_decisions(sources, version, withhold)),
        history=tuple(_history(sources, version.project)),
    )


def _data_use(
    sources: Sources, version: ProjectVersion, use: DataUse | None, withhold: Withholding
) -> PublicUse | None:
    """Nothing for an application from before these were asked for."""
    if use is None:
        return None
    person = sources.approvals.people.get(version.lead or version.applicant)
    body = sources.approvals.organisations.get(person.organisation) if person else None
    code = body.security.ods_code if body and body.security else None
    return PublicUse(
        article6=f"Article {use.article6} of the UK GDPR: {ARTICLE_6[use.article6]}",
        article9=f"Article {use.article9} of the UK GDPR: {ARTICLE_9[use.article9]}",
        sector=SECTORS[use.sector],
        technical_summary=withhold(use.technical_summary),
        frequency="Recurring" if use.frequency == "recurring" else "One-off",
        funders=tuple(map(withhold, use.funders)),
        organisation_code=code if code and code != INVENTED_ODS else None,
    )


def _begun(sources: Sources, project: str) -> date | None:
    """The day on which any version of it went live first: what began stays told while an amendment waits."""
    days = [one.went_live_at for one in sources.approvals.versions if one.project == project and one.went_live_at]
    return min(days).date() if days else None


def _approved_on(version: ProjectVersion) -> date | None:
    """The day on which the last of all who decide approved, also when an approval was taken back later."""
    return max(one.at for one in version.decisions).date() if is_decided(version) else None


def _decisions(sources: Sources, version: ProjectVersion, withhold: Withholding) -> Iterator[PublicDecision]:
    for name in sorted(version.controllers):
        given = version.approvals.get(name)
        yield _decision(organisation_name(sources, name), given, withhold)
    endorsed = version.endorsement
    if endorsed is None:
        yield PublicDecision("Caldicott Guardian", "not decided", None, None, ())
        return
    outcome = "withdrawn" if endorsed.withdrawn else endorsed.outcome.value
    yield PublicDecision("Caldicott Guardian", outcome, endorsed.at.date(), withhold.or_none(endorsed.reason), ())


def _decision(name: str, given: Approval | None, withhold: Withholding) -> PublicDecision:
    if given is None:
        return PublicDecision(name, "not decided", None, None, ())
    outcome = "withdrawn" if given.withdrawn else given.outcome.value
    conditions = tuple(map(withhold, given.narrowing.in_words()))
    return PublicDecision(name, outcome, given.at.date(), withhold.or_none(given.reason), conditions)


def _history(sources: Sources, project: str) -> Iterator[HistoryEntry]:
    for index, event in sources.events:
        if event.project == project and (told := _told(sources, event)):
            yield HistoryEntry(event.at.astimezone(UTC).date(), told, index)


def _told(sources: Sources, event: AuditEvent) -> str | None:
    """One step in words, by organisation; None for what is not of a project's public history."""
    version, who = event.details.get("version"), event.details.get("controller")
    by = "the Caldicott Guardian" if who in (None, GUARDIAN) else organisation_name(sources, str(who))
    told = {
        EventName.PROJECT_APPLIED: f"version {version} submitted",
        EventName.PROJECT_APPROVED: f"version {version} approved by {by}",
        EventName.PROJECT_REFUSED: f"version {version} refused by {by}",
        EventName.PROJECT_ENDORSED: f"version {version} approved by the Caldicott Guardian",
        EventName.PROJECT_WENT_LIVE: f"version {version} live",
        EventName.PROJECT_SUSPENDED: "suspended",
        EventName.PROJECT_RESUMED: "resumed",
        EventName.PROJECT_WITHDRAWN: f"approval taken back by {by}",
        EventName.PROJECT_EXPIRED: f"version {version} expired",
        EventName.PROJECT_CLOSED: "closed",
    }
    return told.get(event.name)


def _sanctions(sources: Sources) -> SanctionCounts:
    now = [one.subject for one in sources.approvals.sanctions if one.holds_on(sources.today)]
    people = len({one for one in now if one.startswith("person:")})
    bodies = len({one for one in now if one.startswith("organisation:")})
    return SanctionCounts(shown_count(people), shown_count(bodies), shown_count(len(sources.approvals.sanctions)))
