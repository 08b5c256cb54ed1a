"""What goes to the Confidentiality Advisory Group each year? Flows, projects, counts and opt-outs, in one pack.

From the records and the log only; what only people know (patient involvement, changes of purpose) stays to be added.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from access.decisions import Refused
from access.errors import AccessError
from access.support.model import Support
from audit.model import AuditEvent
from audit.reports import Report
from audit.search import SearchIndex, Wanted
from infra.registers.opt_outs import opt_out_of_project

if TYPE_CHECKING:
    from infra.wiring.haven import Haven

YEAR = timedelta(days=365)
MOST_EVENTS = 1_000_000
COUNTED = (
    "delivery.received",
    "delivery.refused",
    "linkage.completed",
    "scope.published",
    "query.completed",
    "query.refused",
    "release.released",
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
    projects = [one for one in haven.access.projects() if one.file.support == support.reference]
    index = SearchIndex(haven.settings.audit_folder, haven.settings.home / "records" / "audit-index.db")
    start = datetime.combine(since, time(), UTC)
    names = {one.version.project for one in projects}
    datasets = {flow.dataset for flow in support.flows}
    events = [
        event for _, event in index.find(Wanted(since=start, limit=MOST_EVENTS)) if _concerns(event, names, datasets)
    ]
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
                "project": one.version.project,
                "title": one.version.title,
                "state": one.state.value,
                "purpose": one.file.purpose,
                "opt_outs_apply": opt_out_of_project(haven, one.version.project),
            }
            for one in projects
        ],
        "counts": dict(sorted(Counter(event.name.value for event in events).items())),
    }


def _concerns(event: AuditEvent, projects: set[str], datasets: set[str]) -> bool:
    """Is this event counted: of one of the projects or datasets, and of a kind that the review asks about?"""
    return (event.project in projects or event.dataset in datasets) and event.name.value.startswith(COUNTED)


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
        ["Project", "Title", "Purpose", "State", "Opt-outs applied"],
        [
            [one["project"], one["title"], one["purpose"], one["state"], one["opt_outs_apply"] or "nothing disclosed"]
            for one in data["projects"]
        ],
    )
    page.heading("What happened")
    page.text("Counted in the tamper-evident log, for the projects and datasets above.")
    page.table("Counts", ["Event", "Times"], list(data["counts"].items()))
    page.heading("Opt-outs")
    exemption = data["opt_out_exemption"]
    page.text(f"The letter's exemption from the national data opt-out: {exemption or 'none is named.'}")
    page.text(
        "Whether opt-outs were applied is said of each project above, by the certificate of its newest disclosure."
    )
    page.heading("Conditions of support")
    for number, condition in enumerate(data["conditions"], 1):
        page.text(f"{number}. {condition} To be answered by the applicant:")
    page.heading("To be added by people")
    page.text("Patient and public involvement; changes since the last review; progress towards an exit from support.")
    return page
