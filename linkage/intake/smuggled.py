"""Does payload hold an identifier that its column was not agreed to hold? Looked for in each batch, by distinct value.

An NHS number, a full postcode, the row's own birthday or own name among payload would go to the research zone. One row
in eleven of ten-digit codes passes an NHS number's check by chance, so a column of such codes is told by its share; a
text that stands in rows of other people too says nothing of this one. What is disguised is not found.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from linkage.contracts.contract import DatasetColumn, DeliveredFile, Held
from linkage.intake.dates import FORMS
from linkage.intake.reasons import Fault

TEN_DIGITS = r"(?:^|[^0-9])([0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4})(?:[^0-9]|$)"
OUTWARD, INWARD = "[A-Za-z]{1,2}[0-9][0-9A-Za-z]?", "[0-9][ABD-HJLNP-UW-Zabd-hjlnp-uw-z]{2}"
POSTCODE = rf"(?:^|[^0-9A-Za-z]){OUTWARD} {{1,2}}{INWARD}(?:[^0-9A-Za-z]|$)"
CLOSED_POSTCODE = rf"^{OUTWARD}{INWARD}$"  # a code of another kind may look like it
BY_CHANCE = 0.3  # of ten-digit codes one in eleven is valid
MANY = 20
SHORTEST_NAME = 3
LETTERS_ONLY = r"[^\p{L}'-]+"
NAMES = {"surname", "forenames", "full_name"}
FOUND: dict[Held, tuple[str, str]] = {
    "nhs_number": ("identifier.nhs_number", "valid NHS numbers"),
    "postcode": ("identifier.postcode", "full postcodes"),
    "date_of_birth": ("identifier.date_of_birth", "each row's own date of birth"),
    "name": ("identifier.name", "each row's own name"),
}
"""The reason of a row, and the words for a column."""


@dataclass
class _Seen:
    """Of one column, over all batches so far."""

    values: int = 0
    ten_digits: int = 0
    valid: int = 0
    closed: int = 0
    found: Counter[str] = field(default_factory=Counter)


class PayloadSearch:
    """The search of one file's payload columns, over its batches in order."""

    def __init__(self, file: DeliveredFile) -> None:
        self._names = [c.name for c in file.columns if c.identifies in NAMES]
        self._columns = [c for c in file.columns if c.is_payload and c.allowed is None and c.type in _SEARCHED]
        self._seen = {column.name: _Seen() for column in self._columns}

    def reasons(self, rows: pl.DataFrame, born: pl.Series | None) -> dict[str, pl.Series]:
        """Column to a reason's code for each row, or null; only columns where something was found.

        rows: values by column, in mode B without identifiers. born: each row's date of birth. Raises Fault where most
        of a column is identifiers.
        """
        found = {}
        for column in self._columns:
            reason = self._of_column(column, rows, born)
            if reason is not None:
                found[column.name] = reason
        return found

    def _of_column(self, column: DatasetColumn, rows: pl.DataFrame, born: pl.Series | None) -> pl.Series | None:
        values, seen = rows[column.name].cast(pl.String), self._seen[column.name]
        seen.values += len(values) - values.null_count()
        masks = self._by_value(column, values, seen)
        if born is not None and "date_of_birth" not in column.may_hold:
            masks["date_of_birth"] = _is_birthday(values, born)
        if self._names and self._names[0] in rows.columns and column.type == "text" and "name" not in column.may_hold:
            masks["name"] = _names_its_person(values, rows.select(self._names))
        told = [(kind, mask) for kind, mask in masks.items() if mask is not None and mask.any()]
        if not told:
            return None
        reason: pl.Expr = pl.lit(None, dtype=pl.String)
        for kind, mask in told:
            self._refuse_column(column, kind, int(mask.sum()), seen)
            reason = pl.when(pl.lit(mask)).then(pl.lit(FOUND[kind][0])).otherwise(reason)
        return pl.select(reason.alias(column.name)).to_series()

    def _by_value(self, column: DatasetColumn, values: pl.Series, seen: _Seen) -> dict[Held, pl.Series | None]:
        """What a value shows by itself: each distinct one is looked at once."""
        distinct = values.drop_nulls().value_counts(name="rows")
        texts, times = distinct[column.name], distinct["rows"]
        ten = texts.str.extract(TEN_DIGITS, 1).str.replace_all("[ -]", "")
        valid = _valid(ten)
        seen.ten_digits += int(times.filter(ten.is_not_null()).sum())
        seen.valid += int(times.filter(valid).sum())
        closed = texts.str.contains(CLOSED_POSTCODE)
        seen.closed += int(times.filter(closed).sum())
        by_chance = seen.ten_digits >= MANY and seen.valid < BY_CHANCE * seen.ten_digits
        postcodes = texts.str.contains(POSTCODE)
        if seen.closed >= BY_CHANCE * seen.values:
            postcodes |= closed
        return {
            "nhs_number": None if by_chance or "nhs_number" in column.may_hold else _among(values, texts, valid),
            "postcode": None if "postcode" in column.may_hold else _among(values, texts, postcodes),
        }

    @staticmethod
    def _refuse_column(column: DatasetColumn, kind: Held, found: int, seen: _Seen) -> None:
        seen.found[kind] += found
        if seen.found[kind] >= MANY and seen.found[kind] * 2 >= seen.values:
            raise Fault(
                "column.identifier",
                f"The column '{column.name}' is payload and holds {FOUND[kind][1]} in most of its rows.",
                "Leave it out; or agree a new version of the contract, in which it has the role identifier, or says why"
                f" it is none: may_hold: {{{kind}: the reason}}.",
            )


