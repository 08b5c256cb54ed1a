"""Who are the demo's people? Invented: households with couples, children and twins, movers, illnesses and deaths.

Nobody is real. NHS numbers are of the test range (999, valid modulus 11: about 909,000; people beyond that have none,
as newly registered people have). Postcodes have a valid shape in districts that Royal Mail does not use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from infra.demo.illness import FIRST_DAY, TODAY, risk_of_death, who_is_ill
from infra.demo.names import ENDINGS, FORENAMES, STEMS, SURNAMES

Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.str_]
Bools = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]

GROUPS = ("british", "south_asian", "black", "other")
SHARES = (0.78, 0.10, 0.06, 0.06)
ETHNIC = {"british": "AAAAAABC", "south_asian": "HJKL", "black": "MNP", "other": "RSGZ"}  # codes of the 2001 census
AREAS = ("LS", "HD", "HX", "WF", "BD", "YO", "HG")
DISTRICTS = (70, 88)  # from, below: in none of the areas is one of these in use
INWARD = np.array(list("ABDEFGHJLNPQRSTUWXYZ"))
HOME_SIZE = 2.3
HOMES_A_POSTCODE = 8
TWINS = 0.03  # of the children with an elder brother or sister: one birth in about seventy
PARTNER_SHARES_NAME = 0.65
CHILD_SHARES_NAME = 0.9
MOVED = 0.3  # of homes, on a day of the last ten years
NEVER = np.datetime64("NaT")
TEST_RANGE = 9_990_000_000
OLDEST_DAYS = 104 * 365


@dataclass
class People:
    """Arrays with one entry a person, neighbours of one home side by side. number: '' for people without one."""

    rng: np.random.Generator
    group: Ints  # place in GROUPS
    sex: Texts
    surname: Texts
    surname_before: Texts  # a woman's before marriage; the same for everybody else
    forename: Texts
    born: Days
    postcode: Texts
    postcode_before: Texts
    moved: Days  # NaT for who has always lived there
    area: Ints  # place in AREAS
    number: Texts
    ethnic: Texts
    ill: Bools  # conditions x people: drawn once, so that events, episodes, care and causes of death agree
    died: Days  # NaT for the living

    @property
    def count(self) -> int:
        """How many."""
        return len(self.group)

    @property
    def minority(self) -> Bools:
        """Everybody but the largest group."""
        return self.group > 0

    @property
    def age(self) -> Ints:
        """Age in whole years today."""
        return years(self.born, np.full(self.count, TODAY))


def years(born: Days, day: Days) -> Ints:
    """Whole years from a birthday to a day."""
    months = day.astype("datetime64[M]").astype(np.int64) - born.astype("datetime64[M]").astype(np.int64)
    early = (day - day.astype("datetime64[M]")) < (born - born.astype("datetime64[M]"))
    return np.asarray((months - early) // 12, dtype=np.int64)


def make_people(count: int, rng: np.random.Generator) -> People:
    """A population in homes, the same for the same generator."""
    home = np.sort(rng.integers(0, max(1, int(count / HOME_SIZE)), count))
    homes = int(home.max(initial=0)) + 1
    place = _place_in_home(home)
    group = rng.choice(len(GROUPS), homes, p=SHARES)[home].astype(np.int64)
    sex = _sexes(rng, place)
    forename = _forenames(rng, group, sex)
    born, twin = _birthdays(rng, place, forename)
    surname, surname_before = _surnames(rng, group, sex, place, twin)
    postcode, before, moved, area = _addresses(rng, homes)
    age = years(born, np.full(count, TODAY))
    ill = who_is_ill(rng, age, group == GROUPS.index("south_asian"), sex)
    return People(
        rng=rng,
        group=group,
        sex=sex,
        surname=surname,
        surname_before=surname_before,
        forename=forename,
        born=born,
        postcode=postcode[home],
        postcode_before=before[home],
        moved=moved[home],
        area=area[home],
        number=_numbers(rng, count),
        ethnic=_ethnic(rng, group),
        ill=ill,
        died=_deaths(rng, born, risk_of_death(age, ill)),
    )


def _place_in_home(home: Ints) -> Ints:
    """0 for the first of a home, 1 for the partner, then the children."""
    first = np.concatenate([[True], home[1:] != home[:-1]]) if len(home) else np.zeros(0, dtype=bool)
    starts = np.flatnonzero(first)
    return np.asarray(np.arange(len(home)) - np.repeat(starts, np.diff([*starts, len(home)])), dtype=np.int64)


def _sexes(rng: np.random.Generator, place: Ints) -> Texts:
    """At random; a partner is mostly of the other sex."""
    sex = rng.choice(["F", "M"], len(place))
    other = np.where(np.roll(sex, 1) == "F", "M", "F")
    return np.where((place == 1) & (rng.random(len(place)) < 0.96), other, sex)


def _birthdays(rng: np.random.Generator, place: Ints, forename: Texts) -> tuple[Days, Bools]:
    """Partners of like age, children 18 to 42 years younger than the first of their home, some of them twins."""
    count = len(place)
    age = (rng.beta(1.4, 1.9, count) * 80 + 18) * 365.25
    head = np.maximum.accumulate(np.where(place == 0, np.arange(count), 0))
    partner = np.maximum(18 * 365.25, age[head] + rng.normal(0, 4 * 365, count))
    child = age[head] - rng.uniform(18, 42, count) * 365.25
    child = np.where(child >= 0, child, rng.uniform(0, 12 * 365.25, count))
    days = np.select([place == 0, place == 1], [age, partner], child)
    born = TODAY - np.clip(days, 0, OLDEST_DAYS).astype(np.int64).astype("timedelta64[D]")
    twin = (place >= 3) & (rng.random(count) < TWINS) & (forename != np.roll(forename, 1))
    twin &= ~np.roll(twin, 1)  # no triplets: the day is taken from the one before
    return np.where(twin, np.roll(born, 1), born), twin


def _surnames(rng: np.random.Generator, group: Ints, sex: Texts, place: Ints, twin: Bools) -> tuple[Texts, Texts]:
    """Surnames, and those before marriage: most of a home share the first one's."""
    own = _drawn(rng, _surnames_by_group(), group)
    head = np.maximum.accumulate(np.where(place == 0, np.arange(len(place)), 0))
    share = np.select([place == 0, place == 1], [1.0, PARTNER_SHARES_NAME], CHILD_SHARES_NAME)
    surname = np.where(rng.random(len(place)) < share, own[head], own)
    surname = np.where(twin, np.roll(surname, 1), surname)
    grown = (place <= 1) & (sex == "F")
    return surname, np.where(grown, _drawn(rng, _surnames_by_group(), group), surname)


