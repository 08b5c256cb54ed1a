"""What confidential and what de-identified data were disclosed, to whom, why, when? Recommendation 19 of the review.

Three kinds: deliveries that came in (confidential, from a controller to the haven), project files that were built
(de-identified, to the workspaces of a project), tables that left (about groups, through the airlock).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime

from access.projects.compiling import compile_scope
from access.projects.file import ProjectFile
from access.projects.model import ProjectVersion
from access.projects.purposes import PURPOSES
from audit.events import EventName
from audit.model import AuditEvent, Json
from infra.registers.model import Disclosure, DisclosureKind, PublicProject
from infra.registers.public_text import Withholding
from infra.registers.sources import Sources, organisation_of
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
    entry = _entry(sources, EventName.DELIVERY_RECEIVED, "delivery", row.id)
    grounds = next((event.details.get("grounds") for index, event in sources.events if index == entry), None)
    ground = ", ".join(map(str, grounds)) if isinstance(grounds, list) else ""
    known = sources.approvals.organisations.get(row.controller)
    return Disclosure(
        K.CONFIDENTIAL,
        f"{row.dataset}{period}, from {known.name if known else row.controller}",
        "this haven's linkage zone",
        f"linkage for approved projects ({ground})" if ground else "linkage for approved projects",
        at.date(),
        None,
        sources.certificate_of(row.id),
        entry,
    )


def _published(sources: Sources, projects: Mapping[str, PublicProject], withhold: Withholding) -> Iterator[Disclosure]:
    """By the version that was published, not by the one that governs now."""
    versions = {(one.project, one.version): one for one in sources.approvals.versions}
    for index, event in sources.events:
        project = event.project or ""
        if event.name is not EventName.SCOPE_PUBLISHED or project not in projects:
            continue
        version = versions[project, int(str(event.details["version"]))]
        file = sources.approvals.files[version.project, version.version]
        yield Disclosure(
            K.DE_IDENTIFIED,
            f"pseudonymised, {_columns(sources, version, file, event)}, version {version.version}",
            f"the project's workspaces in this haven ({organisation_of(sources, version)})",
            f"{PURPOSES[file.purpose].title}: {withhold(file.title)}",
            event.at.astimezone(UTC).date(),
            version.project,
            sources.certificate_of(_build(event)),
            index,
        )


def _columns(sources: Sources, version: ProjectVersion, file: ProjectFile, event: AuditEvent) -> str:
    """The columns that were published, where they can be shown to be those; else the tables that were asked for.

    What was taken back since was given then. The digest in the log says whether what follows is what was published.
    """
    given = {name: replace(one, withdrawn=False) for name, one in version.approvals.items()}
    scope = compile_scope(file, version.version, sources.approvals.catalogue, given)
    if scope.digest() == event.details.get("digest"):
        told = (f"{one.dataset} ({one.table}: {', '.join(c.name for c in one.columns)})" for one in scope.tables)
        return f"approved columns of {'; '.join(told)}"
    asked = (f"{name} ({', '.join(sorted(part.tables))})" for name, part in sorted(file.datasets.items()))
    return f"as far as its controllers allowed, of the tables asked for: {'; '.join(asked)}"


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
