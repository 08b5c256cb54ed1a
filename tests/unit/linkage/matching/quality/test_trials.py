"""The trials measure what they say: on people of whom it is known what a linkage without numbers must miss."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from linkage.matching.quality import trials
from linkage.matching.quality.trials import decoys, hidden_numbers
from linkage.matching.residual.settling import LADDER_ONLY, ResidualPlan
from tests.fakes.deliveries import nhs_number
from tests.fakes.linkage_models import made_model
from tests.fakes.linkage_zone import KEY, LinkageZone, Row

PEOPLE = 240
INWARD = "ABDEFGHJLNPQRSTUWXYZ"  # the letters that end a postcode


def _person(number: int) -> dict[str, str | None]:
    letters = f"{INWARD[number % 20]}{INWARD[number // 20 % 20]}"
    return {
        "nhs_number": nhs_number(number),
        "surname": f"Bel{letters}mont",
        "forenames": f"{chr(65 + number * 7 % 26)}ora",
        "sex": "FM"[number % 2],
        "date_of_birth": f"19{40 + number % 50}-{1 + number % 12:02d}-{2 + number % 26:02d}",
        "postcode": f"LS{1 + number % 9} {number % 10}{letters}",
    }


def _zone(second: Callable[[int], Row], plan: ResidualPlan = LADDER_ONLY) -> LinkageZone:
    """Everybody at the practice, and as `second` has them in hospital."""
    zone = LinkageZone(plan)
    zone.bring("gp", [{**_person(n), "dataset": "gp", "local_id": f"g{n}"} for n in range(PEOPLE)])
    zone.bring("hospital", [{**second(n), "dataset": "hospital", "local_id": f"h{n}"} for n in range(PEOPLE)])
    zone.link()
    return zone


def test_who_is_recorded_whole_is_not_missed() -> None:
    """With names, birthday and postcode everybody is found without their number, by a step that needs none."""
    trial = hidden_numbers(_zone(_person).zone, LADDER_ONLY, test_range=True)
    assert trial is not None
    assert (trial.tried, trial.found, trial.wrong) == (PEOPLE, PEOPLE, 0)
    assert [(one.step, one.joined, one.wrong) for one in trial.by_step] == [(8, PEOPLE, 0)]


def test_who_is_recorded_by_number_only_is_missed() -> None:
    """Every second one has nothing but number, birthday and sex in hospital: those are missed, the others are not."""

    def second(number: int) -> Row:
        bare = {"surname": None, "forenames": None, "postcode": None}
        return _person(number) | (bare if number % 2 else {})

    trial = hidden_numbers(_zone(second).zone, LADDER_ONLY, test_range=True)
    assert trial is not None
    assert (trial.tried, trial.found) == (PEOPLE, PEOPLE // 2)
    assert sum(found for _, _, found in trial.by_dataset) == PEOPLE // 2


def test_a_wrong_join_is_seen() -> None:
    """In hospital everybody is recorded as the next person but for the number: without it all are joined wrong."""

    zone = LinkageZone()
    zone.bring("gp", [{**_person(n), "dataset": "gp", "local_id": f"g{n}"} for n in range(PEOPLE)])
    rows = [
        {**_person((n + 1) % PEOPLE), "nhs_number": nhs_number(n), "dataset": "hospital", "local_id": f"h{n}"}
        for n in range(PEOPLE)
    ]
    zone.bring("hospital", rows)
    zone.link()
    trial = hidden_numbers(zone.zone, LADDER_ONLY, test_range=True)
    assert trial is not None
    hidden_here = trial.tried - trial.found
    assert trial.found == 0
    assert trial.wrong > 0.4 * hidden_here


def test_the_model_counts() -> None:
    """With a model, who is misspelt and has another birthday is found in the trial too, by the model's step."""

    def second(number: int) -> Row:
        person = _person(number)
        misspelt = {"surname": f"W{(person['surname'] or '')[1:]}", "date_of_birth": "1901-05-05"}
        return person | (misspelt if number % 3 == 0 else {})

    plan = ResidualPlan(made_model(), "model")
    zone = _zone(second, plan)
    without = hidden_numbers(zone.zone, LADDER_ONLY, test_range=True)
    with_model = hidden_numbers(zone.zone, plan, test_range=True)
    assert without is not None
    assert with_model is not None
    assert with_model.found > without.found


@pytest.mark.parametrize("plan", [LADDER_ONLY, ResidualPlan(made_model(), "model")])
def test_decoys_of_three_people_are_nobody(plan: ResidualPlan) -> None:
    """Where people are told apart by any two of their parts, no decoy is joined."""
    trial = decoys(_zone(_person, plan).zone, plan, KEY, test_range=True)
    assert trial is not None
    assert trial.tried > PEOPLE
    assert (trial.found, trial.wrong) == (0, 0)


def test_decoys_show_a_ladder_that_joins_too_much() -> None:
    """Where all share one birthday, sex and address, and nobody has a number, most decoys are taken in."""

    def alike(number: int) -> Row:
        return _person(number) | {"nhs_number": None, "date_of_birth": "1950-05-05", "postcode": "LS1 1AA", "sex": "F"}

    zone = LinkageZone()
    zone.bring("gp", [{**alike(n), "dataset": "gp", "local_id": f"g{n}"} for n in range(PEOPLE)])
    zone.link()
    trial = decoys(zone.zone, LADDER_ONLY, KEY, test_range=True)
    assert trial is not None
    assert trial.wrong > 0.9 * trial.tried


def test_too_few_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below FEWEST there is no trial rather than a share that tells nothing."""
    monkeypatch.setattr(trials, "FEWEST", 10_000)
    zone = _zone(_person).zone
    assert hidden_numbers(zone, LADDER_ONLY, test_range=True) is None
    assert decoys(zone, LADDER_ONLY, KEY, test_range=True) is None


def test_a_trial_changes_nothing() -> None:
    """Links, evidence and questions are the same after both trials."""
    zone = _zone(_person)
    before = [zone.zone.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in ("links", "evidence", "doubtful")]
    hidden_numbers(zone.zone, LADDER_ONLY, test_range=True)
    decoys(zone.zone, LADDER_ONLY, KEY, test_range=True)
    after = [zone.zone.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in ("links", "evidence", "doubtful")]
    assert before == after
