"""What does a person or a program see of a project: its state, every decision, what it waits for?"""

from __future__ import annotations

from typing import Any

from access.projects.file import ProjectFile
from access.projects.model import Approval, ProjectVersion
from access.projects.narrowing import condition_in_words
from access.projects.states import WAITS_FOR, ProjectState

TOLD_APART = {"id", "title", "purpose", "legal_basis", "lead", "people", "datasets", "cohort", "ends"}
"""Fields of the file that have lines of their own."""


def as_data(project: ProjectVersion, state: ProjectState, file: ProjectFile) -> dict[str, Any]:
    """A project for a program: how it stands, and every field of its file."""
    return file.model_dump(mode="json", by_alias=True, exclude={"id"}) | {
        "project": project.project,
        "version": project.version,
        "state": state.value,
        "waits_for": WAITS_FOR[state],
        "title": project.title,
        "asked": asked_in_words(file),
        "described": described_in_words(file),
        "applicant": project.applicant,
        "lead": project.lead,
        "people": sorted(project.people),
        "ends": project.last_day.isoformat(),
        "closed_on": project.closed_on and project.closed_on.isoformat(),
        "approvals": [_approval(name, project.approvals.get(name)) for name in sorted(project.controllers)],
        "guardian": _guardian(project),
        "suspended": project.suspension and project.suspension.reason,
        "not_in_force": [{"rule": one.code, "reason": one.reason, "mend": one.mend} for one in project.lapsed],
    }


def asked_in_words(file: ProjectFile) -> list[str]:
    """What the project asks for, a line each: columns with why, dates, periods, and who belongs to the cohort."""
    told = []
    for dataset, part in file.datasets.items():
        for table, asked in part.tables.items():
            days = f", {asked.period.column} from {asked.period.start} to {asked.period.end}" if asked.period else ""
            told.append(f"{dataset}.{table}: dates by the {asked.dates}{days}")
            told += [f"  {column}: {why}" for column, why in asked.columns.items()]
    return told + [f"cohort: {condition_in_words(one)}" for one in file.cohort]


def described_in_words(file: ProjectFile) -> list[str]:
    """Everything else that the file says, a line each, also that it says nothing: who decides reads all of it."""
    rest = file.model_dump(mode="json", exclude=TOLD_APART)
    return [line for key, value in rest.items() for line in _lines(key.replace("_", " "), value)]


def _lines(name: str, value: Any) -> list[str]:
    if isinstance(value, dict):
        return [line for key, one in value.items() for line in _lines(f"{name}, {key.replace('_', ' ')}", one)]
    said = ", ".join(value) if isinstance(value, list) else value
    return [f"{name}: {said or 'none'}"]


def _approval(controller: str, approval: Approval | None) -> dict[str, Any]:
    return {
        "controller": controller,
        "state": _approval_state(approval),
        "by": approval and approval.by,
        "at": approval and approval.at.isoformat(),
        "reason": approval and approval.reason,
        "narrowing": approval.narrowing.in_words() if approval else [],
    }


def _approval_state(approval: Approval | None) -> str:
    if approval is None:
        return "asked"
    return "withdrawn" if approval.withdrawn else approval.outcome.value


def _guardian(project: ProjectVersion) -> dict[str, Any] | None:
    decided = project.endorsement
    if decided is None:
        return None
    return {
        "state": "withdrawn" if decided.withdrawn else decided.outcome.value,
        "by": decided.by,
        "at": decided.at.isoformat(),
        "reason": decided.reason,
        "answers": dict(decided.answers),
    }
