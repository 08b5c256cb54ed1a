"""The residual within a linkage: what the ladder left is weighed, joined, or asked about."""

from __future__ import annotations

import json
import math

import pytest

from linkage.matching.ladder import DECIDED_STEP, MODEL_STEP, NOT_JOINED
from linkage.matching.residual.errors import TooManyCandidates
from linkage.matching.residual.reduction import BETWEEN, Bounds
from linkage.matching.residual.settling import ResidualPlan
from linkage.matching.residual.weighing import NOTHING_WEIGHED
from tests.fakes.deliveries import nhs_number
from tests.fakes.linkage_models import made_model
from tests.fakes.linkage_zone import ADA, LinkageZone, Row

WITH_MODEL = ResidualPlan(made_model(), "model")
MISHEARD = {"surname": "Warrington", "date_of_birth": "1951-03-19"}
"""No step of the ladder joins Ada and this; forename, sex and postcode agree, the birthday in all but one sign."""


def _row(dataset: str, name: str, **changes: str | None) -> Row:
    return {**ADA, "dataset": dataset, "local_id": name, **changes}


def _linked(plan: ResidualPlan, *rows: Row) -> LinkageZone:
    zone = LinkageZone(plan)
    zone.bring("first", rows)
    zone.link()
    return zone


def test_without_a_model_the_ladder_stands_alone() -> None:
    """Nobody approved a model: who no step joins stays apart, and nobody is asked."""
    zone = _linked(ResidualPlan(), _row("gp", "a"), _row("hospital", "b", **MISHEARD))
    assert (zone.together(), zone.doubtful()) == ({frozenset("a"), frozenset("b")}, set())


def test_the_model_joins_whom_no_step_joined() -> None:
    """A pair that weighs enough is one person, by the model's step, with the weight and its parts kept."""
    zone = _linked(WITH_MODEL, _row("gp", "a"), _row("hospital", "b", **MISHEARD))
    assert zone.together() == {frozenset("ab")}
    assert set(zone.steps().values()) == {MODEL_STEP}
    rows = zone.zone.execute("SELECT DISTINCT score, field_scores FROM links").fetchall()
    assert len(rows) == 1
    score, fields = rows[0][0], json.loads(rows[0][1])
    assert fields["forename"] < 1 < fields["born"]  # everybody here is called Ada: agreeing on it says nothing
    assert fields["nhs_number"] is None
    prior = made_model().prior
    odds = math.log2(prior / (1 - prior))
    assert score == pytest.approx(sum(weight for weight in fields.values() if weight) + odds, abs=0.01)


def test_a_household_is_never_joined_by_the_machine() -> None:
    """Neither birthday nor forename speaks for it: a mother's number in her child's record goes to people."""
    number = nhs_number(1)
    mother = _row("gp", "mother", nhs_number=number, date_of_birth="1951-03-14", forenames=None)
    child = _row("hospital", "child", nhs_number=number, date_of_birth="1984-11-02", forenames="Zoe")
    zone = _linked(WITH_MODEL, mother, child)
    assert zone.together() == {frozenset({"mother"}), frozenset({"child"})}
    assert zone.doubtful() == {(frozenset({"mother", "child"}), BETWEEN)}


def test_what_is_found_in_two_datasets_is_not_weighed_with_itself() -> None:
    """Two people whom the ladder found in both datasets are left as they are: only the lone look for company."""
    twin = {"forenames": "Ann", "date_of_birth": "1951-03-19"}
    zone = _linked(
        WITH_MODEL,
        _row("gp", "a"),
        _row("hospital", "b"),
        _row("gp", "c", **twin),
        _row("hospital", "d", **twin),
    )
    assert zone.together() == {frozenset("ab"), frozenset("cd")}
    assert MODEL_STEP not in zone.steps().values()


def test_a_decision_joins_and_is_told_apart() -> None:
    """A reviewer's word joins what the model left, from the next linkage on, by a step of its own."""
    plan = ResidualPlan(made_model(), "model", bounds=Bounds(accept=40.0, ask=4.0))
    zone = _linked(plan, _row("gp", "a"), _row("hospital", "b", **MISHEARD))
    assert zone.doubtful() == {(frozenset("ab"), BETWEEN)}
    zone.decide("a", "b", same=True)
    zone.link()
    assert (zone.together(), zone.doubtful()) == ({frozenset("ab")}, set())
    assert set(zone.steps().values()) == {DECIDED_STEP}


def test_a_decision_keeps_apart() -> None:
    """Called different, two heavy records stay apart; looked at anew with everybody, still."""
    zone = LinkageZone(WITH_MODEL)
    zone.bring("first", [_row("gp", "a")])
    zone.link()
    zone.bring("second", [_row("hospital", "b", **MISHEARD)])
    zone.plan = ResidualPlan(made_model(), "model", bounds=Bounds(accept=40.0))
    zone.link()
    zone.decide("a", "b", same=False)
    zone.plan = ResidualPlan(made_model(), "model", zone.plan.decisions)
    for everybody in (False, True):
        zone.link(everybody=everybody)
        assert (zone.together(), zone.doubtful()) == ({frozenset("a"), frozenset("b")}, set())


