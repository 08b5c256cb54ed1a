"""Models: trained without labels, approved by another person, used only for what they were made for."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from access.decisions import RefusedError
from audit.events import EventName
from audit.model import service
from linkage.matching.ladder import MODEL_STEP
from linkage.matching.residual import kept_models, training
from linkage.matching.residual.errors import NoModel, NothingToLearnFrom
from linkage.matching.residual.kept_models import kept_model
from linkage.matching.residual.models import TRAINING_FLOW
from linkage.matching.residual.store import LinkageModel
from linkage.matching.service import Linker
from linkage.private_folders import EXCHANGE, IN_USE
from linkage.specified.engine import SplinkEngine
from tests.fakes.linkage_models import ENGINEER, REVIEWER, TRAINER, approved_model, reviewers
from tests.fakes.people_to_learn_from import PEOPLE, deliver_people, one_person
from tests.fakes.zones import LinkageBench

BY = service("test")


@pytest.fixture
def bench(tmp_path: Path) -> LinkageBench:
    """Four hundred people in two deliveries, some misspelt in the second, and people to act."""
    bench = LinkageBench(tmp_path)
    access = reviewers(bench.records)
    bench.linker = Linker(bench.zones, bench.keyring, bench.records, tmp_path / "reports", access=access)
    deliver_people(bench)
    return bench


def _events(bench: LinkageBench, name: EventName) -> int:
    return sum(event.name == name for event in bench.records.log.events)  # type: ignore[attr-defined]


def test_a_model_is_not_used_before_another_person_approved_it(bench: LinkageBench) -> None:
    """Trained by Tom, it waits; Tom may not approve it though he is a reviewer; Rosa may; then it is in force."""
    models = bench.linker.models
    trained = models.train(by=TRAINER)
    assert (trained.approved_by, models.in_force()) == (None, None)
    with pytest.raises(RefusedError) as refused:
        models.approve(trained.id, by=TRAINER)
    assert "linkage.own_model" in str(refused.value.as_dict())
    assert _events(bench, EventName.LINKAGE_APPROVE_REFUSED) == 1
    models.approve(models.the_waiting_one().id, by=REVIEWER)
    with pytest.raises(NoModel, match="No model waits"):
        models.the_waiting_one()
    assert models.in_force() == trained.id


def test_identifiers_are_spilled_within_the_zone_only(bench: LinkageBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training and weighing tell the engine the zone's folder, and what a killed one left there goes first."""
    exchange = bench.zones.folder("linkage") / EXCHANGE
    left, told, load = exchange / "spill-left", [], SplinkEngine._load

    def loaded(engine: SplinkEngine, *given: Any) -> None:
        told.append(Path(str(engine.con.execute("SELECT current_setting('temp_directory')").fetchall()[0][0])))
        load(engine, *given)

    monkeypatch.setattr(SplinkEngine, "_load", loaded)
    for act in (
        lambda: bench.linker.models.train(by=TRAINER),
        lambda: (approved_model(bench), bench.linker.link(by=BY)),
    ):
        left.mkdir(parents=True)
        (left / IN_USE).touch()
        told.clear()
        act()
        assert told
        assert {one.parent for one in told} == {exchange}
        assert not list(exchange.iterdir())


def test_only_the_roles_that_may_do_so_train_and_approve(bench: LinkageBench) -> None:
    """A reviewer does not train, an engineer does not approve; each refusal is recorded."""
    with pytest.raises(RefusedError):
        bench.linker.models.train(by=REVIEWER)
    trained = bench.linker.models.train(by=TRAINING_FLOW)
    for nobody in (ENGINEER, service("linkage"), "person:stranger"):
        with pytest.raises(RefusedError):
            bench.linker.models.approve(trained.id, by=nobody)
    assert _events(bench, EventName.LINKAGE_TRAIN_REFUSED) == 1
    assert _events(bench, EventName.LINKAGE_APPROVE_REFUSED) == 3


def test_the_same_data_give_the_same_model(bench: LinkageBench) -> None:
    """Trained again on the same records it is the same model, and its approval stands."""
    first = bench.linker.models.train(by=TRAINER)
    bench.linker.models.approve(first.id, by=REVIEWER)
    again = bench.linker.models.train(by=TRAINER)
    assert (again.id, again.approved_by) == (first.id, REVIEWER)


