"""Is this row what the contract says? Every value is checked; a bad row is named with its reasons, never mended.

Vectorised with Polars, a batch at a time. What comes out of a good row: identity as received (dates as ISO text),
and payload in its type with the kept forms of identifiers (Caldicott 3).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from linkage.contracts.contract import DatasetColumn, DeliveredFile, KeptForm
from linkage.intake.csv_rows import RowBatch
from linkage.intake.dates import as_date, other_form
from linkage.intake.smuggled import PayloadSearch

EARLIEST = date(1850, 1, 1)
SCIENTIFIC = r"^[0-9](\.[0-9]+)?[eE]\+?[0-9]+$"
DISTRICT = r"^\s*([A-Z]{1,2}[0-9][A-Z0-9]?)\s*[0-9][A-Z]{2}\s*$"
CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
ROW, KEY, JOIN_KEY, CONTENT = "row", "key", "join_key", "content_hash"
IDENTITY, PAYLOAD, REASON, TYPED = "i:", "p:", "r:", "t:"


@dataclass(frozen=True)
class BadRow:
    """A row for the quarantine: its number, its reasons as `code:column`, its key if it has one, and its text."""

    row: int
    reasons: tuple[str, ...]
    key: str | None
    content: str


@dataclass
class CheckedBatch:
    """A batch after its checks. good: row, key, join_key, content_hash, i:<identifier>, p:<payload>."""

    good: pl.DataFrame
    bad: list[BadRow]
    forms: Counter[tuple[str, str]] = field(default_factory=Counter)  # dates in another form: (column, form)


class RowChecks:
    """The checks of one file, prepared once. today: dates after it lie in the future."""

    def __init__(self, file: DeliveredFile, today: date) -> None:
        self.file = file
        self.today = today
        self.columns = [column for column in file.columns if column.role != "free_text"]
        self._clean = [_cleaned(column) for column in self.columns]
        self._typed = [_typed(c, file).alias(TYPED + c.name) for c in self.columns]
        self._reasons = [self._reason(column).alias(REASON + column.name) for column in self.columns]
        self._reasons += [_out_of_order(o.earlier, o.later) for o in file.order]
        self._outputs = self._output_columns()
        self._search = PayloadSearch(file)
        self._born = next((TYPED + c.name for c in self.columns if c.identifies == "date_of_birth"), None)

    def check(self, batch: RowBatch) -> CheckedBatch:
        """Split a batch into good rows, ready for the zones, and bad ones with their reasons."""
        numbered = batch.frame.select(self._clean).with_columns(pl.Series(ROW, batch.numbers))
        checked = numbered.lazy().with_columns(self._typed).with_columns(self._reasons).collect()
        smuggled = self._search.reasons(checked, checked[self._born] if self._born else None)
        checked = checked.with_columns(
            pl.coalesce(REASON + name, found).alias(REASON + name) for name, found in smuggled.items()
        )
        reasons = [name for name in checked.columns if name.startswith(REASON)]
        is_bad = pl.any_horizontal([pl.col(name).is_not_null() for name in reasons])
        wrong = checked.filter(is_bad)
        good = (checked.filter(~is_bad) if wrong.height else checked).select(self._outputs)
        result = CheckedBatch(good, [_structurally_bad(*bad) for bad in batch.bad])
        if wrong.height:
            result.bad += self._described(wrong, reasons, result.forms)
        return result

    def _reason(self, column: DatasetColumn) -> pl.Expr:
        """The first reason why a value is bad, or null."""
        value, typed = pl.col(column.name), pl.col(TYPED + column.name)
        checks: list[tuple[pl.Expr, str]] = []
        if column.required or column.role in {"row_key", "join_key"}:
            checks.append((value.is_null(), "value.missing"))
        if column.identifies or column.role in {"row_key", "join_key"}:
            checks.append((value.str.contains(SCIENTIFIC), "spreadsheet.scientific"))
        if column.identifies == "nhs_number":
            checks.append(
                (~value.str.replace_all(r"[ -]", "").str.contains(r"^[0-9]{10}$"), "nhs_number.not_ten_digits")
            )
        checks += _kind_checks(column, value, typed)
        if column.type == "date":
            checks += self._date_checks(column, typed)
        elif column.minimum is not None or column.maximum is not None:
            checks.append((_outside(typed, column.minimum, column.maximum), "value.out_of_range"))
        if column.allowed is not None:
            checks.append((~value.is_in(list(column.allowed)), "value.not_allowed"))
        if column.pattern is not None:
            checks.append((~value.str.contains(f"^(?:{column.pattern})$"), "value.pattern"))
        reason: pl.Expr = pl.lit(None, dtype=pl.String)
        for condition, code in reversed(checks):
            reason = pl.when(condition).then(pl.lit(code)).otherwise(reason)
        return reason

    def _date_checks(self, column: DatasetColumn, typed: pl.Expr) -> list[tuple[pl.Expr, str]]:
        checks = [(_outside(typed, column.minimum or EARLIEST, column.maximum), "date.out_of_range")]
        if not column.may_be_future:
            checks.append((typed > self.today, "date.future"))
        return checks

    def _output_columns(self) -> list[pl.Expr]:
        outputs = [pl.col(ROW)]
        key, join_key = self.file.with_role("row_key"), self.file.with_role("join_key")
        none = pl.lit(None, dtype=pl.String)
        outputs.append((pl.col(key.name) if key else none).alias(KEY))
        outputs.append((pl.col(join_key.name) if join_key else none).alias(JOIN_KEY))
        everything = pl.struct([c.name for c in self.columns]).hash(seed=0)
        outputs.append((everything if key else pl.lit(None, dtype=pl.UInt64)).alias(CONTENT))
        for column in self.columns:
            if column.identifies:
                outputs.append(_identity(column).alias(IDENTITY + column.identifies))
            elif column.is_payload:
                outputs.append(pl.col(TYPED + column.name).alias(PAYLOAD + column.name))
            if column.keep_as:
                outputs.append(_kept(column, column.keep_as).alias(PAYLOAD + column.keep_as.name))
        if key and not self.file.joins:
            outputs.append(pl.col(key.name).alias(IDENTITY + "local_id"))
        return outputs

    def _described(self, wrong: pl.DataFrame, reasons: list[str], forms: Counter[tuple[str, str]]) -> list[BadRow]:
        """The bad rows with their reasons; an unreadable date is looked at again for the form it is in."""
        wrong = self._with_date_forms(wrong, forms)
        key = self.file.with_role("row_key")
        keys = wrong[key.name].to_list() if key else [None] * wrong.height
        names = [column.name for column in self.columns]
        content = wrong.select(pl.struct(names).struct.json_encode().alias("content"))["content"].to_list()
        found = wrong.select(reasons).rows()
        labels = [name.removeprefix(REASON) for name in reasons]
        return [
            BadRow(row, tuple(f"{code}:{label}" for code, label in zip(codes, labels, strict=True) if code), k, text)
            for row, codes, k, text in zip(wrong[ROW].to_list(), found, keys, content, strict=True)
        ]

    def _with_date_forms(self, wrong: pl.DataFrame, forms: Counter[tuple[str, str]]) -> pl.DataFrame:
        for column in (c for c in self.columns if c.type == "date"):
            name = REASON + column.name
            unreadable = wrong[name] == "date.unreadable"
            if not unreadable.any():
                continue
            found = other_form(wrong[column.name], column.date_form or self.file.date_form)
            known = pl.DataFrame({"u": unreadable, "form": found}).filter(pl.col("u") & pl.col("form").is_not_null())
            forms.update({(column.name, str(form)): int(count) for form, count in known["form"].value_counts().rows()})
            wrong = wrong.with_columns(found.alias("form")).with_columns(
                pl.when((pl.col(name) == "date.unreadable") & (pl.col("form") == "serial"))
                .then(pl.lit("date.serial"))
                .when((pl.col(name) == "date.unreadable") & pl.col("form").is_not_null())
                .then(pl.lit("date.other_form"))
                .otherwise(pl.col(name))
                .alias(name)
            )
        return wrong


def _structurally_bad(row: int, reason: str, content: str) -> BadRow:
    return BadRow(row, (f"{reason}:",), None, content)


def _cleaned(column: DatasetColumn) -> pl.Expr:
    """Without surrounding spaces; empty and the contract's words for missing are null."""
    value = pl.col(column.name).str.strip_chars()
    missing = ["", *column.missing]
    return pl.when(value.is_in(missing)).then(None).otherwise(value).alias(column.name)


