"""What goes to the Confidentiality Advisory Group each year? Flows, projects, counts and opt-outs, in one pack.

From the records and the log only; what only people know (patient involvement, changes of purpose) stays to be added.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from access.decisions import Refused
from access.errors import AccessError
from access.projects.model import ProjectVersion
from access.support.model import Support
from audit.events import EventName
from audit.model import AuditEvent, organisation, person
from audit.reports import Report
from audit.search import EVERY, SearchIndex, Wanted
from audit.suppression import shown_count
from infra.registers.opt_outs import opt_out_of_project
from linkage.store import all_deliveries

if TYPE_CHECKING:
    from access.optouts.model import OptOutCertificate
    from access.service import Access
    from infra.wiring.haven import Haven

YEAR = timedelta(days=365)
COUNTED = (
    "delivery.received",
    "delivery.refused",
    "linkage.completed",
    "scope.published",
    "query.completed",
    "query.refused",
    "release.released",
    "release.recalled",
    "optout.",
    "person.suspended",
    "project.suspended",
    "sanction.imposed",
    "emergency.opened",
    "key.unwrap_handed_out",
)


def write_review_pack(haven: Haven, reference: str, folder: Path) -> Path:
    """Write `annual-review.html` and `.json` into the folder; the page's path. Raises RefusedError: no such support."""
    support = haven.access.support(reference)
    if support is None:
        Refused("support.unknown", "No such support is registered.", "`haven support list` shows them.").require()
        raise RuntimeError("a support that is registered is found")
    data = _gathered(haven, support)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "annual-review.json").write_text(json.dumps(data, indent=2, default=str), encoding="utf-8")
        return _page(data).write(folder / "annual-review.html")
    except OSError as error:
        raise AccessError(f"The pack cannot be written ({error.strerror}).", where=str(folder)) from None


def _gathered(haven: Haven, support: Support) -> dict[str, Any]:
    today = haven.clock.now().date()
    since = max(support.starts, today - YEAR)
    index = SearchIndex(haven.settings.audit_folder, haven.settings.home / "records" / "audit-index.db")
    start = datetime.combine(since, time(), UTC)
    concern = _Concern.of(haven, support, start)
    events = list(_counted(index, start, concern))
    return {
        "reference": support.reference,
        "title": support.title,
        "regulation": support.regulation.value,
        "activity": support.activity,
        "from": since,
        "to": today,
        "review_due": support.review_due,
        "flows": [asdict(flow) for flow in support.flows],
        "conditions": list(support.conditions),
        "opt_out_exemption": support.opt_out_exemption,
        "projects": [
            {
                "project": name,
                "title": standing.version.title,
                "state": standing.state.value,
                "purpose": standing.file.purpose,
                "until": spans[-1].until.date() if spans[-1].until else None,
                "opt_outs_apply": opt_out_of_project(haven, name),
            }
            for name, spans in sorted(concern.projects.items())
            for standing in [haven.access.project(name)]
        ],
        "counts": dict(sorted(Counter(event.name.value for event in events).items())),
        "incidents": [
            {"incident": event.details.get("incident"), "project": event.project, "on": event.at.date()}
            for event in events
            if event.name is EventName.RELEASE_RECALLED
        ],
        "certificates": [
            _certificate(one)
            for one in sorted(haven.disclosures.certificates(), key=lambda one: (one.at, one.id))
            if concern.covers(one.plan.project, one.at) and _aware(one.at) >= start
        ],
    }


def _counted(index: SearchIndex, start: datetime, concern: _Concern) -> Iterator[AuditEvent]:
    """What the review asks about, one kind after the other; not what a crash left without its change."""
    abandoned = index.find(Wanted(verb=EventName.CHANGE_ABANDONED.value, since=start, limit=EVERY))
    gone = {event.details.get("event") for _, event in abandoned}
    for begins in COUNTED:
        for _, event in index.find(Wanted(verb=begins.rstrip("."), since=start, limit=EVERY)):
            if event.id not in gone and concern.is_counted(event):
                yield event


@dataclass(frozen=True)
class Span:
    """For how long a version of a project governed it. until: None while it does."""

    version: int
    since: datetime
    until: datetime | None


def spans_of(versions: Sequence[ProjectVersion]) -> list[Span]:
    """When each version that was submitted governed its project, the first one first.

    One governs from when it went live, or, while none ever had, from when it was submitted; until the next one does.
    An amendment that was never live governs nothing once another version was.
    """
    began: list[tuple[int, datetime]] = []
    lived = False
    for one in sorted(versions, key=lambda one: one.version):
        at = one.went_live_at if lived else one.submitted_at
        if at is not None:
            began.append((one.version, _aware(at)))
        lived = lived or one.went_live_at is not None
    ends = [at for _, at in began[1:]]
    return [Span(number, at, until) for (number, at), until in zip(began, [*ends, None], strict=False)]


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=at.tzinfo or UTC)


