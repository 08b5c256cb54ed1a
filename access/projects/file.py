"""What does a project ask for? One YAML file that a person writes; an unknown key is an error with its line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from access.decisions import PAPERS_FURTHEST, Refused, may_last_until
from access.organisations.model import DatasetEntry
from access.people.model import Role
from access.projects.data_use import MISSING, DataUse
from access.projects.narrowing import CohortPart, Name, Part, PeriodPart, Sentence
from access.projects.purposes import PURPOSES, LegalBasis, Purpose, needs_agreement

TEMPLATE_WORDS = frozenset(
    {
        "What the project is called in the public register",
        "Whom the project serves, for the public register",
        "How the data are used, for readers who know the methods",
        "Why the date of the event is needed",
        "Why the coded event is needed",
        "Two or three sentences that a member of the public understands: what is asked, of whose records,"
        " and who gains.",
    }
)
"""The places of access.projects.template that a person fills in; a test compares them."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,59}$")]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./_-]{2,59}$")]


class TablePart(Part):
    """One table: each column with the necessity for it."""

    columns: dict[Name, Sentence] = Field(min_length=1)
    dates: Literal["day", "month", "year"] = "month"
    period: PeriodPart | None = None


class DatasetPart(Part):
    """One dataset: the tables asked for."""

    tables: dict[Name, TablePart] = Field(min_length=1)


class ImpactAssessment(Part):
    """The data protection impact assessment: where it is kept, and when it is next reviewed."""

    reference: Reference
    review_due: date


class ProjectFile(Part):
    """A project as its applicant describes it. What each purpose and legal basis needs besides: `problems_of`."""

    id: Slug
    title: Sentence
    lay_summary: Sentence
    purpose: Purpose
    legal_basis: LegalBasis
    lead: Slug | None = None  # answers for the project, and says every quarter who still needs it
    people: list[Slug] = Field(min_length=1)
    datasets: dict[Name, DatasetPart] = Field(min_length=1)
    cohort: list[CohortPart] = Field(default_factory=list)
    disclosure_profile: Name
    ends: date
    benefit: Sentence | None = None  # whom it serves, for the public register
    support: Reference | None = None  # of the Confidentiality Advisory Group, for section 251
    ethics: Reference | None = None
    impact_assessment: ImpactAssessment | None = None
    data_use: DataUse | None = None  # what else the public register of data uses tells
    provider: Slug | None = (
        None  # of direct care, whose patients a risk stratification serves; nobody re-identifies here
    )
    recipients: list[Slug] = Field(default_factory=list)  # organisations that extracts may go to
    cells: Literal["text", "digest"] = "text"  # what the log keeps of each cell that is run in a workspace


@dataclass(frozen=True)
class Known:
    """What the haven knows that a project's file may name."""

    catalogue: Mapping[str, DatasetEntry]
    people: Mapping[str, frozenset[Role]]  # person -> roles
    organisations: frozenset[str]
    today: date
    employers: Mapping[str, str] = field(default_factory=dict)  # person -> organisation


def problems_of(project: ProjectFile, known: Known) -> list[str]:
    """What must be mended before the project can be submitted: a sentence each, none when it is complete."""
    problems = _people_problems(project, known)
    if project.ends <= known.today:
        problems.append("ends: must lie ahead")
    assessment = project.impact_assessment
    for key, day in (("ends", project.ends), ("impact_assessment.review_due", assessment and assessment.review_due)):
        near = may_last_until(day, known.today, PAPERS_FURTHEST) if day else None
        problems += [f"{key}: {near.reason} {near.mend}"] if isinstance(near, Refused) else []
    for name, dataset in project.datasets.items():
        entry = known.catalogue.get(name)
        if entry is None:
            held = ", ".join(sorted(known.catalogue))
            problems.append(f"datasets.{name}: the haven holds no such dataset (it holds: {held})")
            continue
        for table, part in dataset.tables.items():
            problems += _table_problems(f"datasets.{name}.tables.{table}", table, part, entry)
    problems += _tables_twice(project)
    problems += _unfilled(project) + _cohort_problems(project)
    return problems + _purpose_problems(project, known) + _basis_problems(project, known)


def _people_problems(project: ProjectFile, known: Known) -> list[str]:
    """Whoever decides on projects or checks outputs works on data only as a researcher, too, and by that role."""
    problems = []
    for name in project.people:
        if (roles := known.people.get(name)) is None:
            problems.append(f"people: '{name}' is not registered")
        elif Role.RESEARCHER not in roles:
            held = ", ".join(sorted(roles)) or "none"
            problems.append(f"people: '{name}' is no researcher (roles: {held}); name those who work on the data")
    return problems


