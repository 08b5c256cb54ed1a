"""The clerical queue: shown field by field to reviewers only, each look recorded, and what they say feeds back."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from access.decisions import RefusedError
from audit.events import EventName
from audit.model import service
from linkage.matching.decisions import PairDecision
from linkage.matching.residual.errors import NoPair
from linkage.matching.residual.settling import ResidualPlan
from linkage.matching.residual.store import SAMPLE_OF
from linkage.matching.service import Linker
from tests.fakes.deliveries import nhs_number
from tests.fakes.linkage_models import ENGINEER, REVIEWER, SECOND_REVIEWER, approved_model, reviewers
from tests.fakes.zones import LinkageBench

BY = service("test")
COLUMNS = {"sex": "VARCHAR"}
MOTHER = {
    "local_id": "m",
    "nhs_number": nhs_number(1),
    "surname": "Okonkwo",
    "forenames": None,
    "sex": "F",
    "date_of_birth": "1951-03-14",
    "postcode": "LS1 1AA",
}
CHILD = MOTHER | {"local_id": "c", "forenames": "Zoe", "date_of_birth": "1984-11-02"}


@pytest.fixture
def bench(tmp_path: Path) -> LinkageBench:
    """A mother at the practice and a child in hospital under one number, linked with an approved model."""
    bench = LinkageBench(tmp_path)
    bench.linker = Linker(
        bench.zones, bench.keyring, bench.records, tmp_path / "reports", access=reviewers(bench.records)
    )
    approved_model(bench)
    bench.deliver("gp", "gp_patients", [MOTHER], COLUMNS)
    bench.deliver("hospital", "episodes", [CHILD], COLUMNS)
    bench.linker.link(by=BY)
    return bench


def _later(bench: LinkageBench) -> None:
    bench.clock.at += timedelta(hours=1)


def test_the_queue_names_nobody(bench: LinkageBench) -> None:
    """What waits is subjects and weights; no value of a record stands in the records database."""
    (pair,) = bench.linker.queue.waiting()
    kept = " ".join(str(value) for value in vars(pair).values()).upper()
    values = {str(value).upper() for person in (MOTHER, CHILD) for value in person.values() if value}
    assert not [value for value in values if len(value) > 2 and value in kept]
    assert pair.fields["nhs_number"] > 0 > pair.fields["born"]


def test_a_reviewer_sees_both_records_and_the_look_is_recorded(bench: LinkageBench) -> None:
    """Field by field with each column's weight, under the reviewer's name in the log, without a value there."""
    (pair,) = bench.linker.queue.waiting()
    shown = bench.linker.queue.show(pair.id, by=REVIEWER)
    fields = {field.name: field for field in shown.fields}
    assert set(fields["date_of_birth"].written) == {"1951-03-14", "1984-11-02"}
    assert fields["surname"].written == ("Okonkwo", "Okonkwo")
    assert sum(shown.parts) == pytest.approx(pair.weight, abs=0.01)
    assert set(shown.datasets) == {"gp", "hospital"}
    (look,) = [e for e in bench.records.log.events if e.name == EventName.LINKAGE_PAIR_SHOWN]  # type: ignore[attr-defined]
    assert look.by == REVIEWER
    assert "Okonkwo" not in str(look)


def test_nobody_else_sees_or_decides(bench: LinkageBench) -> None:
    """An engineer and a stranger are refused before anything is read, and the refusal is recorded."""
    (pair,) = bench.linker.queue.waiting()
    for nobody in (ENGINEER, "person:stranger", service("linkage")):
        with pytest.raises(RefusedError):
            bench.linker.queue.show(pair.id, by=nobody)
        with pytest.raises(RefusedError):
            bench.linker.queue.decide(pair.id, True, by=nobody)
    events = [e.name for e in bench.records.log.events]  # type: ignore[attr-defined]
    assert events.count(EventName.LINKAGE_REVIEW_REFUSED) == 6
    assert EventName.LINKAGE_PAIR_SHOWN not in events


@pytest.mark.parametrize(("same", "persons"), [(True, 1), (False, 2)])
def test_a_decision_feeds_back(bench: LinkageBench, same: bool, persons: int) -> None:
    """What the reviewer said holds from the next linkage on, is kept with name and comment, and is not asked again."""
    (pair,) = bench.linker.queue.waiting()
    bench.linker.queue.decide(pair.id, same, "registration looked up", by=REVIEWER)
    assert bench.linker.queue.waiting() == []
    _later(bench)
    done = bench.linker.link(by=BY)
    assert (done.nothing_new, done.waiting) == (False, 0)
    assert len(set(bench.persons().values())) == persons
    (kept,) = bench.linker.queue.decided()
    assert (kept.same, kept.decided_by, kept.comment) == (same, REVIEWER, "registration looked up")
    assert bench.linker.link(by=BY).nothing_new


def test_the_last_word_counts(bench: LinkageBench) -> None:
    """What was answered cannot be answered again by the way; where it is asked again, the later answer stands."""
    (pair,) = bench.linker.queue.waiting()
    bench.linker.queue.decide(pair.id, True, by=REVIEWER)
    with pytest.raises(NoPair):
        bench.linker.queue.decide(pair.id, False, by=SECOND_REVIEWER)
    plan = ResidualPlan(
        decisions=(PairDecision("a", "b", True), PairDecision("c", "d", True), PairDecision("b", "a", False))
    )
    assert {one.same for one in plan.standing if {one.subject_a, one.subject_b} == {"a", "b"}} == {False}


def test_a_pair_that_later_deliveries_settle_is_not_asked_any_more(bench: LinkageBench) -> None:
    """The hospital sends the child's own number: nothing is doubtful, and the queue is empty."""
    (pair,) = bench.linker.queue.waiting()
    received = [d for d in bench.linker._received() if d.dataset == "hospital"]
    bench.deliver("hospital", "episodes", [CHILD | {"nhs_number": nhs_number(2)}], COLUMNS, supersedes=received[0].id)
    bench.linker.link(by=BY)
    assert bench.linker.queue.waiting() == []
    with pytest.raises(NoPair):
        bench.linker.queue.show(pair.id, by=REVIEWER)