def resting_on(access: Access, support: Support, start: datetime) -> dict[str, list[Span]]:
    """The projects that rested on a support since a moment, and when: also those that rest on another one now."""
    files, versions = access.every_file(), access.every_version()
    found: dict[str, list[Span]] = {}
    for name in {one.project for one in versions}:
        spans = [
            span
            for span in spans_of([one for one in versions if one.project == name])
            if files[name, span.version].support == support.reference and (span.until is None or span.until >= start)
        ]
        found |= {name: spans} if spans else {}
    return found


@dataclass(frozen=True)
class _Concern:
    """Whom and what the review is about: projects and their people, datasets and their deliveries, organisations."""

    projects: Mapping[str, Sequence[Span]]
    datasets: frozenset[str]
    subjects: frozenset[str]
    deliveries: frozenset[str]

    @classmethod
    def of(cls, haven: Haven, support: Support, start: datetime) -> _Concern:
        projects = resting_on(haven.access, support, start)
        datasets = {flow.dataset for flow in support.flows}
        people = {name for project in projects for name in haven.access.members(project)}
        employers = {one.organisation for one in haven.access.people() if one.id in people}
        parties = {name for flow in support.flows for name in (flow.discloser, flow.recipient)}
        with haven.records.read() as session:
            deliveries = {row.id for row in all_deliveries(session) if row.dataset in datasets}
        bodies = {organisation(name) for name in employers | parties}
        subjects = {str(one) for one in {person(name) for name in people} | bodies}
        return cls(projects, frozenset(datasets), frozenset(subjects), frozenset(deliveries))

    def covers(self, project: str | None, at: datetime) -> bool:
        """Did the project rest on the support at this moment?"""
        spans, when = self.projects.get(project or "", ()), _aware(at)
        return any(one.since <= when and (one.until is None or when < one.until) for one in spans)

    def is_counted(self, event: AuditEvent) -> bool:
        """Is it of a kind that the review asks about, and of one of these? Not every event names project or dataset."""
        if not event.name.value.startswith(COUNTED):
            return False
        told = event.details
        linked = told.get("deliveries")
        return (
            self.covers(event.project, event.at)
            or event.dataset in self.datasets
            or told.get("subject") in self.subjects
            or f"person:{told.get('person')}" in self.subjects
            or (isinstance(linked, list) and bool(self.deliveries & set(map(str, linked))))
        )


def _certificate(one: OptOutCertificate) -> dict[str, Any]:
    """What was done about opt-outs in one disclosure; small counts hidden."""
    before, after = one.people
    return {
        "certificate": one.id,
        "project": one.plan.project,
        "on": one.at.date(),
        "applied": one.plan.applies,
        "people_before": shown_count(before),
        "people_left_out": shown_count(before - after),
    }


def _page(data: dict[str, Any]) -> Report:
    page = Report(f"Annual review of {data['reference']}", f"{data['title']}; {data['from']} to {data['to']}")
    page.text(f"{data['activity']} Supported under {data['regulation']}. The review is due on {data['review_due']}.")
    page.heading("Flows that the support names")
    page.table(
        "Flows",
        ["Dataset", "From", "To", "Identifiers", "Purpose"],
        [
            [f["dataset"], f["discloser"], f["recipient"], ", ".join(f["identifiers"]), f["purpose"]]
            for f in data["flows"]
        ],
    )
    page.heading("Projects that rest on it")
    page.table(
        "Projects",
        ["Project", "Title", "Purpose", "State", "Rested on it until", "Opt-outs applied"],
        [
            [
                one["project"],
                one["title"],
                one["purpose"],
                one["state"],
                str(one["until"] or "now"),
                one["opt_outs_apply"] or "nothing disclosed",
            ]
            for one in data["projects"]
        ],
    )
    page.heading("What happened")
    page.text(
        "Counted in the tamper-evident log: for the projects above and everybody named in them, the datasets above and"
        " linkages of their deliveries, and the organisations that employ, disclose or receive."
    )
    page.table("Counts", ["Event", "Times"], list(data["counts"].items()))
    page.heading("Incidents")
    if data["incidents"]:
        rows = [[str(one["incident"]), one["project"], str(one["on"])] for one in data["incidents"]]
        page.table("Recalled releases", ["Incident", "Project", "On"], rows)
    else:
        page.text("No release was recalled. Suspensions and sanctions are counted above.")
    page.heading("Opt-outs")
    exemption = data["opt_out_exemption"]
    page.text(f"The letter's exemption from the national data opt-out: {exemption or 'none is named.'}")
    if data["certificates"]:
        page.table(
            "Certificates",
            ["Certificate", "Project", "On", "Opt-outs applied", "People before", "Left out"],
            [
                [one["certificate"], one["project"], str(one["on"]), "yes" if one["applied"] else "no",
                 one["people_before"], one["people_left_out"]]
                for one in data["certificates"]
            ],
        )  # fmt: skip
    else:
        page.text("Nothing was disclosed, so that there is no certificate of what was left out.")
    page.heading("Conditions of support")
    for number, condition in enumerate(data["conditions"], 1):
        page.text(f"{number}. {condition} To be answered by the applicant:")
    page.heading("To be added by people")
    page.text("Patient and public involvement; changes since the last review; progress towards an exit from support.")
    return page