def _unfilled(project: ProjectFile) -> list[str]:
    """What still says what the template says: nobody can decide on that."""
    said = {
        "title": project.title,
        "lay_summary": project.lay_summary,
        "benefit": project.benefit or "",
        "data_use.technical_summary": project.data_use.technical_summary if project.data_use else "",
        **{
            f"datasets.{name}.tables.{table}.columns.{column}": why
            for name, dataset in project.datasets.items()
            for table, part in dataset.tables.items()
            for column, why in part.columns.items()
        },
    }
    return [f"{key}: still says what the template says" for key, words in said.items() if words in TEMPLATE_WORDS]


def _tables_twice(project: ProjectFile) -> list[str]:
    """In the zone a table is known by its name alone: two datasets' tables of one name would be one."""
    named = Counter(table for dataset in project.datasets.values() for table in dataset.tables)
    return [f"datasets: the table {table} is asked for twice; name it once" for table, n in named.items() if n > 1]


def _purpose_problems(project: ProjectFile, known: Known) -> list[str]:
    """What the purpose needs, and who answers for the project."""
    needs, problems = PURPOSES[project.purpose], []
    if project.lead is None:
        problems.append("lead: name who answers for the project")
    elif project.lead not in known.people:
        problems.append(f"lead: '{project.lead}' is not registered")
    if project.legal_basis not in needs.bases:
        problems.append(f"legal_basis: {project.purpose} may not rest on {project.legal_basis}")
    if needs.provider and project.provider is None:
        problems.append("provider: name the provider of direct care that the results serve")
    if project.provider is not None and not needs.provider:
        problems.append(f"provider: nobody re-identifies for {project.purpose}; leave it out")
    theirs = {known.employers.get(name) for name in (project.lead, *project.people) if name}
    if project.provider is not None and project.provider in theirs:
        problems.append("provider: name another organisation than the project's own people work for")
    named = [("provider", project.provider)] if project.provider else []
    named += [("recipients", name) for name in project.recipients]
    return problems + [
        f"{key}: '{name}' is not a registered organisation" for key, name in named if name not in known.organisations
    ]


def _basis_problems(project: ProjectFile, known: Known) -> list[str]:
    """What real people's data need: an assessment, what the public is told, an ethics opinion, section 251 support."""
    if not needs_agreement(project.legal_basis):
        return []
    problems = []
    if project.impact_assessment is None:
        problems.append("impact_assessment: give its reference and review_due")
    elif project.impact_assessment.review_due < known.today:
        problems.append("impact_assessment.review_due: is past; review it first")
    if project.benefit is None:
        problems.append("benefit: say whom the project serves")
    if project.data_use is None:
        problems.append(MISSING)
    if PURPOSES[project.purpose].ethics and project.ethics is None:
        problems.append("ethics: give the reference of the research ethics committee's opinion")
    if project.legal_basis == "section-251" and project.support is None:
        problems.append("support: give the reference of the Confidentiality Advisory Group's support")
    return problems


def _table_problems(place: str, table: str, part: TablePart, entry: DatasetEntry) -> list[str]:
    columns = entry.tables.get(table)
    if columns is None:
        return [f"{place}: the dataset has no such table (it has: {', '.join(sorted(entry.tables))})"]
    problems = [f"{place}.columns.{name}: the table has no such column" for name in part.columns if name not in columns]
    if part.period:
        if columns.get(part.period.column) != "date":
            problems.append(f"{place}.period.column: must be a date column of the table")
        if part.period.start > part.period.end:
            problems.append(f"{place}.period: ends before it begins")
    return problems


def _cohort_problems(project: ProjectFile) -> list[str]:
    """A cohort may only ask about what its project may see: else it would tell something of columns not approved."""
    problems = []
    asked = {
        (table, column)
        for dataset in project.datasets.values()
        for table, part in dataset.tables.items()
        for column in part.columns
    }
    for number, condition in enumerate(project.cohort):
        if (condition.table, condition.column) not in asked:
            problems.append(f"cohort.{number}: {condition.table}.{condition.column} is not among the columns asked for")
        if condition.op == "between" and len(condition.values) != 2:
            problems.append(f"cohort.{number}: between takes two values")
        if condition.op in ("=", ">=", "<=") and len(condition.values) != 1:
            problems.append(f"cohort.{number}: {condition.op} takes one value")
    return problems