def test_a_decision_outlives_the_delivery_that_raised_it() -> None:
    """The same record in a corrected delivery is the same subject: the reviewer is not asked twice."""
    plan = ResidualPlan(made_model(), "model", bounds=Bounds(accept=40.0))
    zone = _linked(plan, _row("gp", "a"), _row("hospital", "b", **MISHEARD))
    zone.decide("a", "b", same=True)
    zone.bring("again", [_row("gp", "a2"), _row("hospital", "b2", **MISHEARD)])
    zone.counting.remove("first")
    zone.link()
    assert (zone.together(), zone.doubtful()) == ({frozenset({"a2", "b2"})}, set())


def test_a_new_model_finds_anew() -> None:
    """Looked at anew under a model, who was left apart by the ladder is joined; withdrawn, they are apart again."""
    zone = _linked(ResidualPlan(), _row("gp", "a"), _row("hospital", "b", **MISHEARD))
    for plan, together in ((WITH_MODEL, {frozenset("ab")}), (ResidualPlan(), {frozenset("a"), frozenset("b")})):
        zone.plan = plan
        zone.link(everybody=True)
        assert zone.together() == together


def test_too_many_pairs_are_refused_before_any_is_made() -> None:
    """Above the budget nothing is compared, the error says how many and which setting, and names nobody."""
    rows = [_row("gp", f"g{n}", surname=f"Name{chr(65 + n)}", date_of_birth=f"19{50 + n}-03-14") for n in range(20)]
    rows += [
        _row("hospital", f"h{n}", surname=f"Other{chr(65 + n)}", date_of_birth=f"19{20 + n}-05-16") for n in range(20)
    ]
    with pytest.raises(TooManyCandidates) as refused:
        _linked(ResidualPlan(made_model(), "model", most_pairs=10), *rows)
    assert refused.value.where == "linkage.most_pairs"
    assert "the budget is 10" in str(refused.value)
    assert "Name" not in str(refused.value)


def test_nothing_left_over_is_no_error() -> None:
    """With a model and nobody left over, linkage ends as the ladder's."""
    zone = _linked(WITH_MODEL, _row("gp", "a"), _row("hospital", "b"))
    assert zone.together() == {frozenset("ab")}
    assert NOT_JOINED not in zone.steps().values()
    assert NOTHING_WEIGHED.is_empty()


def test_told_apart_the_rest_finds_each_other_again() -> None:
    """Of three that the ladder joined one is told apart: with a model the other two are one person again."""
    alike = {"surname": "Harrington", "forenames": "Ada"}
    zone = _linked(WITH_MODEL, _row("gp", "a"), _row("hospital", "b", **alike), _row("care", "c", surname="Harington"))
    assert zone.together() == {frozenset("abc")}
    zone.decide("a", "c", same=False)
    zone.decide("b", "c", same=False)
    for everybody in (False, True):
        zone.link(everybody=everybody)
        assert zone.together() == {frozenset("ab"), frozenset("c")}


N = nhs_number(1)
OF_ONE_NUMBER = (
    _row("gp", "a", nhs_number=N),
    _row("hospital", "b", nhs_number=N, postcode="LS2 9JT"),
    _row("hospital", "c", nhs_number=N, postcode="LS3 1AA"),
    _row("care", "d", nhs_number=N, sex=None),
    _row("deaths", "e", nhs_number=N, postcode=None),
    _row("care", "x", nhs_number=N, surname="Other", forenames="Zoe", postcode="LS9 9ZZ", date_of_birth="1951-03-15"),
)


@pytest.mark.parametrize("plan", [ResidualPlan(), WITH_MODEL], ids=["ladder alone", "with a model"])
def test_one_told_apart_leaves_the_others_one_person(plan: ResidualPlan) -> None:
    """What the ladder joins more surely than with the stranger stays joined; nobody else is asked or flagged."""
    zone = _linked(plan, *OF_ONE_NUMBER)
    assert zone.together() == {frozenset("abcdex")}
    zone.decide("a", "x", same=False)
    for everybody in (False, True):
        zone.link(everybody=everybody)
        assert zone.together() == {frozenset("abcde"), frozenset("x")}
        assert zone.doubtful() == set()
        assert set(zone.steps().values()) <= {NOT_JOINED, 1, 2, 3}


@pytest.mark.parametrize("plan", [ResidualPlan(), WITH_MODEL], ids=["ladder alone", "with a model"])
def test_what_fits_both_who_were_told_apart_is_asked_about(plan: ResidualPlan) -> None:
    """Rows without names agree equally with both: they stay one person's, and whose is for people to say."""
    nameless = {"surname": None, "forenames": None, "nhs_number": N}
    zone = LinkageZone(plan, registers=["gp"])
    zone.bring(
        "first",
        [
            _row("gp", "g", nhs_number=N), _row("hospital", "h", **nameless),
            _row("hospital", "i", **nameless, postcode=None),
            _row("care", "x", nhs_number=N, surname="Other", forenames="Zoe"),
        ],
    )  # fmt: skip
    zone.link()
    zone.decide("g", "x", same=False)
    zone.link()
    assert zone.together() == {frozenset("g"), frozenset("hi"), frozenset("x")}
    asked = {pair for pair, _ in zone.doubtful()}
    assert len(asked) == 2
    assert all(len(pair & set("hi")) == 1 for pair in asked)
    (mine,) = [next(iter(pair & set("hi"))) for pair in asked if "g" in pair]
    zone.decide("g", mine, same=True)
    zone.link()
    assert zone.together() == {frozenset("ghi"), frozenset("x")}
    assert zone.doubtful() == set()
