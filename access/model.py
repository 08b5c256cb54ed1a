"""Who and what does the haven know? Organisations, people, datasets, and projects with their approvals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class Role(StrEnum):
    """What a person does in the haven. A person may hold several; none is held by default."""

    DATA_ENGINEER = "data_engineer"
    RESEARCHER = "researcher"
    OUTPUT_CHECKER = "output_checker"
    CONTROLLER_DELEGATE = "controller_delegate"
    AUDITOR = "auditor"
    COMMISSIONER = "commissioner"
    LINKAGE_REVIEWER = "linkage_reviewer"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True)
class Organisation:
    """A data controller or another organisation that people belong to."""

    id: str
    name: str


@dataclass(frozen=True)
class Person:
    """An approved person: who they are, for whom they act, what they may do, until when their training holds."""

    id: str
    name: str
    organisation: str
    roles: frozenset[Role]
    training_ends: date
    suspended: bool = False


@dataclass(frozen=True)
class DatasetEntry:
    """A dataset in the catalogue: its controller, and the columns that a project may ask for, by table.

    tables: table -> column -> kind (`text`, `integer`, `decimal`, `date`, `boolean`, `code`, `small_area`).
    Identifiers never stand here: they are not in the research zone.
    """

    id: str
    controller: str
    notice: str
    disclosure_profile: str
    tables: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Approval:
    """One controller's decision on its own part of one version of a project."""

    controller: str
    by: str
    at: datetime
    withdrawn: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class ProjectVersion:
    """A project as applied for: the parts that decide whether it is live."""

    project: str
    version: int
    title: str
    applicant: str
    people: frozenset[str]
    controllers: frozenset[str]
    ends: date
    closed: bool = False
    approvals: Mapping[str, Approval] = field(default_factory=dict)