def _typed(column: DatasetColumn, file: DeliveredFile) -> pl.Expr:
    value = pl.col(column.name)
    if column.type == "integer":
        return value.cast(pl.Int64, strict=False)
    if column.type == "decimal":
        return value.cast(pl.Float64, strict=False)
    if column.type == "date":
        return as_date(value, column.date_form or file.date_form)
    if column.type == "boolean":
        words = dict.fromkeys(column.true_values, True) | dict.fromkeys(column.false_values, False)
        return value.replace_strict(words, default=None, return_dtype=pl.Boolean)
    return value


def _kind_checks(column: DatasetColumn, value: pl.Expr, typed: pl.Expr) -> list[tuple[pl.Expr, str]]:
    unreadable = value.is_not_null() & typed.is_null()
    if column.type == "decimal":
        return [(unreadable | ~typed.is_finite(), "value.not_decimal")]
    if column.type in {"integer", "date", "boolean"}:
        code = {"integer": "value.not_integer", "date": "date.unreadable", "boolean": "value.not_boolean"}[column.type]
        return [(unreadable, code)]
    return [
        (value.str.len_chars() > column.longest, "value.too_long"),
        (value.str.contains(CONTROL), "value.control_character"),
    ]


def _outside(typed: pl.Expr, least: float | date | None, most: float | date | None) -> pl.Expr:
    below = typed < least if least is not None else pl.lit(value=False)
    above = typed > most if most is not None else pl.lit(value=False)
    return below | above


def _out_of_order(earlier: str, later: str) -> pl.Expr:
    wrong = pl.col(TYPED + earlier) > pl.col(TYPED + later)
    return pl.when(wrong).then(pl.lit("date.order")).alias(f"{REASON}{earlier}>{later}")


def _identity(column: DatasetColumn) -> pl.Expr:
    """As received; a date as ISO text, so that linkage need not know the contract's form."""
    if column.type == "date":
        return pl.col(TYPED + column.name).dt.strftime("%Y-%m-%d")
    return pl.col(column.name)


def _kept(column: DatasetColumn, kept: KeptForm) -> pl.Expr:
    value, typed = pl.col(column.name), pl.col(TYPED + column.name)
    if kept.form == "year":
        return typed.dt.year().cast(pl.Int64)
    if kept.form == "month":
        return typed.dt.truncate("1mo")
    if kept.form == "postcode_district":
        return value.str.to_uppercase().str.extract(DISTRICT, 1)
    return value.replace_strict(kept.codes, default=None, return_dtype=pl.String) if kept.codes else value
