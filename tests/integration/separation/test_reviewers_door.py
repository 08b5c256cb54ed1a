"""The reviewers' door: fields to a reviewer's account at the zone's own process, subjects and answers to the rest."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from access.service import Access
from audit.events import EventName
from audit.model import person, service
from audit.progress import silent
from linkage.errors import ZoneForbids
from linkage.matching.decisions import PairDecision, RunPlan
from linkage.matching.passing import plan_as_data
from linkage.matching.residual.door import pair_name, remember
from linkage.matching.residual.errors import NoPair
from linkage.matching.residual.explained import HELD_BACK, START
from linkage.matching.residual.kept_models import keep_model
from linkage.matching.residual.review import ClericalQueue
from linkage.matching.residual.shown import AskedPair
from linkage.matching.service import Linker
from linkage.separation.client import ZonePlace, asked, connected
from linkage.separation.elsewhere import ZonesElsewhere
from linkage.separation.ports import Asker
from linkage.separation.processes import in_own_zones
from linkage.separation.reviewing import ReviewersDoor
from linkage.separation.server import ZoneServer
from linkage.store import held_deliveries
from linkage.zones import Zones
from tests.fakes.deliveries import nhs_number
from tests.fakes.linkage_models import made_model, reviewers
from tests.fakes.zones import LinkageBench

ME, BY = os.geteuid(), service("test")
MOTHER = {"local_id": "m", "nhs_number": nhs_number(1), "surname": "Okonkwo", "forenames": None, "sex": "F",
          "date_of_birth": "1951-03-14", "postcode": "LS1 1AA"}  # fmt: skip
CHILD = MOTHER | {"local_id": "c", "forenames": "Zoe", "date_of_birth": "1984-11-02"}


@pytest.fixture
def bench(tmp_path: Path) -> LinkageBench:
    """A mother at the practice and a child in hospital under one number: one doubtful pair, as a model would ask."""
    bench = LinkageBench(tmp_path)
    access = reviewers(bench.records)
    bench.linker = Linker(bench.zones, bench.keyring, bench.records, tmp_path / "reports", access=access)
    bench.deliver("gp", "gp_patients", [MOTHER], {"sex": "VARCHAR"})
    bench.deliver("hospital", "episodes", [CHILD], {"sex": "VARCHAR"})
    bench.linker.link(by=BY)
    with bench.zones.linkage() as zone:
        zone.execute(
            'INSERT INTO doubtful SELECT min(subject), max(subject), 7.5, \'{"surname": 9.8, "sex": 9.814}\','
            " 'between_thresholds', uuid(), ?, true FROM evidence",
            [keep_model(zone, made_model(), {}, bench.clock.at)],
        )
    return bench


@contextmanager
def _door(bench: LinkageBench, name: str, askers: dict[int, Asker] | None = None) -> Iterator[ReviewersDoor]:
    """The linkage zone's process, to which this account is this reviewer, unless it is one of the askers."""
    do = in_own_zones("linkage", bench.zones)
    with ZoneServer(bench.home / "s", askers or {}, do, lambda _: name) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield ReviewersDoor(ZonePlace(bench.home / "s", ME))
        server.shutdown()
        thread.join()


def _linked(bench: LinkageBench) -> list[tuple[Any, str]]:
    """Link an hour later; what the log has of pairs since the beginning."""
    bench.clock.at += timedelta(hours=1)
    bench.linker.link(by=BY)
    return [(e.name, e.by) for e in bench.records.log.events if e.name.startswith("linkage.pair_")]  # type: ignore[attr-defined]


