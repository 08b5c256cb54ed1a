"""By what is a record compared? One keyed token for each field of the ladder, made of its values in written form.

Names, birthdays and postcodes repeat: they are standardised and hashed once for each distinct row of the columns they
are made of, and every record is given what its row made. No token depends on which records are made together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from access.keys import HeldKey
from linkage.matching.ladder import FIELDS
from linkage.standardise.references import NO_REFERENCES, References
from linkage.standardise.specification import (
    VERSION,
    standard_births,
    standard_numbers,
    standard_people,
    standard_postcodes,
)
from linkage.tokens import tokenise

UNIT = "\x1f"  # parts of a composite are joined by a sign that no value holds
NAMES = ("sex", "forenames", "full_name", "surname")

Places = npt.NDArray[np.int64]


def tokens_of(
    records: pl.DataFrame, key: HeldKey, *, test_range: bool, references: References = NO_REFERENCES
) -> pl.DataFrame:
    """record and one UInt64 token for each of FIELDS, from a frame of record and IDENTITY."""
    numbers = standard_numbers(records, test_range=test_range, references=references)
    tokens = _tokens(pl.DataFrame({"n": numbers["nhs_number"]}), key)
    tokens |= _once(records.select(NAMES), lambda rows: _tokens(_of_names(rows), key))
    tokens |= _once(records.select("date_of_birth"), lambda rows: _tokens(_of_births(rows), key))
    tokens |= _once(
        records.select("postcode"),
        lambda rows: _tokens(pl.DataFrame({"p": standard_postcodes(rows, references=references)["postcode"]}), key),
    )
    return pl.DataFrame({"record": records["record"], **{name: tokens[name] for name in FIELDS}})


def _of_names(rows: pl.DataFrame) -> pl.DataFrame:
    """What is made of names and sex."""
    text = pl.DataFrame(standard_people(rows)).select(
        f="surname",
        g="forename",
        gi="initial",
        fs="sound",
        nm=_joined(pl.min_horizontal("surname", "forename"), pl.max_horizontal("surname", "forename")),
        s="sex",
    )
    return text.with_columns(nm=pl.when(pl.col("f").is_not_null() & pl.col("g").is_not_null()).then("nm"))


def _of_births(rows: pl.DataFrame) -> pl.DataFrame:
    """What is made of the birthday."""
    return pl.DataFrame(standard_births(rows)).select(
        b="born",
        b_known=pl.when(~((pl.col("day") == "01") & (pl.col("month") == "01"))).then("born"),
        b_swap=_joined(pl.col("year"), pl.min_horizontal("month", "day"), pl.max_horizontal("month", "day")),
        b_y="year",
        b_ym=_joined(pl.col("year"), pl.col("month")),
        b_yd=_joined(pl.col("year"), pl.col("day")),
        b_md=_joined(pl.col("month"), pl.col("day")),
    )


def _tokens(text: pl.DataFrame, key: HeldKey) -> dict[str, pl.Series]:
    return {name: tokenise(text[name], f"{VERSION}/{name}", key) for name in text.columns}


def _joined(*parts: pl.Expr) -> pl.Expr:
    return pl.concat_str(parts, separator=UNIT)


def _once(rows: pl.DataFrame, work: Callable[[pl.DataFrame], dict[str, pl.Series]]) -> dict[str, pl.Series]:
    """What `work` makes of each distinct row, row by row in their order."""
    places, distinct = distinct_rows(rows)
    return {name: made.gather(places) for name, made in work(distinct).items()}


def distinct_rows(rows: pl.DataFrame) -> tuple[pl.Series, pl.DataFrame]:
    """For each row which of the distinct ones it is, and those. Nothing is a value of its own; columns of text.

    Columns are numbered by their values and taken together two at a time: nowhere is a whole row made or compared.
    """
    places: Places = np.zeros(rows.height, np.int64)
    for column in rows.columns:
        values = rows[column].cast(pl.String).to_arrow().dictionary_encode(null_encoding="encode")
        numbers = values.indices.to_numpy().astype(np.int64)
        places = _numbered(places * len(values.dictionary) + numbers) if places.any() else numbers
    first = np.empty(int(places.max(initial=-1)) + 1, np.int64)
    first[places] = np.arange(rows.height)
    return pl.Series(places, dtype=pl.UInt32), rows.select(pl.all().gather(first))


def _numbered(values: Places) -> Places:
    """Equal values get one number, from nought on."""
    numbers: Places = pa.array(values).dictionary_encode().indices.to_numpy().astype(np.int64)
    return numbers