def _surnames_by_group() -> list[Texts]:
    """The surnames of each group, with a long tail of place-like ones for the largest."""
    tail = [stem + ending for stem in STEMS for ending in ENDINGS]
    return [np.array([*SURNAMES[group], *(tail if group == "british" else [])]) for group in GROUPS]


def _forenames(rng: np.random.Generator, group: Ints, sex: Texts) -> Texts:
    out = np.empty(len(group), dtype="U16")
    for code in ("F", "M"):
        mask = sex == code
        out[mask] = _drawn(rng, [np.array(FORENAMES[(name, code)]) for name in GROUPS], group[mask])
    return out


def _drawn(rng: np.random.Generator, names: list[Texts], group: Ints) -> Texts:
    """A name of the group's list, its frequency falling with its rank."""
    out = np.empty(len(group), dtype="U16")
    for number, choices in enumerate(names):
        mask = group == number
        weights = 1 / (np.arange(len(choices)) + 12.0)
        out[mask] = rng.choice(choices, int(mask.sum()), p=weights / weights.sum())
    return out


def _addresses(rng: np.random.Generator, homes: int) -> tuple[Texts, Texts, Days, Ints]:
    """By home: postcode, the one before, day of the move, area. Several homes share a postcode, as neighbours do."""
    units = homes // HOMES_A_POSTCODE + 2
    area = rng.integers(0, len(AREAS), units)
    codes = _postcodes(rng, area)
    unit, earlier = rng.integers(0, units, homes), rng.integers(0, units, homes)
    moves = rng.random(homes) < MOVED
    day = TODAY - rng.integers(1, 3652, homes).astype("timedelta64[D]")
    before = np.where(moves, codes[earlier], codes[unit])
    return codes[unit], before, np.where(moves, day, NEVER), area[unit]


def _postcodes(rng: np.random.Generator, area: Ints) -> Texts:
    count = len(area)
    outward = np.char.add(np.array(AREAS)[area], rng.integers(*DISTRICTS, count).astype("U2"))
    inward = np.char.add(rng.integers(0, 10, count).astype("U1"), rng.choice(INWARD, count))
    return np.char.add(np.char.add(outward, " "), np.char.add(inward, rng.choice(INWARD, count)))


def _numbers(rng: np.random.Generator, count: int) -> Texts:
    """NHS numbers of the test range, each once, in random order; people beyond the range have none."""
    serial = np.arange(1_000_000)
    total = np.full(1_000_000, 9 * (10 + 9 + 8))
    for weight, power in zip(range(7, 1, -1), range(5, -1, -1), strict=True):
        total += serial // 10**power % 10 * weight
    check = (11 - total % 11) % 11
    valid = rng.permutation(serial[check != 10])
    numbers = TEST_RANGE + valid * 10 + check[valid]
    out = np.full(count, "", dtype="U10")
    some = min(count, len(numbers))
    out[:some] = numbers[:some].astype("U10")
    return rng.permutation(out)


def _ethnic(rng: np.random.Generator, group: Ints) -> Texts:
    out = np.empty(len(group), dtype="U1")
    for number, name in enumerate(GROUPS):
        mask = group == number
        out[mask] = rng.choice(list(ETHNIC[name]), int(mask.sum()))
    return out


def _deaths(rng: np.random.Generator, born: Days, risk: npt.NDArray[np.float64]) -> Days:
    """Days of death in the period, for people who were born before it."""
    days = (TODAY - FIRST_DAY).astype(int)
    day = FIRST_DAY + rng.integers(0, days, len(born)).astype("timedelta64[D]")
    return np.where((rng.random(len(born)) < risk) & (born < FIRST_DAY), day, NEVER)
