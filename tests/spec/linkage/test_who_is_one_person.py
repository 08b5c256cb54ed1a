"""The rule book of matching: which records become one person, which stay apart, and what is said of the doubtful."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.zones import LinkageBench

BASE = {
    "nhs_number": "9990000018",
    "surname": "Hale",
    "forenames": "Zara",
    "sex": "F",
    "date_of_birth": "1961-07-04",
    "postcode": "LS1 4AP",
}
OTHER_NUMBER = "9990000026"
NAMELESS: dict[str, object] = {"surname": None, "forenames": None}
UNNUMBERED: dict[str, object] = {"nhs_number": None}


@pytest.fixture
def bench(tmp_path: Path) -> LinkageBench:
    """Empty zones."""
    return LinkageBench(tmp_path)


def _link(bench: LinkageBench, *rows: dict[str, object]) -> dict[str, str]:
    people = [row | {"local_id": name} for name, row in zip("abcdefgh", rows, strict=False)]
    bench.deliver("gp", "gp_patients", people, {})
    bench.linker.link(by="service:test")  # type: ignore[arg-type]
    return bench.persons()


@pytest.mark.parametrize(
    ("label", "changes", "step"),
    [
        ("the same in all", {"local_id": "x"}, 0),
        ("moved house", {"postcode": "LS2 9JT"}, 2),
        ("wrong sex and moved", {"postcode": "LS2 9JT", "sex": "M"}, 3),
        ("day and month exchanged", {"date_of_birth": "1961-04-07"}, 4),
        ("birthday unknown, no sex", {"date_of_birth": "1961-01-01", "sex": None}, 5),
        ("birthday unknown, no names, moved", NAMELESS | {"date_of_birth": "1961-01-01", "postcode": None}, 6),
        ("married, birthday unknown", {"surname": "Moss", "date_of_birth": None, "sex": None}, 7),
        ("no number", {"nhs_number": None}, 8),
        ("no number, names exchanged, moved", UNNUMBERED | {"surname": "Zara", "forenames": "Hale", "postcode": ""}, 9),
        ("no number, wrong day", {"nhs_number": None, "date_of_birth": "1961-07-14"}, 10),
        ("no number, married", {"nhs_number": None, "surname": "Moss"}, 11),
        ("no number, misspelt, initial", {"nhs_number": None, "surname": "Hail", "forenames": "Z"}, 12),
        ("no number, no names", {"nhs_number": None, "surname": None, "forenames": None}, 13),
        ("no number, misspelt, moved", {"nhs_number": None, "surname": "Hail", "postcode": "LS2 9JT"}, 14),
        ("no number, no sex, moved", {"nhs_number": None, "sex": None, "postcode": "LS2 9JT"}, 15),
    ],
)  # fmt: skip
def test_one_person_recorded_in_two_ways_is_one_person(
    bench: LinkageBench, label: str, changes: dict[str, object], step: int
) -> None:
    """Each way of recording one person twice is joined, at the step that the ladder says."""
    persons = _link(bench, BASE, BASE | changes)
    assert persons["a"] == persons["b"], label
    assert bench.links()["b"][0] == step


@pytest.mark.parametrize(
    ("label", "changes"),
    [
        ("another number, all else the same", {"nhs_number": OTHER_NUMBER}),
        ("twins: another forename, no number", {"nhs_number": None, "forenames": "Ada"}),
        ("a neighbour of the same birthday, no names, other sex", UNNUMBERED | NAMELESS | {"sex": "M"}),
        ("a namesake born another year", {"nhs_number": None, "date_of_birth": "1975-02-02", "postcode": "LS2 9JT"}),
        ("a parent's number on a child", {"forenames": "Ada", "date_of_birth": "1990-10-10", "postcode": "LS2 9JT"}),
    ],
)  # fmt: skip
def test_two_people_who_look_alike_stay_two(bench: LinkageBench, label: str, changes: dict[str, object]) -> None:
    """Guards: numbers that contradict, twins, neighbours, namesakes, a number given to a child."""
    persons = _link(bench, BASE, BASE | changes)
    assert persons["a"] != persons["b"], label


def test_who_fits_two_persons_is_linked_to_neither(bench: LinkageBench) -> None:
    """A record without number and names that fits two people of one house is left alone, and says why."""
    twin = BASE | {"nhs_number": OTHER_NUMBER, "forenames": "Ada"}
    bare = {"sex": "F", "date_of_birth": "1961-07-04", "postcode": "LS1 4AP"}
    persons = _link(bench, BASE, twin, bare)
    assert len(set(persons.values())) == 3
    assert bench.links()["c"] == (0, "several_candidates", False)


def test_a_chain_never_joins_two_numbers(bench: LinkageBench) -> None:
    """A record without a number that agrees with one person by name and with another by house joins no two."""
    one = BASE | {"postcode": "LS2 9JT"}
    two = BASE | {"nhs_number": OTHER_NUMBER}
    between = BASE | {"nhs_number": None}
    persons = _link(bench, one, two, between)
    assert persons["a"] != persons["b"]


def test_a_neighbours_number_does_not_keep_a_person_apart(bench: LinkageBench) -> None:
    """The hospital took down Zara's neighbour's number, which two datasets know as the neighbour's: Zara is found."""
    neighbour = {
        "nhs_number": OTHER_NUMBER,
        "surname": "Moss",
        "forenames": "Omar",
        "sex": "M",
        "date_of_birth": "1949-11-23",
        "postcode": "LS1 4AP",
    }
    bench.deliver("gp", "gp_patients", [BASE | {"local_id": "zara"}, neighbour | {"local_id": "omar"}], {})
    mistaken = BASE | {"nhs_number": OTHER_NUMBER}
    rows = [mistaken | {"local_id": "zara-again"}, neighbour | {"local_id": "omar-again"}]
    bench.deliver("hospital", "hospital_episodes", rows, {})
    bench.linker.link(by="service:test")  # type: ignore[arg-type]
    persons = bench.persons()
    assert persons["zara"] == persons["zara-again"]
    assert persons["omar"] == persons["omar-again"] != persons["zara"]
    assert bench.links()["zara-again"][0] == 8


