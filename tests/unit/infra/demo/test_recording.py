"""What goes wrong in recording goes wrong as often as the rates say, and oftener for minority groups."""

from __future__ import annotations

import numpy as np
import pytest

from infra.demo.generator_errors import ERRORS, MINORITY_FACTOR, Recorded, address, plain, record
from infra.demo.generator_people import Bools, People, make_people
from infra.demo.names import FORENAMES, NICKNAMES, SURNAMES

PEOPLE = 60_000


@pytest.fixture(scope="module")
def people() -> People:
    """A population."""
    return make_people(PEOPLE, np.random.default_rng(11))


@pytest.fixture(scope="module")
def told(people: People) -> Recorded:
    """The population as social care would record it: the dataset with the highest rates."""
    return record(people, np.arange(people.count), "social_care")


def _iso(people: People) -> list[str]:
    return [str(day) for day in people.born]


def _rate(wrong: Bools, people: People) -> tuple[float, float]:
    """Share of the largest group, and of the others."""
    return float(wrong[~people.minority].mean()), float(wrong[people.minority].mean())


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("nhs_missing", ERRORS["social_care"].nhs_missing),
        ("sex_wrong", ERRORS["social_care"].sex_wrong),
        ("address_not_updated", ERRORS["social_care"].address_not_updated),
    ],
)
def test_a_rate_is_kept_and_is_half_as_high_again_for_minorities(
    people: People, told: Recorded, what: str, expected: float
) -> None:
    """Each within four standard errors of its rate."""
    wrong = {
        "nhs_missing": told.number == "",
        "sex_wrong": told.sex != people.sex,
        "address_not_updated": told.old_address,
    }
    for share, rate, size in zip(
        _rate(wrong[what], people),
        (expected, expected * MINORITY_FACTOR),
        (int((~people.minority).sum()), int(people.minority.sum())),
        strict=True,
    ):
        assert abs(share - rate) < 4 * np.sqrt(rate * (1 - rate) / size)


def test_wrong_numbers_are_never_valid_and_those_of_others_are_somebodys(people: People, told: Recorded) -> None:
    """A wrong digit fails modulus 11; a valid wrong number belongs to another person, mostly of the same home."""
    given = told.number != ""
    wrong = given & (told.number != people.number)
    valid = np.array([_valid(number) for number in told.number[wrong].tolist()])
    rates = ERRORS["social_care"]
    share = float((~valid).sum() / given.sum())
    assert rates.nhs_wrong_digit * 0.7 < share < rates.nhs_wrong_digit * 1.7
    others = told.number[wrong][valid]
    assert len(others) > 10
    assert set(others.tolist()) <= set(people.number.tolist())
    places = np.flatnonzero(wrong)[valid]
    neighbours = people.postcode[places] == people.postcode[(places + 1) % people.count]
    assert neighbours.mean() > 0.4


def _valid(number: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(number, range(10, 1, -1), strict=False))
    return (11 - total % 11) % 11 == int(number[9])


def test_numbers_are_of_the_test_range_valid_and_each_once(people: People) -> None:
    """No NHS number could be anybody's: 999, modulus 11, one for each person."""
    numbers = people.number.tolist()
    assert len(set(numbers)) == PEOPLE
    assert all(number.startswith("999") and len(number) == 10 and _valid(number) for number in numbers)


@pytest.mark.slow
def test_beyond_the_test_range_people_have_no_number() -> None:
    """A million people: every valid number of the range once, the others empty; none is invented elsewhere."""
    numbers = make_people(1_000_000, np.random.default_rng(1)).number
    given = numbers[numbers != ""]
    assert len(given) == sum(1 for serial in range(1_000_000) if (11 - _total(serial) % 11) % 11 != 10)
    assert len(np.unique(given)) == len(given)


def _total(serial: int) -> int:
    return sum(int(digit) * weight for digit, weight in zip(f"999{serial:06}", range(10, 1, -1), strict=False))


