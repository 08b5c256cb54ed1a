"""How many records may share a value? So many of each dataset; what one adds takes nobody from the others."""

from __future__ import annotations

import pytest

from linkage.matching.joining import LARGEST_GROUP
from tests.fakes.linkage_zone import ADA, LinkageZone

NUMBER = "9434765919"


def _people(hospital: int) -> tuple[int, str, str]:
    """How many people the records of Ada, each spelt otherwise, become; whose are the first and the GP's."""
    ada = {**ADA, "nhs_number": NUMBER}
    names = [f"Ada{chr(65 + number // 26)}{chr(65 + number % 26)}" for number in range(hospital)]
    rows = [{**ada, "dataset": "hospital", "forenames": name, "local_id": f"h{n}"} for n, name in enumerate(names)]
    zone = LinkageZone()
    zone.bring("one", [*rows, {**ada, "dataset": "gp", "local_id": "g"}])
    zone.link()
    persons = zone.persons()
    return len(set(persons.values())), persons["h0"], persons["g"]


@pytest.mark.parametrize("hospital", [LARGEST_GROUP - 1, LARGEST_GROUP])
def test_datasets_that_are_large_only_together_are_one_person(hospital: int) -> None:
    """No dataset has too many, so that one more record of another splits nobody."""
    people, first, gp = _people(hospital)
    assert people == 1
    assert first == gp


def test_more_records_of_one_dataset_than_a_person_has_join_nobody() -> None:
    """They stay apart, from each other too."""
    people, first, gp = _people(LARGEST_GROUP + 1)
    assert people == LARGEST_GROUP + 2
    assert first != gp
