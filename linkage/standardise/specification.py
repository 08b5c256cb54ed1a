"""What is compared in linkage? Each identifying value in one written form, or nothing when it tells nothing.

VERSION changes with any rule here: links say under which version they were made. Vectorised over distinct values;
`vectors.json` holds examples of every rule (tests, and other implementations, are run against it).
Sources: NHS Data Dictionary (NHS number, modulus 11; postcode ZZ99 pseudo codes); NHS test
range 999 0000000 to 999 9999999.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from linkage.standardise.names import standard_name

VERSION = "2026.1"
OLDEST_YEAR = 1880
PLACEHOLDER_DATES = (date(1900, 1, 1), date(1901, 1, 1), date(1902, 2, 2), date(1911, 11, 11))
"""Typed where no birthday was known (the systems' own fillers)."""
WEIGHTS = (10, 9, 8, 7, 6, 5, 4, 3, 2)
SEXES = {
    "M": "M",
    "MALE": "M",
    "1": "M",
    "MAN": "M",
    "F": "F",
    "FEMALE": "F",
    "2": "F",
    "WOMAN": "F",
}
POSTCODE = r"^(GIR0AA|[A-Z]{1,2}[0-9][A-Z0-9]?[0-9][A-Z]{2})$"

IDENTITY = ("nhs_number", "surname", "forenames", "full_name", "sex", "date_of_birth", "postcode")
STANDARD = (
    "nhs_number",
    "surname",
    "forename",
    "initial",
    "sound",
    "sex",
    "born",
    "year",
    "month",
    "day",
    "postcode",
)


def standardise(people: pl.DataFrame, *, test_range: bool) -> pl.DataFrame:
    """IDENTITY columns (text, as received) to STANDARD columns (text or null), row by row in the same order.

    test_range: may NHS numbers of the test range stand? Only where no real data are; else they are nothing.
    """
    return pl.DataFrame(
        {
            "nhs_number": _nhs_numbers(people["nhs_number"], test_range),
            **_names(people.select("surname", "forenames", "full_name")),
            "sex": _sexes(people["sex"]),
            **_births(people["date_of_birth"]),
            "postcode": _postcodes(people["postcode"]),
        }
    ).select(STANDARD)


def _nhs_numbers(numbers: pl.Series, test_range: bool) -> pl.Series:
    """Ten digits that pass modulus 11 and are not all the same; spaces and hyphens between them do not matter."""
    text = pl.col("n").str.replace_all(r"[\s\-]", "")
    digits = [pl.col("t").str.slice(place, 1).cast(pl.Int32, strict=False) for place in range(10)]
    total = pl.sum_horizontal([digit * weight for digit, weight in zip(digits, WEIGHTS, strict=False)])
    check = (11 - total % 11) % 11
    good = (check != 10) & (check == digits[9]) & ~pl.col("t").is_in([str(d) * 10 for d in range(10)])
    if not test_range:
        good &= ~pl.col("t").str.starts_with("999")
    frame = numbers.alias("n").to_frame().select(t=pl.when(text.str.contains(r"^[0-9]{10}$")).then(text))
    return frame.select(pl.when(good).then(pl.col("t")).alias("nhs_number")).to_series()


def _names(names: pl.DataFrame) -> dict[str, pl.Series]:
    """Per distinct triple in Python, which is where accents and pet forms are known."""
    distinct = names.unique()
    rows = [standard_name(*row) for row in distinct.iter_rows()]
    fields = ("surname", "forename", "initial", "sound")
    known = pl.DataFrame({f"s_{f}": pl.Series([getattr(row, f) for row in rows], dtype=pl.String) for f in fields})
    joined = names.join(distinct.hstack(known), on=names.columns, how="left", nulls_equal=True, maintain_order="left")
    return {f: joined[f"s_{f}"] for f in fields}


def _sexes(sexes: pl.Series) -> pl.Series:
    return sexes.str.strip_chars().str.to_uppercase().replace_strict(SEXES, default=None, return_dtype=pl.String)


def _births(dates: pl.Series) -> dict[str, pl.Series]:
    """ISO dates to their parts; fillers, the future and the impossible past are nothing."""
    born = dates.str.to_date("%Y-%m-%d", strict=False).alias("d").to_frame()
    plausible = (pl.col("d").dt.year() >= OLDEST_YEAR) & ~pl.col("d").is_in(list(PLACEHOLDER_DATES))
    parts = born.select(pl.when(plausible).then(pl.col("d")).alias("d"))
    forms = {"born": "%Y-%m-%d", "year": "%Y", "month": "%m", "day": "%d"}
    return {name: parts.select(pl.col("d").dt.strftime(form)).to_series() for name, form in forms.items()}


def _postcodes(postcodes: pl.Series) -> pl.Series:
    """Without spaces; pseudo codes (ZZ99...) and what has no postcode's shape are nothing."""
    text = pl.col("p").str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "")
    frame = postcodes.alias("p").to_frame().select(t=text)
    good = pl.col("t").str.contains(POSTCODE) & ~pl.col("t").str.starts_with("ZZ99")
    return frame.select(pl.when(good).then(pl.col("t"))).to_series()