def test_a_pair_is_shown_field_by_field_and_the_look_is_taken_into_the_log(bench: LinkageBench) -> None:
    """Both records with each column's weight; what the orchestrator takes names the pair and who looked, no field."""
    with _door(bench, "rosa") as door:
        shown, left = door.next_pair([])
        assert shown is not None
        assert door.next_pair([shown.id]) == (None, 0)
    assert (left, shown.weighed) == (1, True)
    fields = {field.name: field for field in shown.fields}
    assert sorted(fields["date_of_birth"].written) == ["1951-03-14", "1984-11-02"]
    assert (fields["sex"].agreement, fields["sex"].differs) == ("same", False)
    assert [what for what, _ in shown.others] == [START, HELD_BACK]
    assert sum(shown.parts) == pytest.approx(7.5, abs=0.01)
    taken = bench.linker._runner.run("review.decisions").tables["said"].to_pylist()
    assert [(one["what"], one["account"]) for one in taken] == [("shown", "rosa")]
    assert not [mark for mark in ("okonkwo", "1951", "zoe") if mark in str(taken).lower()]
    assert _linked(bench) == [(EventName.LINKAGE_PAIR_SHOWN, "person:rosa")]
    assert _linked(bench) == [(EventName.LINKAGE_PAIR_SHOWN, "person:rosa")]  # taken once


@pytest.mark.parametrize(("said", "people"), [("same", 1), ("different", 2)])
def test_an_answer_stands_from_the_next_linkage_on(bench: LinkageBench, said: str, people: int) -> None:
    """It is fed back, kept in the records under the reviewer's name without the comment, and not asked again."""
    with _door(bench, "rosa") as door:
        shown, _ = door.next_pair([])
        assert shown is not None
        door.decide(shown.id, said, "Zoe's mother rang")
        assert door.next_pair([]) == (None, 0)
        assert _linked(bench)[-1] == (EventName.LINKAGE_PAIR_DECIDED, "person:rosa")
        assert door.next_pair([]) == (None, 0)
    assert len(set(bench.persons().values())) == people
    (kept,) = bench.linker.queue.decided()
    assert (kept.same, kept.decided_by, kept.comment) == (said == "same", "person:rosa", None)
    assert bench.linker.queue.waiting() == []
    assert bench.linker.link(by=BY).nothing_new


def test_who_is_unsure_is_not_asked_again_and_others_are(bench: LinkageBench) -> None:
    """No decision comes of it; it is in the log."""
    with _door(bench, "rosa") as door:
        shown, _ = door.next_pair([])
        assert shown is not None
        door.decide(shown.id, "unsure", "")
        assert door.next_pair([]) == (None, 0)
    with _door(bench, "rhys") as door:
        assert door.next_pair([])[1] == 1
    assert (EventName.LINKAGE_PAIR_UNSURE, "person:rosa") in _linked(bench)
    assert bench.linker.queue.decided() == []


def test_an_answer_counts_of_registered_reviewers_only(bench: LinkageBench) -> None:
    """An account in the group that is no registered reviewer's: refused, recorded, and the pair is asked again."""
    with _door(bench, "eve") as door:
        shown, _ = door.next_pair([])
        assert shown is not None
        door.decide(shown.id, "same", "")
        assert door.next_pair([]) == (None, 0)
        _linked(bench)
        assert bench.linker.queue.decided() == []
        assert door.next_pair([])[1] == 1
    names = [event.name for event in bench.records.log.events]  # type: ignore[attr-defined]
    assert names.count(EventName.LINKAGE_REVIEW_REFUSED) == 1


def test_what_was_not_shown_cannot_be_answered(bench: LinkageBench) -> None:
    """A pair that another was shown, one that is none, and an answer that is none are refused."""
    with _door(bench, "rhys") as door:
        shown, _ = door.next_pair([])
    assert shown is not None
    with _door(bench, "rosa") as door:
        for pair in (shown.id, "a+b"):
            with pytest.raises(NoPair):
                door.decide(pair, "same", "")
        door.next_pair([])
        with pytest.raises(ZoneForbids, match="no answer"):
            door.decide(shown.id, "perhaps", "")
        door.decide(shown.id, "same", "")
        with pytest.raises(NoPair):
            door.decide(shown.id, "different", "")


