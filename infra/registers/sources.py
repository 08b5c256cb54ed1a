"""From what is the register made? Records, releases, and the log's entries, read once; what follows is pure."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from access.organisations.agreement import Agreement
from access.organisations.model import DatasetEntry, Organisation, Sanction
from access.people.model import Person
from access.projects.file import ProjectFile
from access.projects.model import ProjectVersion
from access.projects.reading import Standing
from access.service import Access
from access.support.model import Support
from audit.errors import AuditUnavailable
from audit.events import EventName
from audit.model import AuditEvent, Json
from infra.registers.model import LogPosition, OptOutEffect
from linkage.store import Delivery, all_deliveries

if TYPE_CHECKING:
    from infra.wiring.haven import Haven

TOLD = ("project.", "scope.published", "release.released", "delivery.received", "change.abandoned")
NO_LOG = LogPosition(0, "", "")


@dataclass(frozen=True)
class Approvals:
    """What the records of access say, read once."""

    people: Mapping[str, Person]
    organisations: Mapping[str, Organisation]
    catalogue: Mapping[str, DatasetEntry]
    agreements: Sequence[tuple[Agreement, bool]]
    supports: Sequence[Support]
    projects: Sequence[Standing]
    versions: Sequence[ProjectVersion]
    files: Mapping[tuple[str, int], ProjectFile]
    sanctions: Sequence[Sanction]

    @classmethod
    def of(cls, access: Access) -> Approvals:
        """All of it, as it stands now."""
        return cls(
            people={one.id: one for one in access.people()},
            organisations={one.id: one for one in access.organisations()},
            catalogue=access.datasets(),
            agreements=access.agreements(),
            supports=access.supports(),
            projects=access.projects(),
            versions=access.every_version(),
            files=access.every_file(),
            sanctions=access.sanctions(),
        )


@dataclass(frozen=True)
class Sources:
    """All that a register is made from. events: index and event, the oldest first; releases: the airlock's entries."""

    today: date
    real_data: bool
    approvals: Approvals
    deliveries: Sequence[Delivery]
    releases: Sequence[Mapping[str, Json]]
    events: Sequence[tuple[int, AuditEvent]]
    opt_outs: OptOutEffect
    opt_out_of: Callable[[str], str | None]
    certificate_of: Callable[[str], str | None]


def sources_of(haven: Haven) -> Sources:
    """What this haven's register is made from."""
    from infra.registers import opt_outs

    with haven.records.read() as session:
        deliveries = all_deliveries(session)
    return Sources(
        today=haven.clock.now().date(),
        real_data=haven.settings.real_data,
        approvals=Approvals.of(haven.access),
        deliveries=deliveries,
        releases=haven.airlock.register_entries(),
        events=kept_events(_found(haven)),
        opt_outs=opt_outs.opt_out_effect(haven),
        opt_out_of=lambda project: opt_outs.opt_out_of_project(haven, project),
        certificate_of=lambda disclosed: opt_outs.certificate_of(haven, disclosed),
    )


def kept_events(found: Sequence[tuple[int, AuditEvent]]) -> list[tuple[int, AuditEvent]]:
    """Those whose change was kept: an entry that a crash left without its change tells of nothing."""
    gone = {event.details.get("event") for _, event in found if event.name is EventName.CHANGE_ABANDONED}
    return [(index, event) for index, event in found if event.id not in gone]


def organisation_name(sources: Sources, name: str) -> str:
    """An organisation's name for people; its id where it has no other."""
    known = sources.approvals.organisations.get(name)
    return known.name if known else name


def organisation_of(sources: Sources, version: ProjectVersion) -> str:
    """The organisation of whoever answers for the project; of its applicant where nobody does."""
    person = sources.approvals.people.get(version.lead or version.applicant)
    return organisation_name(sources, person.organisation) if person else "not registered"


def log_position(haven: Haven) -> LogPosition:
    """How far the newest signed checkpoint goes; nothing for a log without an entry. Raises AuditUnavailable."""
    place = haven.settings.audit_folder / "checkpoint"
    try:
        note = place.read_text(encoding="utf-8")
        lines = note.split("\n")
        return LogPosition(int(lines[1]), base64.b64decode(lines[2], validate=True).hex(), note)
    except FileNotFoundError:
        return NO_LOG
    except (OSError, IndexError, ValueError):
        raise AuditUnavailable(
            "The log's checkpoint cannot be read; no register tells of it.", where=str(place),
            mend="See what is wrong with it: haven audit verify",
        ) from None  # fmt: skip


def _found(haven: Haven) -> list[tuple[int, AuditEvent]]:
    from audit.search import EVERY, SearchIndex, Wanted

    index = SearchIndex(haven.settings.audit_folder, haven.settings.home / "records" / "audit-index.db")
    found = [one for begins in TOLD for one in index.find(Wanted(verb=begins.rstrip("."), limit=EVERY))]
    return sorted(found, key=lambda one: one[0])
