"""What does the controller learn about its delivery? Counts by reason with how to mend each; never a row's value."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit.reports import Report
from linkage.contracts.contract import DatasetContract
from linkage.intake.manifest import Manifest, TokenManifest
from linkage.intake.reasons import REASONS


@dataclass
class FileResult:
    """What became of one file's rows."""

    name: str
    table: str
    rows: int = 0
    reasons: Counter[str] = field(default_factory=Counter)  # first reason of each bad row
    forms: Counter[tuple[str, str]] = field(default_factory=Counter)  # dates in another form

    @property
    def bad(self) -> int:
        """All bad rows."""
        return self.reasons.total()


@dataclass
class DeliveryResult:
    """What became of a delivery, as far as it was read."""

    delivery: str
    state: str
    manifest: Manifest
    contract: DatasetContract
    files: list[FileResult] = field(default_factory=list)
    columns: list[tuple[str, str, str, int]] = field(default_factory=list)  # file, column, reason, values
    refused: tuple[str, str, str | None, str | None] | None = None  # code, what, where, mend

    def by_reason(self) -> dict[str, int]:
        """Bad rows by first reason, over all files."""
        return dict(sorted(sum((file.reasons for file in self.files), Counter[str]()).items()))

    def set_aside(self) -> dict[str, int]:
        """Rows of a delivery in mode B that its sender kept, by reason; what is no reason of ours is not repeated."""
        told = self.manifest.set_aside if isinstance(self.manifest, TokenManifest) else {}
        return {code: rows for code, rows in sorted(told.items()) if code in REASONS and rows > 0}

    def rows_by_table(self) -> dict[str, int]:
        """Rows taken in, by table."""
        tables: Counter[str] = Counter()
        for file in self.files:
            tables[file.table] += file.rows - file.bad
        return dict(tables)


def advice(result: DeliveryResult) -> list[str]:
    """Sentences on what happened often enough to have one cause."""
    sentences = []
    for file in result.files:
        for (column, form), count in file.forms.most_common():
            if form != "serial" and count * 2 > file.rows:
                agreed = _agreed_form(result.contract, file.table, column)
                sentences.append(
                    f"Most dates in '{column}' of {file.name} are written as {form}; the contract says {agreed}."
                )
    return sentences


def as_data(result: DeliveryResult) -> dict[str, Any]:
    """The report for a program."""
    return {
        "delivery": result.delivery,
        "name": result.manifest.name,
        "dataset": result.contract.dataset,
        "controller": result.contract.controller,
        "contract_version": result.contract.version,
        "state": result.state,
        "refused": dict(zip(("reason", "what", "where", "mend"), result.refused, strict=True))
        if result.refused
        else None,
        "files": [
            {
                "name": file.name,
                "table": file.table,
                "rows": file.rows,
                "taken_in": file.rows - file.bad,
                "quarantined": file.bad,
                "quarantined_by_reason": dict(sorted(file.reasons.items())),
            }
            for file in result.files
        ],
        "by_column": [
            {"file": name, "column": column, "reason": reason, "values": count}
            for name, column, reason, count in result.columns
        ],
        "set_aside_by_controller": result.set_aside(),
        "advice": advice(result),
    }


def write_reports(result: DeliveryResult, folder: Path) -> tuple[Path, Path]:
    """Write delivery-report.html and .json below `folder`/<delivery>."""
    place = folder / result.delivery
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    data = place / "delivery-report.json"
    draft = data.with_suffix(".part")
    draft.write_text(json.dumps(as_data(result), indent=2, ensure_ascii=False), encoding="utf-8")
    draft.replace(data)
    return _page(result).write(place / "delivery-report.html"), data


def remove_reports_except(known: Collection[str], folder: Path) -> None:
    """Remove the reports of deliveries that have no record: a receipt was killed between the one and the other."""
    for place in folder.glob("*"):
        if place.name not in known:
            shutil.rmtree(place, ignore_errors=True)


def _page(result: DeliveryResult) -> Report:
    page = Report(
        f"Delivery {result.manifest.name}: {result.state}",
        f"{result.contract.title} · contract {result.contract.dataset} {result.contract.version}",
    )
    if result.refused:
        _, what, where, mend = result.refused
        page.note(" ".join(part for part in (what, f"({where})" if where else "", mend) if part), "bad")
    for sentence in advice(result):
        page.note(sentence, "bad")
    page.heading("Rows")
    page.table(
        "Rows by file",
        ["file", "table", "rows", "taken in", "in quarantine"],
        [[f.name, f.table, f.rows, f.rows - f.bad if result.state == "received" else 0, f.bad] for f in result.files],
    )
    if aside := result.set_aside():
        page.table(
            "Rows that stayed with the controller",
            ["reason", "what", "rows"],
            [[code, REASONS[code].what, rows] for code, rows in aside.items()],
        )
    reasons = result.by_reason()
    if reasons:
        _bad_rows(page, result, reasons)
    elif not result.refused:
        page.note("Every row is as the contract says.", "good")
    return page


def _bad_rows(page: Report, result: DeliveryResult, reasons: Mapping[str, int]) -> None:
    page.heading("What was wrong, and how to mend it")
    page.bars("Rows in quarantine by their first reason", list(reasons), list(reasons.values()), "rows")
    page.table(
        "How to mend each",
        ["reason", "what", "how to mend it"],
        [[code, REASONS[code].what, REASONS[code].mend] for code in reasons],
    )
    page.table("By column", ["file", "column", "reason", "rows"], result.columns)


def _agreed_form(contract: DatasetContract, table: str, column: str) -> str:
    file = contract.table(table)
    found = file.column(column) if file else None
    return (found.date_form if found else None) or (file.date_form if file else "")