def test_birthdays_go_wrong_in_four_ways_and_stay_days_of_the_calendar(people: People, told: Recorded) -> None:
    """1 January, day and month exchanged, one part beside the right one: nothing else, near the rates."""
    true = _iso(people)
    wrong = [(a, b) for a, b in zip(true, told.birthday.tolist(), strict=True) if a != b]
    january = [b for a, b in wrong if b.endswith("-01-01") and b[:4] == a[:4]]
    exchanged = [b for a, b in wrong if b == f"{a[:4]}-{a[8:]}-{a[5:7]}"]
    rates = ERRORS["social_care"]
    average = 1 + (MINORITY_FACTOR - 1) * float(people.minority.mean())
    assert len(january) / PEOPLE == pytest.approx(rates.birthday_unknown * average, rel=0.3)
    assert 0.2 < len(exchanged) / PEOPLE / (rates.day_month_exchanged * average) < 0.6  # possible up to the 12th only
    everything = rates.birthday_unknown + rates.day_month_exchanged + rates.birthday_typing
    assert len(wrong) / PEOPLE < everything * average
    assert not np.isnat(told.birthday.astype("datetime64[D]")).any()


def test_names_go_wrong_as_people_write_them(people: People, told: Recorded) -> None:
    """Short forms, names exchanged, names before marriage, typing errors that keep the first letter."""
    swapped = (told.surname == people.forename) & (told.forename == people.surname)
    short = np.array([b in NICKNAMES.get(a, []) for a, b in zip(people.forename, told.forename, strict=True)])
    before = (told.surname == people.surname_before) & (told.surname != people.surname)
    rates = ERRORS["social_care"]
    assert rates.names_exchanged * 0.6 < swapped.mean() < rates.names_exchanged * 1.6
    assert rates.forename_nickname * 0.3 < short.mean() < rates.forename_nickname * 1.3
    assert 0 < before.mean() < rates.surname_before * 1.5
    assert (people.sex[before] == "F").all()
    typed = (told.surname != people.surname) & ~swapped & ~before
    assert rates.surname_typing * 0.7 < typed.mean() < rates.surname_typing * 1.6
    same = [a[:1] == b[:1] for a, b in zip(people.surname[typed], told.surname[typed], strict=True)]
    assert np.mean(same) > 0.95


def test_movers_had_another_address_before_their_move(people: People) -> None:
    """The day decides which postcode is recorded; who never told keeps the old one."""
    movers = np.flatnonzero(~np.isnat(people.moved))
    assert len(movers) / PEOPLE == pytest.approx(0.3, abs=0.03)
    told, untold = np.zeros(len(movers), dtype=bool), np.ones(len(movers), dtype=bool)
    day = people.moved[movers]
    assert (address(people, movers, day - np.timedelta64(1, "D"), told) == people.postcode_before[movers]).all()
    assert (address(people, movers, day, told) == people.postcode[movers]).all()
    assert (address(people, movers, day, untold) == people.postcode_before[movers]).all()
    stayed = np.flatnonzero(np.isnat(people.moved))
    assert (people.postcode[stayed] == people.postcode_before[stayed]).all()


def test_postcodes_are_shaped_like_postcodes_of_no_district_in_use(people: People) -> None:
    """Districts 70 to 87 of seven areas; neighbours share them."""
    found = np.unique(people.postcode)
    assert all(code[2:4].isdigit() and 70 <= int(code[2:4]) < 88 and code[4] == " " for code in found.tolist())
    assert PEOPLE / len(found) > 10


def test_homes_hold_families_and_some_twins(people: People) -> None:
    """Most neighbours in the list share a surname; twins share surname, birthday and postcode, not the forename."""
    beside = people.postcode[1:] == people.postcode[:-1]
    twins = beside & (people.born[1:] == people.born[:-1]) & (people.surname[1:] == people.surname[:-1])
    assert twins.sum() > PEOPLE * 0.001
    assert (people.forename[1:][twins] != people.forename[:-1][twins]).all()
    assert (people.surname[1:] == people.surname[:-1])[beside].mean() > 0.5


def test_common_names_are_much_commoner_than_rare_ones(people: People) -> None:
    """Frequencies fall with rank, and groups have their own names."""
    british = people.surname[people.group == 0]
    _, counts = np.unique(british, return_counts=True)
    assert counts.max() > 20 * np.median(counts)
    assert len({name for names in SURNAMES.values() for name in names}) >= 300
    for sex in "FM":
        assert len({name for (_, of), names in FORENAMES.items() if of == sex for name in names}) >= 200


def test_a_small_character_set_costs_signs_not_letters() -> None:
    """What the council's system can hold stays; the rest is written without its signs."""
    assert plain("Müller, José", "windows-1252") == "Müller, José"
    assert plain("Wiśniewski, Łukasz", "windows-1252") == "Wisniewski, Lukasz"
    assert plain("Yılmaz, Ayşe", "windows-1252") == "Yilmaz, Ayse"
