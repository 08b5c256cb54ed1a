"""The rule book of receiving: who takes a delivery in, and what is done about everybody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from access.decisions import Refused, RefusedError
from access.people.model import Person, Role
from access.people.policies import INBOX_SWEEP, may_receive
from audit.events import EventName
from audit.model import Actor, organisation, person, service
from tests.fakes.deliveries import IntakeBench, intact
from tests.fakes.people import invented_person

TODAY = date(2026, 3, 1)
DARIA = person("daria")


def _daria(*roles: Role, suspended: bool = False, ends: date = TODAY) -> Person:
    return replace(invented_person("daria", "haven", roles, ends), suspended=suspended)


def _rule(by: Actor, who: Person | None) -> str:
    decision = may_receive(by, who, TODAY)
    return decision.code if isinstance(decision, Refused) else "allowed"


@pytest.mark.parametrize("role", Role)
def test_only_a_data_engineer_takes_one_in(role: Role) -> None:
    """Of all roles, one does."""
    assert _rule(DARIA, _daria(role)) == ("allowed" if role is Role.DATA_ENGINEER else "delivery.no_engineer")


@pytest.mark.parametrize(
    ("who", "rule"),
    [
        (None, "person.unknown"),
        (_daria(Role.DATA_ENGINEER, suspended=True), "person.suspended"),
        (_daria(Role.DATA_ENGINEER, ends=TODAY - timedelta(days=1)), "person.training_expired"),
        (_daria(*(set(Role) - {Role.DATA_ENGINEER})), "delivery.no_engineer"),
    ],
)
def test_a_data_engineer_who_may_not_act_does_not(who: Person | None, rule: str) -> None:
    """Unknown, suspended, untrained, or with every other role: refused, each by its rule."""
    assert _rule(DARIA, who) == rule


@pytest.mark.parametrize("by", [organisation("gp"), service("flows"), service("linkage"), service("")])
def test_no_organisation_and_no_service_takes_one_in(by: Actor) -> None:
    """Not even where a data engineer has the same name."""
    assert _rule(by, _daria(Role.DATA_ENGINEER)) == "delivery.no_person"


def test_the_sweep_of_the_inbox_does() -> None:
    """The one service that does; a person who is called so is nobody special."""
    assert _rule(INBOX_SWEEP, None) == "allowed"
    assert _rule(person("inbox-sweep"), None) == "person.unknown"


def test_a_refusal_says_how_it_is_mended() -> None:
    """Every refusal of this policy has a reason and a mend."""
    for by, who in ((DARIA, None), (DARIA, _daria(Role.AUDITOR)), (organisation("gp"), None)):
        decision = may_receive(by, who, TODAY)
        assert isinstance(decision, Refused)
        assert decision.reason
        assert decision.mend


def test_it_is_asked_before_anything_is_read_and_recorded(tmp_path: Path) -> None:
    """Refused before it is looked whether there is a delivery, or what lies in the intake; the log says who and why."""
    bench = IntakeBench(tmp_path / "home")
    debris = bench.intake.reports_folder / "of-a-crash"
    debris.mkdir(parents=True)
    with pytest.raises(RefusedError) as refusal:
        bench.intake.receive(tmp_path / "nothing", by=person("asha"))
    assert refusal.value.refused.code == "person.unknown"
    assert debris.exists()
    event = bench.records.log.events[-1]  # type: ignore[attr-defined]
    assert (event.name, event.by) == (EventName.DELIVERY_RECEIVE_REFUSED, "person:asha")
    assert event.details == {"rule": "person.unknown"}
    assert bench.receive(intact(tmp_path / "one")).state == "received"
    assert not debris.exists()  # where it is allowed, what a crash left is removed
