"""What exactly does an approval allow? Tables, columns, precision, rows and persons, as frozen data.

A scope is compiled from a project's file and its approvals and can only narrow (Caldicott 3: the minimum).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal

Precision = Literal["exact", "day", "month", "year"]
Operator = Literal["=", "in", "not_in", ">=", "<=", "between"]
Value = str | int | float


@dataclass(frozen=True)
class ColumnScope:
    """One approved column; dates are truncated to `precision` before they are written."""

    name: str
    precision: Precision = "exact"


@dataclass(frozen=True)
class Condition:
    """One condition of the cohort: some row of the person's in `table` meets it.

    precision: at which a date is compared; None: as the project sees the column.
    """

    table: str
    column: str
    op: Operator
    values: tuple[Value, ...]
    precision: Precision | None = None


@dataclass(frozen=True)
class TableScope:
    """One approved table: its controller, its columns, and the period its rows must lie in."""

    dataset: str
    controller: str
    table: str
    columns: tuple[ColumnScope, ...]
    date_column: str | None = None
    period: tuple[date, date] | None = None


@dataclass(frozen=True)
class Scope:
    """Everything one version of a project may see, and until when."""

    project: str
    version: int
    tables: tuple[TableScope, ...]
    cohort: tuple[Condition, ...]
    ends: date
    disclosure_profile: str

    def digest(self) -> str:
        """SHA-256 over the canonical form: the same scope, the same digest."""
        text = json.dumps(asdict(self), sort_keys=True, default=str, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
