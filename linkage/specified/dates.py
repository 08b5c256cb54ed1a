"""When was it, as far as is written? A day, a month or only a year, in the forms that people and systems write."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

OLDEST, NEWEST = 1000, 2100
MONTHS: dict[str, int] = {
    word: number
    for number, words in enumerate(
        (
            "jan gen ene sty ocak янв", "feb fev lut suba фев", "mar mrt mae мар", "apr avr abr kwi nis апр",
            "may mai maj mei mag mayo маи мая", "jun juin giu juni cze haz июн", "jul juil lug lip tem июл",
            "aug aou ago aout sie agus авг", "sep set wrz eyl сен", "oct okt ott out paz eki окт", "nov lis kas ноя",
            "dec dez des dic gru ara дек",
        ),
        start=1,
    )
    for word in words.split()
}  # fmt: skip
"""The first letters of the months in the languages of western Europe, in Polish, Turkish and Russian."""
YEAR_FIRST = re.compile(r"^(\d{4})[-/. ](\d{1,2}|[?xX]{1,2})(?:[-/. ](\d{1,2}|[?xX]{1,2}))?(?:[T ]\d.*)?$")
YEAR_LAST = re.compile(r"^(\d{1,2}|[?xX]{1,2})[-/. ]+(\d{1,2}|[?xX]{1,2})[-/. ]+(\d{4}|\d{2})(?:[T ]\d.*)?$")
MONTH_YEAR = re.compile(r"^(\d{1,2})[-/. ](\d{4})$")
COMPACT = re.compile(r"^(\d{8})(?:\.0)?$")
IN_WIKIDATA = re.compile(r"^\+0*(?=\d{4}-\d\d-\d\d(?:T|$))")
TWO_YEARS = re.compile(r"(?<!\d)(\d{2})(\d{2})/(\d{2})$")
"""A day before 25 March by two calendars, of which one began the year then: 1745/46 is 1746."""
EAST_ASIAN = re.compile(r"^(\d{4})年(\d{1,2})月(\d{1,2})日$")
BESIDE_A_DATE = re.compile(r"[\[\]()]|\s*(?:г\.?|r\.)$")
ROMANS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
ROMAN = re.compile(r"^(\d{1,2})[-/. ]+(I{1,3}|I?V|VI{1,3}|I?X|XI{1,2})[-/. ]+(?=\d)", re.IGNORECASE)
ONLY_YEAR = re.compile(r"^\D{0,8}?(\d{4})(?:\.0)?\s*[?~]?$")
WITH_WORD = re.compile(
    r"^(?:(\d{1,2})\D{0,4}?[-/. ]+)?(?:de )?([^\W\d]{3,})\.?"
    r"(?:[-/. ]+(\d{1,2})(?!\d)\w{0,2})?[-/., ]+(?:de )?(\d{4}|\d{2})$"
)


@dataclass(frozen=True)
class PartialDate:
    """A date as far as it is known."""

    year: int
    month: int | None
    day: int | None

    def __str__(self) -> str:
        if self.month is None:
            return f"{self.year:04}"
        return f"{self.year:04}-{self.month:02}" + (f"-{self.day:02}" if self.day else "")


def read_date(text: str, *, day_first: bool) -> PartialDate | None:
    """The date, or None when it is not one. day_first decides only where both readings are possible."""
    text = BESIDE_A_DATE.sub("", EAST_ASIAN.sub(r"\1-\2-\3", text.strip())).strip()
    text = TWO_YEARS.sub(_later_year, IN_WIKIDATA.sub("", text))
    text = ROMAN.sub(lambda found: f"{found[1]}.{ROMANS.index(found[2].upper()) + 1}.", text)
    if found := COMPACT.match(text):
        digits = found[1]
        return _date(digits[:4], digits[4:6], digits[6:]) or _ordered(digits[:2], digits[2:4], digits[4:], day_first)
    if found := YEAR_FIRST.match(text):
        return _date(found[1], found[2], found[3])
    if found := YEAR_LAST.match(text):
        return _ordered(found[1], found[2], found[3], day_first)
    if found := MONTH_YEAR.match(text):
        return _date(found[2], found[1], None)
    if found := WITH_WORD.match(text):
        month = _month(found[2])
        return _date(found[4], str(month), found[1] or found[3]) if month else _only_year(text)
    return _only_year(text)


def _later_year(found: re.Match[str]) -> str:
    """Of two years that follow each other the later one; other digits stay as they are."""
    later = int(found[1] + found[2]) + 1
    return str(later) if later % 100 == int(found[3]) else found[0]


def day_number(found: PartialDate) -> int | None:
    """The day counted from the beginning of the calendar; 31 February is three days after its 28th."""
    if found.month is None or found.day is None:
        return None
    return date(found.year, found.month, 1).toordinal() + found.day - 1


def is_ambiguous(text: str) -> tuple[bool, bool]:
    """Can the first number be no month, can the second: what tells which order a column is written in."""
    found = YEAR_LAST.match(text.strip())
    if not found or not (found[1].isdigit() and found[2].isdigit()):
        return False, False
    return int(found[1]) > 12, int(found[2]) > 12


def _only_year(text: str) -> PartialDate | None:
    found = ONLY_YEAR.match(text)
    return _date(found[1], None, None) if found else None


def _ordered(first: str, second: str, year: str, day_first: bool) -> PartialDate | None:
    day, month = (first, second) if day_first else (second, first)
    if day.isdigit() and month.isdigit() and int(month) > 12 >= int(day):
        day, month = month, day
    return _date(year, month, day)


def _date(year: str, month: str | None, day: str | None) -> PartialDate | None:
    full = int(year) if len(year) == 4 else int(year) + (2000 if int(year) <= 30 else 1900)
    if not OLDEST <= full <= NEWEST:
        return None
    m, d = _number(month), _number(day)
    if m is None or not 1 <= m <= 12:
        return PartialDate(full, None, None) if not m and not d else None
    if d is not None and d > 31:
        return None
    return PartialDate(full, m, d or None)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _month(word: str) -> int | None:
    plain = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return next((MONTHS[plain[:size]] for size in (4, 3) if plain[:size] in MONTHS), None)