def test_a_model_and_its_card_tell_of_nobody(bench: LinkageBench) -> None:
    """Numbers only: no name, postcode, number or exact count of what was learned from."""
    trained = bench.linker.models.train(by=TRAINER)
    with bench.zones.linkage(read_only=True) as zone:
        text = json.dumps([kept_model(zone, trained.id).model_dump(), trained.card]).upper()
    for person in (one_person(n, "g") for n in range(PEOPLE)):
        for field in ("nhs_number", "surname", "postcode", "date_of_birth"):
            assert str(person[field]).upper() not in text
    assert trained.card["learned_from"]["gp"] == "400"
    assert set(trained.card["columns"]) == {"surname", "forename", "born", "sex", "postcode", "nhs_number"}


def test_an_approval_has_everybody_looked_at_anew(bench: LinkageBench) -> None:
    """With nothing delivered since, the next linkage is done all the same, by the model, and says which."""
    bench.linker.link(by=BY)
    assert bench.linker.link(by=BY).nothing_new
    trained = bench.linker.models.train(by=TRAINER)
    assert bench.linker.link(by=BY).nothing_new
    bench.linker.models.approve(trained.id, by=REVIEWER)
    bench.clock.at += timedelta(hours=1)
    done = bench.linker.link(by=BY)
    assert (done.nothing_new, done.model) == (False, trained.id)
    assert bench.linker.link(by=BY).nothing_new
    assert max(step for step, _, _ in bench.links().values()) <= MODEL_STEP


def test_a_model_for_another_version_is_not_used(bench: LinkageBench) -> None:
    """Made for another specification or engine, an approved model is not in force and another cannot be approved."""
    trained = bench.linker.models.train(by=TRAINER)
    bench.linker.models.approve(trained.id, by=REVIEWER)
    with Session(bench.records.engine) as session:
        session.get_one(LinkageModel, trained.id).engine = "duckdb 4.0.0"
        session.commit()
    assert bench.linker.models.in_force() is None
    with pytest.raises(RefusedError):
        bench.linker.models.approve(trained.id, by=REVIEWER)


def test_a_change_of_the_rules_asks_for_a_model_trained_anew(
    bench: LinkageBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under another standardisation the approved model is not used, by records or by zone, and the run says so."""
    models, approved = bench.linker.models, approved_model(bench)
    assert (models.in_force(), models.must_be_trained_anew()) == (approved, False)
    for module in (kept_models, training):
        monkeypatch.setattr(module, "STANDARDISATION", "2099.1")
    assert (models.in_force(), models.get(approved).fits) == (None, False)
    with bench.zones.linkage(read_only=True) as zone, pytest.raises(NoModel, match="other rules"):
        kept_model(zone, approved)
    done = bench.linker.link(by=BY)
    assert (done.model, done.model_outgrown) == (None, True)
    anew = models.train(by=TRAINER)
    assert (anew.fits, anew.card["standardisation"]) == (True, "2099.1")
    bench.clock.at += timedelta(hours=1)
    models.approve(anew.id, by=REVIEWER)
    assert (models.in_force(), models.must_be_trained_anew()) == (anew.id, False)


def test_a_model_of_before_the_zone_kept_them_is_trained_again(bench: LinkageBench) -> None:
    """An older home's approved model says no standardisation: it is not in force; linking goes on, and says so."""
    approved = approved_model(bench)
    with Session(bench.records.engine) as session:
        session.get_one(LinkageModel, approved).standardisation = None
        session.commit()
    done = bench.linker.link(by=BY)
    assert (done.model, done.model_outgrown) == (None, True)


def test_a_zone_that_lost_its_model_says_so(bench: LinkageBench) -> None:
    """Records restored without their zone: the approved digest is refused by the zone, with how to mend it."""
    approved_model(bench)
    with bench.zones.linkage() as zone:
        zone.execute("DELETE FROM models")
    with pytest.raises(NoModel, match="does not hold this model") as refused:
        bench.linker.link(by=BY)
    assert "haven linkage train" in str(refused.value.mend)


def test_names_that_fit_no_model_or_several(bench: LinkageBench) -> None:
    """A model is named by its id or the beginning of one; nothing, and what fits none, is an error that says so."""
    trained = bench.linker.models.train(by=TRAINER)
    assert bench.linker.models.get(trained.id[:8]).id == trained.id
    for name in ("", "zzzz"):
        with pytest.raises(NoModel):
            bench.linker.models.get(name)


def test_nothing_received_is_nothing_to_learn_from(tmp_path: Path) -> None:
    """Without a delivery training ends with a sentence, not with a model of nothing."""
    bench = LinkageBench(tmp_path)
    linker = Linker(bench.zones, bench.keyring, bench.records, tmp_path / "r", access=reviewers(bench.records))
    with pytest.raises(NothingToLearnFrom):
        linker.models.train(by=TRAINER)
