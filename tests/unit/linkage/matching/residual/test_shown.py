"""What a reviewer is shown of a pair: compared as the model compared it, and every line of its weight."""

from __future__ import annotations

import math

import pytest

from linkage.matching.residual.explained import HELD_BACK, NOT_TOLD, OF_THE_REST, START
from linkage.matching.residual.kept_models import keep_model
from linkage.matching.residual.reduction import Bounds
from linkage.matching.residual.settling import ResidualPlan
from linkage.matching.residual.shown import AskedPair, ShownField, ShownPair, both_records
from tests.fakes.deliveries import nhs_number
from tests.fakes.linkage_models import AGREE, CHANCE, made_model
from tests.fakes.linkage_zone import ADA as ANYBODY
from tests.fakes.linkage_zone import AT, LinkageZone, Row

ADA: Row = {**ANYBODY, "dataset": "gp", "local_id": "a"}
MISHEARD: Row = {
    **ADA,
    "dataset": "hospital",
    "local_id": "b",
    "surname": "WARRINGTON",
    "forenames": "ada",
    "sex": "2",
    "date_of_birth": "1951-03-19",
    "postcode": "ls11aa",
}
"""The same but for capitals and codes; surname and birthday differ by a sign."""


def _asked(first: Row, second: Row, *, keep: bool = True, bounds: Bounds | None = None) -> LinkageZone:
    """Both linked under the made model, whose bounds leave the pair to people."""
    zone = LinkageZone()
    digest = keep_model(zone.zone, made_model(), {}, AT) if keep else "a model that is not kept"
    zone.plan = ResidualPlan(made_model(), digest, bounds=bounds or Bounds(accept=90.0, ask=-30.0))
    zone.bring("first", [first, second])
    zone.link()
    return zone


def _shown(zone: LinkageZone) -> tuple[ShownPair, dict[str, ShownField]]:
    ((a, b),) = zone.zone.execute("SELECT subject_a::TEXT, subject_b::TEXT FROM doubtful").fetchall()
    shown = both_records(zone.zone, AskedPair("p", a, b, why="between_thresholds"))
    assert shown is not None
    return shown, {field.name: field for field in shown.fields}


def test_what_is_written_otherwise_and_means_the_same_does_not_differ() -> None:
    """Codes and capitals are compared as what they stand for, and shown as written."""
    _, fields = _shown(_asked(ADA, MISHEARD))
    assert set(fields["sex"].written) == {"F", "2"}
    assert fields["sex"].compared == ("F", "F")
    assert set(fields["date_of_birth"].compared) == {"1951-03-14", "1951-03-19"}
    assert {name for name, field in fields.items() if field.differs} == {"surname", "date_of_birth"}


def test_each_field_has_the_level_that_the_model_found_with_its_weight() -> None:
    """In the model's words; rare values' part is told by itself; what is not known on both sides weighs nothing."""
    shown, fields = _shown(_asked(ADA, MISHEARD))
    assert fields["sex"].agreement == "same"
    assert fields["sex"].weight == pytest.approx(math.log2(AGREE / CHANCE))
    assert fields["date_of_birth"].agreement == "one sign differs"
    assert fields["forenames"].agreement == "same"
    assert fields["forenames"].rarity is not None  # everybody here is called Ada
    assert fields["forenames"].rarity < -5
    assert fields["sex"].rarity is None
    assert "nhs_number" not in fields
    prior = made_model().prior
    assert shown.others == ((START, math.log2(prior / (1 - prior))),)
    assert sum(shown.parts) == pytest.approx(shown.weight, abs=0.01)


def test_a_pair_that_is_held_back_says_so_in_a_line() -> None:
    """A mother's number in her child's record weighs more than it is judged by: the line says how much, and why."""
    number = nhs_number(1)
    mother = {**ADA, "nhs_number": number, "forenames": None}
    child = {**ADA, "dataset": "hospital", "local_id": "c", "nhs_number": number, "date_of_birth": "1984-11-02"}
    shown, _ = _shown(_asked(mother, child, bounds=Bounds()))
    assert shown.weight == 7.5
    assert [what for what, _ in shown.others] == [START, HELD_BACK]
    assert shown.others[1][1] < -1
    assert sum(shown.parts) == pytest.approx(7.5, abs=0.01)


def test_a_full_name_is_compared_as_its_parts() -> None:
    """A record with a full name only has lines for what surname and forename were read from it."""
    whole = {**MISHEARD, "surname": None, "forenames": None, "full_name": "Ada Warrington"}
    _, fields = _shown(_asked(ADA, whole))
    assert sorted(fields["surname"].written) == ["", "Harrington"]
    assert sorted(fields["surname"].compared) == ["HARRINGTON", "WARRINGTON"]
    assert fields["surname"].differs
    assert sorted(fields["full_name"].written) == ["", "Ada Warrington"]
    assert fields["full_name"].weight is None


def test_what_tells_nothing_is_said_to_and_differs_from_nothing() -> None:
    """A filler is written, stands for nothing, and weighs nothing."""
    _, fields = _shown(_asked(ADA, {**MISHEARD, "sex": "9"}))
    assert sorted(fields["sex"].written) == ["9", "F"]
    assert sorted(fields["sex"].compared) == ["", "F"]
    assert (fields["sex"].differs, fields["sex"].weight) == (False, None)


def test_without_the_model_the_kept_weights_are_shown_and_the_rest_in_one_line() -> None:
    """A zone that was linked under rules of before: no level is told, and the lines still add up."""
    shown, fields = _shown(_asked(ADA, MISHEARD, keep=False))
    assert fields["sex"].agreement is None
    assert fields["sex"].weight == pytest.approx(math.log2(AGREE / CHANCE), abs=0.001)
    assert [what for what, _ in shown.others] == [OF_THE_REST]
    assert sum(shown.parts) == pytest.approx(shown.weight, abs=1e-9)


def test_what_has_changed_since_it_was_weighed_is_a_line_of_its_own() -> None:
    """Where a value's reading has changed since the linkage, the level of now is shown, and what it differs by."""
    zone = _asked(ADA, MISHEARD)
    zone.zone.execute("UPDATE identity SET sex = 'M' WHERE local_id = 'b'")
    shown, fields = _shown(zone)
    assert (fields["sex"].agreement, fields["sex"].differs) == ("differs", True)
    assert shown.others[0][0] == f"sex: {NOT_TOLD}"
    assert sum(shown.parts) == pytest.approx(shown.weight, abs=0.01)


def test_a_zone_of_an_older_version_shows_its_pairs() -> None:
    """Its table does not say which model weighed them."""
    zone = _asked(ADA, MISHEARD)
    for column in ("model", "test_range"):
        zone.zone.execute(f"ALTER TABLE doubtful DROP COLUMN {column}")
    shown, fields = _shown(zone)
    assert fields["sex"].agreement is None
    assert sum(shown.parts) == pytest.approx(shown.weight, abs=1e-9)