_SEARCHED = {"text", "code", "integer", "decimal"}


def _valid(ten: pl.Series) -> pl.Series:
    """Is it an NHS number by its check digit (modulus 11)?"""
    number = pl.col(ten.name).cast(pl.Int64, strict=False)
    digits = [number // 10**place % 10 for place in range(10)]  # the last digit first
    check = (11 - sum((digits[place] * (place + 1) for place in range(1, 10)), start=pl.lit(0)) % 11) % 11
    return ten.to_frame().select((check == digits[0]).fill_null(value=False)).to_series()


def _among(values: pl.Series, texts: pl.Series, chosen: pl.Series) -> pl.Series | None:
    """Which values are among the chosen texts? None: no text is."""
    if not chosen.any():
        return None
    return values.is_in(texts.filter(chosen).implode()).fill_null(value=False)


def _is_birthday(values: pl.Series, born: pl.Series) -> pl.Series | None:
    """Which values are the row's own date of birth, in any form of writing?"""
    like = (values.str.len_chars().is_between(8, 11) & values.str.contains("[0-9]{2}")).fill_null(value=False)
    if not like.any():
        return None
    rows = pl.DataFrame({"value": values, "born": born})
    same = [pl.col("value") == pl.col("born").dt.strftime(form.spelling) for form in FORMS.values()]
    return rows.select(pl.lit(like) & pl.any_horizontal(same).fill_null(value=False)).to_series()


def _names_its_person(values: pl.Series, names: pl.DataFrame) -> pl.Series | None:
    """Which texts have the row's own surname or forename as a word, and stand in no row of somebody else?"""
    if not values.str.contains(r"\p{L}{3}").any():
        return None
    text = pl.concat_str(
        pl.lit(" "), pl.col("value").str.to_lowercase().str.replace_all(LETTERS_ONLY, " "), pl.lit(" ")
    )
    words = []
    for name in names.columns:
        parts = pl.col(name).str.to_lowercase().str.replace_all(LETTERS_ONLY, " ").str.strip_chars().str.split(" ")
        words += [parts.list.get(0, null_on_oob=True), parts.list.get(1, null_on_oob=True)]
    has = [
        (word.str.len_chars() >= SHORTEST_NAME) & pl.col("text").str.contains(pl.format(" {} ", word), literal=True)
        for word in words
    ]
    rows = names.with_columns(values.alias("value")).with_columns(text.alias("text"))
    hit = rows.select(pl.any_horizontal(has).fill_null(value=False).alias("hit"))["hit"]
    if not hit.any():
        return None
    rows = rows.with_columns(hit.alias("hit"), whose=pl.concat_str(names.columns, separator="\x1f", ignore_nulls=True))
    shared = rows.filter(pl.col("value").is_in(rows.filter("hit")["value"].unique().implode()))
    of_several = shared.group_by("value").agg(pl.col("whose").n_unique()).filter(pl.col("whose") > 1)["value"]
    return rows.select(pl.col("hit") & ~pl.col("value").is_in(of_several.implode())).to_series()