def test_a_planted_number_takes_nobodys_guard_away(bench: LinkageBench) -> None:
    """Twins with numbers of their own stay two, though a third dataset holds a row of one twin's bare number."""
    twins = [{"forenames": "Maryam", "local_id": "a"}, {"forenames": "Mina", "local_id": "b"}]
    bench.deliver("hospital", "hospital_episodes", [BASE | twins[0]], {})
    bench.deliver("gp", "gp_patients", [BASE | twins[1] | {"nhs_number": OTHER_NUMBER}], {})
    bench.deliver("social_care", "events", [{"nhs_number": BASE["nhs_number"], "local_id": "planted"}], {})
    bench.linker.link(by="service:test")  # type: ignore[arg-type]
    persons = bench.persons()
    assert persons["a"] != persons["b"]


def test_a_number_that_nobody_else_has_keeps_its_own(bench: LinkageBench) -> None:
    """Without another holder, a number that differs is the person's own: they stay two."""
    bench.deliver("gp", "gp_patients", [BASE | {"local_id": "a"}], {})
    bench.deliver("hospital", "hospital_episodes", [BASE | {"nhs_number": OTHER_NUMBER, "local_id": "b"}], {})
    bench.linker.link(by="service:test")  # type: ignore[arg-type]
    persons = bench.persons()
    assert persons["a"] != persons["b"]


def test_a_record_with_too_little_is_a_one_time_person(bench: LinkageBench) -> None:
    """Sex and a year say nothing: the row is kept under a person of its own, flagged as not linked."""
    _link(bench, BASE, {"sex": "F"})
    assert bench.links()["b"] == (0, "too_little", False)


def test_fillers_join_nobody(bench: LinkageBench) -> None:
    """Two people recorded as UNKNOWN BABY, born 1 January 1900 in ZZ99, are not one person."""
    filler = {
        "surname": "UNKNOWN",
        "forenames": "BABY",
        "date_of_birth": "1900-01-01",
        "postcode": "ZZ99 3VZ",
        "sex": "F",
    }
    persons = _link(bench, filler | {"address": "1"}, filler | {"nhs_number": "123"})
    assert persons["a"] != persons["b"]
