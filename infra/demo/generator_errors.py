"""What goes wrong when the demo's people are recorded? Every error that linkage has to live with, at stated rates.

Recording is unequal, as in life: for minority ethnic groups every rate is half as high again. Each person is recorded
once per dataset: all records of a person in one dataset carry the same errors; only the address follows the day.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from infra.demo.generator_people import Bools, Days, Ints, People, Texts
from infra.demo.names import NICKNAMES

MINORITY_FACTOR = 1.5
NO_DECOMPOSITION = str.maketrans({"ł": "l", "Ł": "L", "ı": "i", "đ": "d"})


@dataclass(frozen=True)
class RecordingErrors:
    """How often each thing goes wrong for one person of the largest group in one dataset."""

    nhs_missing: float = 0.002
    nhs_wrong_digit: float = 0.004  # never a valid number: modulus 11 finds every single wrong digit
    nhs_of_another: float = 0.001  # of a neighbour in the list, so mostly of somebody in the same home
    surname_typing: float = 0.012
    surname_before: float = 0.01  # of all; changes something for women with another name before marriage
    forename_nickname: float = 0.02  # of all; changes something where the name has a short form
    forename_typing: float = 0.006
    names_exchanged: float = 0.004
    birthday_unknown: float = 0.004  # becomes 1 January of the year
    day_month_exchanged: float = 0.004  # of all; possible up to the 12th
    birthday_typing: float = 0.006  # day, month or year beside the right one
    sex_wrong: float = 0.003
    address_not_updated: float = 0.1  # of the movers


ERRORS = {
    "gp": RecordingErrors(),
    "hospital": RecordingErrors(nhs_missing=0.035, nhs_of_another=0.002, address_not_updated=0.15),
    "social_care": RecordingErrors(
        nhs_missing=0.09, surname_typing=0.03, forename_nickname=0.05, address_not_updated=0.15
    ),
    "deaths": RecordingErrors(nhs_missing=0.05, surname_typing=0.015),
}


@dataclass(frozen=True)
class Recorded:
    """Identifiers as one dataset holds them, an entry for each person asked for. birthday: ISO text."""

    number: Texts
    surname: Texts
    forename: Texts
    sex: Texts
    birthday: Texts
    old_address: Bools  # the move was never told


def record(people: People, who: Ints, dataset: str) -> Recorded:
    """These people's identifiers in this dataset, with its errors."""
    rng, rates = people.rng, ERRORS[dataset]
    factor = np.where(people.minority[who], MINORITY_FACTOR, 1.0)

    def wrong(rate: float) -> Bools:
        return np.asarray(rng.random(len(who)) < rate * factor)

    number = np.where(wrong(rates.nhs_of_another), people.number[(who + 1) % people.count], people.number[who])
    number = _changed(rng, number, wrong(rates.nhs_wrong_digit), _wrong_digit)
    number = np.where(wrong(rates.nhs_missing), "", number)
    surname = np.where(wrong(rates.surname_before), people.surname_before[who], people.surname[who])
    surname = _changed(rng, surname, wrong(rates.surname_typing), _mistyped)
    forename = _changed(rng, people.forename[who], wrong(rates.forename_nickname), _nickname)
    forename = _changed(rng, forename, wrong(rates.forename_typing), _mistyped)
    exchanged = wrong(rates.names_exchanged)
    other_sex = np.where(people.sex[who] == "F", "M", "F")
    return Recorded(
        number=number,
        surname=np.where(exchanged, forename, surname),
        forename=np.where(exchanged, surname, forename),
        sex=np.where(wrong(rates.sex_wrong), other_sex, people.sex[who]),
        birthday=_birthdays(rng, people.born[who], wrong, rates),
        old_address=wrong(rates.address_not_updated),
    )


def address(people: People, who: Ints, day: Days, old_address: Bools) -> Texts:
    """The postcode on a day: the earlier one before the move, and after it where the move was never told."""
    return np.where((day < people.moved[who]) | old_address, people.postcode_before[who], people.postcode[who])


def plain(text: str, encoding: str) -> str:
    """As a system with a small character set holds a name: letters that it lacks lose their signs."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return unicodedata.normalize("NFKD", text.translate(NO_DECOMPOSITION)).encode("ascii", "ignore").decode()
    return text


def _changed(
    rng: np.random.Generator, values: Texts, which: Bools, how: Callable[[str, np.random.Generator], str]
) -> Texts:
    """The values, those that are marked put through `how`."""
    out = values.astype("U20")
    out[which] = [how(str(value), rng) for value in values[which]]
    return out


def _wrong_digit(number: str, rng: np.random.Generator) -> str:
    """Another digit at one of the last seven places: the test range's 999 stays."""
    if not number:
        return ""
    place = int(rng.integers(3, 10))
    return number[:place] + str((int(number[place]) + int(rng.integers(1, 10))) % 10) + number[place + 1 :]


def _mistyped(name: str, rng: np.random.Generator) -> str:
    """One letter left out, doubled, exchanged with its neighbour, or another one; the first letter stays."""
    if len(name) < 3:
        return name
    place, kind = int(rng.integers(1, len(name) - 1)), int(rng.integers(0, 4))
    before, letter, after = name[:place], name[place], name[place + 1 :]
    if kind == 0:
        return before + after
    if kind == 1:
        return before + letter + letter + after
    if kind == 2:
        return before + after[0] + letter + after[1:]
    return before + str(rng.choice(list("aeinorst"))) + after


def _nickname(name: str, rng: np.random.Generator) -> str:
    """One of the name's short forms, the name itself when it has none."""
    return str(rng.choice(NICKNAMES.get(name, [name])))


def _birthdays(rng: np.random.Generator, born: Days, wrong: Callable[[float], Bools], rates: RecordingErrors) -> Texts:
    """ISO text of the birthdays as they were taken down; always days that the calendar has."""
    year = born.astype("datetime64[Y]").astype(np.int64) + 1970
    month = born.astype("datetime64[M]").astype(np.int64) % 12 + 1
    day = (born - born.astype("datetime64[M]")).astype(np.int64) + 1
    exchanged = wrong(rates.day_month_exchanged) & (day <= 12)
    month, day = np.where(exchanged, day, month), np.where(exchanged, month, day)
    typing = wrong(rates.birthday_typing)
    kind = rng.integers(0, 3, len(born))
    year = np.where(typing & (kind == 0), year - 1, year)
    month = np.where(typing & (kind == 1), month % 12 + 1, month)
    day = np.where(typing & (kind == 2), day % 28 + 1, day)
    day = np.where(typing & (kind < 2), np.minimum(day, 28), day)  # no 29 or 31 where the month lacks it
    unknown = wrong(rates.birthday_unknown)
    month, day = np.where(unknown, 1, month), np.where(unknown, 1, day)
    days = pl.DataFrame({"y": year, "m": month, "d": day}).select(pl.date("y", "m", "d").dt.to_string("iso"))
    return np.asarray(days.to_series().to_list(), dtype="U10")