def test_where_accounts_are_apart_a_decision_is_one_of_the_door(bench: LinkageBench) -> None:
    """What the orchestrator says that somebody decided is refused: with it a pair of its choice would be compared."""
    with _door(bench, "rosa") as door:
        shown, _ = door.next_pair([])
        assert shown is not None
        door.decide(shown.id, "same", "")
    a, b = shown.id.split("+")
    do = in_own_zones("linkage", bench.zones)
    for decision in (PairDecision(a, b, False), PairDecision(a, a, True)):
        plan = plan_as_data(RunPlan(decisions=(decision,)))
        with pytest.raises(ZoneForbids, match="no reviewer made"):
            do(
                "linkage.measured",
                Asker.ORCHESTRATOR,
                {"plan": plan, "test_range": True, "deliveries": []},
                iter(()),
                silent,
            )
    plan = plan_as_data(RunPlan(decisions=(PairDecision(b, a, True),)))
    do("linkage.measured", Asker.ORCHESTRATOR, {"plan": plan, "test_range": True, "deliveries": []}, iter(()), silent)


def test_where_accounts_are_apart_nobody_decides_past_the_door(bench: LinkageBench) -> None:
    """`haven linkage decide` says where it is done; what was decided before the door was made holds there."""
    queue = ClericalQueue(
        cast("Zones", ZonesElsewhere()),
        bench.records,
        Access(bench.records, real_data=False, held=held_deliveries),
        bench.linker._runner,
    )
    with pytest.raises(ZoneForbids, match="zone's door"):
        queue.decide("x", True, by=person("rosa"))
    bench.linker.link(by=BY)
    with bench.zones.linkage(read_only=True) as zone:
        a, b = zone.execute("SELECT subject_a::TEXT, subject_b::TEXT FROM doubtful").fetchall()[0]
    before = AskedPair(pair_name(a, b), a, b, "between_thresholds", "an older run")
    with bench.zones.review() as kept:
        remember(kept, [(before, True)])
    assert bench.linker.queue.take_from_the_door() == 0
    plan = plan_as_data(RunPlan(decisions=(PairDecision(a, b, True),)))
    do = in_own_zones("linkage", bench.zones)
    do("linkage.measured", Asker.ORCHESTRATOR, {"plan": plan, "test_range": True, "deliveries": []}, iter(()), silent)


def test_taking_it_again_changes_nothing(bench: LinkageBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the orchestrator was killed before it said what it has, the same comes again, and one decision stands."""
    with _door(bench, "rosa") as door:
        shown, _ = door.next_pair([])
        assert shown is not None
        door.decide(shown.id, "same", "")
    run = bench.linker._runner.run
    with monkeypatch.context() as cut:
        cut.setattr(
            bench.linker.queue._runner, "run", lambda verb, *a, **k: verb == "review.taken" or run(verb, *a, **k)
        )
        assert bench.linker.queue.take_from_the_door() == 2
    assert bench.linker.queue.take_from_the_door() == 2
    assert bench.linker.queue.take_from_the_door() == 0
    assert len(bench.linker.queue.decided()) == 1


def test_who_a_reviewer_is_says_the_kernel(bench: LinkageBench) -> None:
    """Another name that is sent is not believed; an account of the haven's own stays what it is."""
    with _door(bench, "rosa") as door, connected(door._place) as wire:
        asked(wire, "review.next", {"passed": [], "account": "rhys"}, (), silent, None)
    (look,) = bench.linker._runner.run("review.decisions").tables["said"].to_pylist()
    assert look["account"] == "rosa"
    with _door(bench, "rosa", {ME: Asker.ORCHESTRATOR}) as door, pytest.raises(ZoneForbids):
        door.next_pair([])
    with (
        _door(bench, "rosa") as door,
        connected(door._place) as wire,
        pytest.raises(ZoneForbids, match="account of the reviewer"),
    ):
        asked(wire, "linkage.link", {}, (), silent, None)
