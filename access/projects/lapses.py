"""What besides the decisions must be in force for a project to be live, and is not? Pure, over what the records say.

A project is live only while every part is: its lead, agreements over each dataset, support under section 251 that
names each flow, the impact assessment, the assessments of those who take part and of whoever runs the haven, a named
authoriser; and nothing of its datasets is kept longer than agreed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from access.decisions import Allowed, Decision, Refused
from access.organisations.agreement import Agreement
from access.organisations.model import DatasetEntry, Organisation
from access.organisations.policies import may_take_part, may_use, no_authoriser
from access.people.model import Person, Role
from access.people.policies import may_act, may_hold_office
from access.projects.file import ProjectFile
from access.projects.purposes import needs_agreement
from access.retention.model import Retention
from access.retention.policies import may_be_kept
from access.support.model import Support
from access.support.policies import in_force, names_flow


@dataclass(frozen=True)
class Surroundings:
    """What stands around a project on a day. agreements and authorisers: those in force then.

    ourselves: the organisation that runs the haven; the agreements are with it, and supports must name flows to it.
    employers: of the project's people and lead whose accounts are open; asked about where a provider is named.
    """

    today: date
    ourselves: str
    real_data: bool
    catalogue: Mapping[str, DatasetEntry]
    lead: Person | None
    employers: frozenset[str]
    organisations: Mapping[str, Organisation]
    agreements: Sequence[Agreement]
    support: Support | None
    authorisers: Sequence[Person]
    retentions: Sequence[Retention]


def lapsed_parts(
    file: ProjectFile, around: Surroundings, submitted: Mapping[str, Any] | None = None
) -> tuple[Refused, ...]:
    """Every part that is not in force, as the refusal that names it; none when all is.

    submitted: each dataset's controller and kinds as they were when the version was submitted.
    """
    asked = [*_unchanged(file, around, submitted or {}), *_asked(file, around)]
    return tuple(decision for decision in asked if isinstance(decision, Refused))


def as_submitted(file: ProjectFile, catalogue: Mapping[str, DatasetEntry]) -> dict[str, Any]:
    """What of the catalogue the decisions on this file rest on: whose each dataset is, each column's kind."""
    return {
        name: {
            "controller": entry.controller,
            "kinds": {table: dict(entry.tables.get(table, {})) for table in sorted(file.datasets[name].tables)},
        }
        for name in sorted(file.datasets)
        if (entry := catalogue.get(name)) is not None
    }


def _unchanged(file: ProjectFile, around: Surroundings, submitted: Mapping[str, Any]) -> Iterator[Decision]:
    """A dataset that came to another controller, or whose column became of another kind, was not decided on."""
    now = as_submitted(file, around.catalogue)
    for name, before in sorted(submitted.items()):
        found = now.get(name)
        same = found is not None and found["controller"] == before["controller"]
        kinds = found["kinds"] if found else {}
        if same and all(
            kinds.get(table, {}).get(column) == kind
            for table, columns in before["kinds"].items()
            for column, kind in columns.items()
        ):
            continue
        yield Refused(
            "dataset.changed",
            f"{name} is no longer what was decided on: its controller, or the kind of a column, has changed.",
            "Apply again; everybody decides on what there is now.",
        )


def _asked(file: ProjectFile, around: Surroundings) -> Iterator[Decision]:
    yield _lead(file, around)
    if file.provider in around.employers:
        yield Refused(
            "project.provider_employs",
            f"Somebody of the project, or its lead, now works for its provider of direct care, {file.provider}.",
            "Apply again without them, or with another provider.",
        )
    for name in sorted(file.datasets):
        yield may_be_kept(name, around.retentions, around.today)
    if not needs_agreement(file.legal_basis):
        if around.real_data:
            yield Refused(
                "project.synthetic_only",
                "The legal basis 'synthetic-data' is for synthetic records, and this haven holds real ones.",
                "Apply again with the legal basis that there is.",
            )
        return
    yield may_take_part(around.organisations.get(around.ourselves), around.today)
    yield from _datasets(file, around)
    yield from _support(file, around)
    yield _assessed(file, around)
    office = Role.ANONYMISATION_AUTHORISER
    if not any(may_hold_office(person, office, around.today) for person in around.authorisers):
        yield no_authoriser()
    for name in filter(None, [file.provider]):
        yield may_take_part(around.organisations.get(name), around.today)


def _lead(file: ProjectFile, around: Surroundings) -> Decision:
    if file.lead is None:
        return Refused("project.no_lead", "Nobody answers for the project.", "Apply again with a `lead`.")
    acting = may_act(around.lead, around.today)
    if isinstance(acting, Refused):
        return Refused("project.lead_lapsed", f"The project's lead: {acting.reason}", acting.mend)
    return acting


def _datasets(file: ProjectFile, around: Surroundings) -> Iterator[Decision]:
    for name in sorted(file.datasets):
        entry = around.catalogue.get(name)
        if entry is None:
            yield Refused("dataset.unknown", f"The haven no longer holds {name}.", "Apply again without it.")
            continue
        yield may_take_part(around.organisations.get(entry.controller), around.today)
        yield may_use(entry, around.agreements, file.purpose, file.legal_basis, around.today)


def _support(file: ProjectFile, around: Surroundings) -> Iterator[Decision]:
    if file.legal_basis != "section-251":
        return
    standing = in_force(around.support, around.today)
    yield standing
    if standing and around.support is not None:
        for name in sorted(file.datasets):
            entry = around.catalogue.get(name)
            discloser = entry.controller if entry else "nobody"
            yield names_flow(around.support, name, discloser, around.ourselves, file.purpose)


def _assessed(file: ProjectFile, around: Surroundings) -> Decision:
    assessment = file.impact_assessment
    if assessment is not None and around.today <= assessment.review_due:
        return Allowed()
    due = f" was due for review on {assessment.review_due}" if assessment else " is missing"
    return Refused(
        "project.impact_assessment",
        f"The data protection impact assessment{due}.",
        "Review it, and apply again with its new review_due.",
    )
