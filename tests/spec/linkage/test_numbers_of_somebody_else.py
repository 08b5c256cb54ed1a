"""A register took down, for one person, the NHS number of another of the house: whose is the record?"""

from __future__ import annotations

import pytest

from tests.fakes.linkage_zone import ADA, LinkageZone, Row, Together

OF_HALE, OF_OTHER = "9990000018", "9990000026"
OLDER: Row = ADA | {"nhs_number": OF_HALE}
OTHERS = {
    "a namesake of the house, another birthday": {"date_of_birth": "1987-11-26"},
    "a brother or sister of the same month": {"forenames": "Ruth", "date_of_birth": "1951-03-02"},
    "a twin": {"forenames": "Ruth"},
    "a child with the parent's forename and another surname": {"surname": "Moss", "date_of_birth": "1951-09-30"},
}


def _linked(*rows: tuple[str, str, Row], registers: tuple[str, ...] = ("gp", "hospital")) -> LinkageZone:
    zone = LinkageZone(registers=registers)
    zone.bring("first", [row | {"dataset": dataset, "local_id": name} for name, dataset, row in rows])
    zone.link(everybody=True)
    return zone


@pytest.mark.parametrize("who", list(OTHERS))
def test_each_record_goes_to_its_own(who: str) -> None:
    """The number's owner keeps it, and the other is found by name and birthday."""
    own = ADA | OTHERS[who] | {"nhs_number": OF_OTHER}
    mistaken = own | {"nhs_number": OF_HALE}
    owners = [("owner", "gp", OLDER), ("owner again", "hospital", OLDER)]
    zone = _linked(*owners, ("other", "gp", own), ("taken", "hospital", mistaken))
    assert zone.together() == {frozenset({"owner", "owner again"}), frozenset({"other", "taken"})}


@pytest.mark.parametrize("who", list(OTHERS))
def test_without_a_record_of_their_own_they_stay_alone(who: str) -> None:
    """Nobody else is known who could be meant: the record joins neither, and the owner is found."""
    mistaken = ADA | OTHERS[who] | {"nhs_number": OF_HALE}
    zone = _linked(("owner", "gp", OLDER), ("owner again", "hospital", OLDER), ("taken", "hospital", mistaken))
    assert zone.together() == {frozenset({"owner", "owner again"}), frozenset({"taken"})}


@pytest.mark.parametrize(
    "change", [{}, {"postcode": "LS2 9JT"}, {"surname": "Moss"}, {"forenames": "Ada Ruth"}, {"sex": None}]
)
def test_one_person_twice_in_a_register_is_one(change: dict[str, str | None]) -> None:
    """Number, birthday and the forename's beginning agree: registered twice, moved, married."""
    zone = _linked(("one", "gp", OLDER), ("two", "gp", OLDER | change), ("three", "hospital", OLDER))
    assert zone.together() == {frozenset({"one", "two", "three"})}


def test_what_is_no_register_holds_one_person_many_times() -> None:
    """Episodes of one number are one person's, however often and however differently the birthday was taken down."""
    wrong = OLDER | {"date_of_birth": "1951-03-15"}
    together: Together = _linked(
        ("one", "gp", OLDER), ("two", "hospital", OLDER), ("three", "hospital", wrong), registers=("gp",)
    ).together()
    assert together == {frozenset({"one", "two", "three"})}
