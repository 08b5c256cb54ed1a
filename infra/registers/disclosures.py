"""What confidential and what de-identified data were disclosed, to whom, why, when? Recommendation 19 of the review.

Three kinds: deliveries that came in (confidential, from a controller to the haven), project files that were built
(de-identified, to the workspaces of a project), tables that left (about groups, through the airlock).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

from audit.events import EventName
from audit.model import AuditEvent, Json
from infra.registers.model import Disclosure, DisclosureKind, PublicProject
from infra.registers.public_text import Withholding
from infra.registers.sources import Sources
from linkage.store import REFUSED, Delivery

K = DisclosureKind


def disclosures(sources: Sources, projects: Mapping[str, PublicProject], withhold: Withholding) -> Iterator[Disclosure]:
    """Every disclosure, by day and kind; of projects only those that are public."""
    found = [
        *(_delivered(sources, row) for row in sources.deliveries if row.state != REFUSED),
        *_published(sources, projects, withhold),
        *(_released(sources, entry, projects, withhold) for entry in sources.releases),
    ]
    yield from sorted(found, key=lambda one: (one.on, one.kind, one.what, one.log_entry or 0))


def _delivered(sources: Sources, row: Delivery) -> Disclosure:
    at = row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC)
    period = f", {row.period_from} to {row.period_to}" if row.period_from and row.period_to else ""
    grounds = [
        agreement.id
        for agreement, _ in sources.approvals.agreements
        if agreement.discloser == row.controller and row.dataset in agreement.datasets
    ]
    supports = [one.reference for one in sources.approvals.supports if row.dataset in {f.dataset for f in one.flows}]
    ground = ", ".join([*(f"agreement {one}" for one in grounds), *(f"support {one}" for one in supports)])
    known = sources.approvals.organisations.get(row.controller)
    return Disclosure(
        K.CONFIDENTIAL,
        f"{row.dataset}{period}, from {known.name if known else row.controller}",
        "this haven's linkage zone",
        f"linkage for approved projects ({ground})" if ground else "linkage for approved projects",
        at.date(),
        None,
        sources.certificate_of(row.id),
        _entry(sources, EventName.DELIVERY_RECEIVED, "delivery", row.id),
    )


def _published(sources: Sources, projects: Mapping[str, PublicProject], withhold: Withholding) -> Iterator[Disclosure]:
    for index, event in sources.events:
        project = projects.get(event.project or "")
        if event.name is not EventName.SCOPE_PUBLISHED or project is None:
            continue
        tables = [f"{name} ({', '.join(tables)})" for name, tables in project.datasets]
        yield Disclosure(
            K.DE_IDENTIFIED,
            f"pseudonymised, approved columns of {'; '.join(tables)}, version {event.details.get('version')}",
            f"the project's workspaces in this haven ({project.organisation})",
            f"{project.purpose_title}: {withhold(project.title)}",
            event.at.astimezone(UTC).date(),
            project.id,
            sources.certificate_of(_build(event)),
            index,
        )


def _build(event: AuditEvent) -> str:
    return str(event.details.get("build"))


def _released(
    sources: Sources, entry: Mapping[str, Json], projects: Mapping[str, PublicProject], withhold: Withholding
) -> Disclosure:
    request, name = str(entry["request"]), str(entry["project"])
    recalled = f" (recalled, incident {entry['incident']})" if entry["incident"] else ""
    known = projects.get(name)
    to = {"to_public": "the public", "to_commissioner": "a commissioner", "to_researcher": "the project's researchers"}
    recipient = withhold(str(entry["recipient"])) if entry["recipient"] else to[str(entry["gate"])]
    return Disclosure(
        K.AGGREGATE,
        f"{withhold(str(entry['title']))}: a table that passed disclosure control{recalled}",
        f"{recipient} ({known.organisation})" if known and entry["gate"] == "to_researcher" else recipient,
        withhold(str(entry["purpose"])),
        _day(str(entry["released_at"])),
        name,
        sources.certificate_of(request),
        _entry(sources, EventName.RELEASE_RELEASED, "request", request),
    )


def _day(text: str) -> date:
    return datetime.fromisoformat(text).astimezone(UTC).date()


def _entry(sources: Sources, name: EventName, key: str, value: str) -> int | None:
    """Where the log tells of it."""
    return next(
        (index for index, event in sources.events if event.name is name and event.details.get(key) == value), None
    )
