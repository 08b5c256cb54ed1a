"""Which bodies does the haven deal with, under which agreement, and what do they hold?

Attributes of an accredited safe haven: 1 (a named authoriser), 3 (fair processing notices), 8 (security to a recognised
standard), 11 (a standard data sharing agreement), 13 (explicit retention).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class SecurityStatus(StrEnum):
    """What an organisation's assessment with the Data Security and Protection Toolkit says."""

    STANDARDS_EXCEEDED = "standards-exceeded"
    STANDARDS_MET = "standards-met"
    APPROACHING_STANDARDS = "approaching-standards"
    STANDARDS_NOT_MET = "standards-not-met"


OURSELVES = "haven"
"""The id of the organisation that runs the haven, where the settings name no other."""

ENOUGH = frozenset({SecurityStatus.STANDARDS_EXCEEDED, SecurityStatus.STANDARDS_MET})


@dataclass(frozen=True)
class SecurityAssessment:
    """The toolkit's status of an organisation (by its ODS code), and the last day on which it holds."""

    ods_code: str
    status: SecurityStatus
    ends: date


@dataclass(frozen=True)
class Sanction:
    """A person or an organisation is barred: why, from when, until when (None: for good), and who lifted it."""

    id: str
    subject: str  # person:asha, organisation:university
    reason: str
    starts: date
    until: date | None
    by: str
    lifted_by: str | None = None

    def holds_on(self, day: date) -> bool:
        """Is it in force on this day?"""
        return self.lifted_by is None and self.starts <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True)
class Organisation:
    """A data controller or another organisation that people belong to or data go to.

    sanctions are filled in from the records when an organisation is read.
    """

    id: str
    name: str
    security: SecurityAssessment | None = None
    sanctions: tuple[Sanction, ...] = ()


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