def _joined(bench: LinkageBench) -> None:
    """A woman whom the ladder joined by mistake: the practice's and the hospital's are two people."""
    ada = {
        "local_id": "a",
        "surname": "Lovelace",
        "forenames": "Ada",
        "sex": "F",
        "date_of_birth": "1960-12-10",
        "postcode": "LS2 2BB",
    }
    bench.deliver("gp", "gp_patients", [ada], COLUMNS)
    bench.deliver("hospital", "episodes", [ada | {"local_id": "b"}], COLUMNS)
    _later(bench)
    bench.linker.link(by=BY)


def test_a_sample_of_what_was_joined_is_judged(bench: LinkageBench) -> None:
    """Drawn by a reviewer, once; what is said of it is in the next report by step."""
    _joined(bench)
    queue = bench.linker.queue
    with pytest.raises(RefusedError):
        queue.draw(10, by=ENGINEER)
    assert (queue.draw(10, by=REVIEWER), queue.draw(10, by=REVIEWER)) == (1, 0)
    (pair,) = [one for one in queue.waiting() if one.why.startswith(SAMPLE_OF)]
    shown = queue.show(pair.id, by=REVIEWER)
    assert {field.written[0] for field in shown.fields} >= {"Lovelace", "1960-12-10"}
    assert (shown.weighed, shown.parts) == (False, ())  # nobody is told what the machine made of it
    queue.decide(pair.id, True, by=REVIEWER)
    _later(bench)
    done = bench.linker.link(by=BY)
    assert queue.judged() == [(8, 1, 1)]
    report = json.loads(done.reports[1].read_text(encoding="utf-8"))
    assert report["sections"]["judged"]["rows"][0][:3] == [
        "8",
        "surname, forename, date of birth, postcode",
        "fewer than 10",
    ]


def test_told_apart_they_are_apart(bench: LinkageBench) -> None:
    """Two records that a step had joined and a reviewer tells apart become two people, and stay so."""
    _joined(bench)
    assert bench.persons()["a"] == bench.persons()["b"]
    queue = bench.linker.queue
    queue.draw(10, by=REVIEWER)
    (pair,) = [one for one in queue.waiting() if one.why.startswith(SAMPLE_OF)]
    queue.decide(pair.id, False, by=REVIEWER)
    for everybody in (False, True):
        _later(bench)
        if everybody:
            bench.deliver("gp", "gp_patients", [MOTHER | {"local_id": "n", "nhs_number": nhs_number(9)}], COLUMNS)
        bench.linker.link(by=BY)
        assert bench.persons()["a"] != bench.persons()["b"]
    assert bench.links()["a"][1] == "no_match"


def test_a_later_linkage_leaves_the_sample_waiting(bench: LinkageBench) -> None:
    """A sample is no doubt of the model's: it waits until somebody answers."""
    _joined(bench)
    bench.linker.queue.draw(10, by=REVIEWER)
    bench.deliver("gp", "gp_patients", [MOTHER | {"local_id": "n", "nhs_number": nhs_number(9)}], COLUMNS)
    _later(bench)
    bench.linker.link(by=BY)
    assert [one for one in bench.linker.queue.waiting() if one.why.startswith(SAMPLE_OF)]
