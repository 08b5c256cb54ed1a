"""What does a column look like? Its heading's words and the shapes of its values; no value is kept or shown."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import polars as pl

from linkage.specified.dates import is_ambiguous, read_date
from linkage.specified.written import FILLERS, WORDS_OF_SEX, fold

SAMPLE = 4000
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)")
UK_POSTCODE = re.compile(r"^[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}$", re.IGNORECASE)
DIGITS = re.compile(r"\d+")
SPELLING_SIGNS = "|;/~"
OF_OUR_ERA = re.compile(r"^\D{0,6}(1[5-9]|20)\d\d(\.0)?\D?$")
DIALLED = re.compile(r"^\+|^0[1-9]|[\s()/-]")
YEAR = re.compile(r"^\D{0,6}(1[0-9]|20)\d\d(\.0)?\D?$")


@dataclass(frozen=True)
class Look:
    """One column, of one file or of two together."""

    heading: str
    words: tuple[str, ...]  # of the heading, folded
    rows: int
    missing: float  # share
    distinct: int
    dates: float  # shares of the known values
    years: float
    recent: float  # years from 1500 on
    numbers: float
    shapes: int  # of the values, each run of digits taken for one
    letters: float  # only letters, blanks and name signs
    digits: float  # have a digit
    sexes: float
    mails: float
    phones: float
    dialled: float  # with a sign of telephone numbers: a plus, brackets, blanks, a nought in front
    postcodes: float
    words_each: float
    length: float
    separator: str | None
    day_first: bool | None
    first_of_january: float  # of full dates
    fillers: tuple[str, ...]

    @property
    def name(self) -> str:
        """The heading's words in one."""
        return " ".join(self.words)

    @property
    def distinct_share(self) -> float:
        """Distinct values per known value."""
        return self.distinct / max(self.rows * (1 - self.missing), 1)


def look_at(heading: str, values: pl.Series) -> Look:
    """The look of a column."""
    known = values.drop_nulls()
    fillers = _fillers(known)
    known = known.filter(~known.is_in(list(fillers))) if fillers else known
    sample = known.sample(min(SAMPLE, known.len()), seed=1).to_list()
    folded = [fold(value) for value in sample]

    def share(test: object) -> float:
        return sum(map(test, sample)) / len(sample) if sample else 0.0  # type: ignore[call-overload]

    separator = _separator(sample)
    dates = [read_date(value, day_first=True) for value in sample]
    full = [date for date in dates if date and date.day]
    firsts = sum((date.month, date.day) == (1, 1) for date in full) / len(full) if full else 0.0
    return Look(
        heading=heading,
        words=heading_words(heading),
        rows=values.len(),
        missing=1 - known.len() / max(values.len(), 1),
        distinct=known.n_unique() if known.len() else 0,
        dates=sum(bool(date and date.month) for date in dates) / len(sample) if sample else 0.0,
        years=share(lambda v: bool(YEAR.match(v))),
        recent=share(lambda v: bool(OF_OUR_ERA.match(v))),
        numbers=share(lambda v: v.replace(".", "", 1).lstrip("-").isdigit()),
        shapes=len({DIGITS.sub("9", value) for value in sample}),
        letters=share(lambda v: all(c.isalpha() or c in " -'’.,`()&|;/~" for c in v)),
        digits=share(lambda v: any(c.isdigit() for c in v)),
        sexes=sum(form in WORDS_OF_SEX or form in {"U", "X", "O", "0", "9"} for form in folded) / len(sample)
        if sample
        else 0.0,
        mails=share(lambda v: "@" in v),
        phones=share(lambda v: len(re.sub(r"\D", "", v)) >= 7 and bool(re.match(r"^[\d\s()+/.-]+$", v))),
        dialled=share(lambda v: bool(DIALLED.search(v))),
        postcodes=share(lambda v: bool(UK_POSTCODE.match(v))),
        words_each=sum(len(form.split()) for form in folded) / len(folded) if folded else 0.0,
        length=sum(map(len, sample)) / len(sample) if sample else 0.0,
        separator=separator,
        day_first=_day_first(sample),
        first_of_january=firsts,
        fillers=tuple(sorted(fillers)),
    )


def heading_words(heading: str) -> tuple[str, ...]:
    """The words of a heading: `dateOfBirth`, `DATE_OF_BIRTH` and `date-of-birth` alike."""
    return tuple(fold(CAMEL.sub(" ", heading).replace("_", " "), in_latin=False).lower().split())


def _fillers(known: pl.Series) -> set[str]:
    """Values that stand for nothing, as they are written."""
    most = known.alias("value").value_counts(sort=True, name="rows").head(30)["value"].to_list() if known.len() else []
    return {value for value in most if fold(value) in FILLERS or not fold(value) or set(value) <= set("?-.*#xX")}


def _separator(sample: list[str]) -> str | None:
    """A sign with text on both sides in many cells: several spellings in one."""
    texts = [value for value in sample if any(c.isalpha() for c in value)]
    if len(texts) < max(10, len(sample) // 2):
        return None
    counts = Counter(
        sign
        for value in texts
        for sign in SPELLING_SIGNS
        if sign in value and all(any(c.isalpha() for c in part) for part in value.split(sign))
    )
    sign, count = counts.most_common(1)[0] if counts else ("", 0)
    return sign if count >= max(5, 0.05 * len(texts)) else None


def _day_first(sample: list[str]) -> bool | None:
    tests = [is_ambiguous(value) for value in sample]
    first, second = (sum(test[place] for test in tests) for place in (0, 1))
    return None if not first and not second else first >= second
