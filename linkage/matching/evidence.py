"""By what is a record compared? One keyed token for each field of the ladder, made of its values in written form.

Names, birthdays and postcodes repeat: they are standardised and hashed once for each distinct row of the columns they
are made of, and every record is given what its row made. No token depends on which records are made together.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from access.keys import HeldKey
from linkage.matching.ladder import FIELDS
from linkage.standardise.references import NO_REFERENCES, References
from linkage.standardise.specification import (
    IDENTITY,
    VERSION,
    standard_births,
    standard_numbers,
    standard_people,
    standard_postcodes,
)
from linkage.tokens import tokenise

UNIT = "\x1f"  # parts of a composite are joined by a sign that no value holds
NAMES = ("sex", "forenames", "full_name", "surname")
MOST_NUMBERS = 1 << 62
"""What 64 bits hold: so far rows are told apart by one number, made of those of their columns."""

Places = npt.NDArray[np.int64]


def tokens_of(
    records: pl.DataFrame, key: HeldKey, *, test_range: bool, references: References = NO_REFERENCES
) -> pl.DataFrame:
    """One UInt64 token for each of FIELDS in place of IDENTITY; the frame's other columns (record) go along.

    The rows keep their order, which is chance: what leaves the linkage zone may lie in it, so rows of one birthday, or
    of any one value, must not come to stand together.
    """
    birthdays, births = distinct_rows(records.select("date_of_birth"))
    people, names = distinct_rows(records.select(NAMES))
    places, postcodes = distinct_rows(records.select("postcode"))
    numbers = standard_numbers(records, test_range=test_range, references=references)
    tokens = _tokens(pl.DataFrame({"n": numbers["nhs_number"]}), key)
    for rows, text in (
        (people, _of_names(names)),
        (birthdays, _of_births(births)),
        (places, pl.DataFrame({"p": standard_postcodes(postcodes, references=references)["postcode"]})),
    ):
        tokens |= {name: one.gather(rows) for name, one in _tokens(text, key).items()}
    return records.drop(IDENTITY).with_columns(tokens[name].alias(name) for name in FIELDS)


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


def distinct_rows(rows: pl.DataFrame) -> tuple[pl.Series, pl.DataFrame]:
    """For each row which of the distinct ones it is, and those. Nothing is a value of its own; columns of text.

    Columns are numbered by their values, and those numbers taken together: nowhere is a whole row made or compared.
    """
    places: Places = np.zeros(rows.height, np.int64)
    many = 1  # more than any of the numbers
    for column in rows.columns:
        values = rows[column].cast(pl.String).to_arrow().dictionary_encode(null_encoding="encode")
        if many * len(values.dictionary) > MOST_NUMBERS:
            places, many = _numbered(places), rows.height
        places = places * len(values.dictionary) + values.indices.to_numpy()
        many *= len(values.dictionary)
    if len(rows.columns) > 1:
        places = _numbered(places)
    first = np.empty(int(places.max(initial=-1)) + 1, np.int64)
    first[places] = np.arange(rows.height)
    return pl.Series(places.astype(np.uint32)), rows.select(pl.all().gather(first))


def _numbered(values: Places) -> Places:
    """Equal values get one number, from nought on."""
    numbers: Places = pa.array(values).dictionary_encode().indices.to_numpy().astype(np.int64)
    return numbers
