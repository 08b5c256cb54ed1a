"""Invented histories of requests: whatever people, failures and intruders do, nothing leaves but by the rules.

The model beside the airlock is a second, simpler writing of the rules: who said what of which bytes, who is inside.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

from access.decisions import RefusedError
from audit.errors import AuditUnavailable
from audit.model import Actor, organisation, person, service
from environments.airlock.errors import AirlockError
from environments.airlock.model import ReleaseRequest
from environments.airlock.states import ARRIVAL, ReleaseState, may_move
from environments.airlock.verbs.checking import FileCheck, check_file
from environments.disclosure.errors import DisclosureError, EngineFailed
from environments.inspection.errors import InspectionError
from environments.inspection.inspect import inspect_file
from tests.fakes.airlock import CARA, CONTEXT, DEV, World
from tests.fakes.offers import OFFERS, SAID, UNFIT

S = ReleaseState
PEOPLE = ("asha", "omar", "cara", "dev", "eve", "zoe")
MOST_REQUESTS = 4
people = st.sampled_from(PEOPLE)
members = st.sampled_from(("asha", "omar", "asha", "omar", "zoe"))
checkers = st.sampled_from(("cara", "dev", "eve", "cara", "dev", "eve", "omar", "zoe"))
offers = st.sampled_from(("good", "better", "drawn", "taken", "small", "named"))
yes_mostly = st.sampled_from((True, True, True, False))
actors = st.one_of(checkers.map(person), st.sampled_from([service("release"), organisation("gp")]))


@dataclass
class Told:
    """What the model knows of one request."""

    offer: str
    makers: set[str] = field(default_factory=set)
    said: dict[str, bool] = field(default_factory=dict)  # person -> latest verdict of this round
    delegate_agreed: bool = False
    vetoed: bool = False  # did gp keep a veto at the latest submission?
    checkers: set[str] = field(default_factory=set)
    tampered: bool = False
    version: int = 1


class Histories(RuleBasedStateMachine):
    """People submit, decide, release and recall; the world changes around them."""

    requests = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(self.folder)
        self.told: dict[str, Told] = {}
        self.out: set[str] = set()
        self.recalled: set[bytes] = set()
        self.rules = 0
        self.verdicts = 0
        self.log_down = False
        self._append = self.world.log.append
        self.world.log.append = self._maybe_append  # type: ignore[method-assign]

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.world.close()
        for path in self.folder.rglob("*"):
            if path.is_dir():
                path.chmod(0o700)
        shutil.rmtree(self.folder)

    def _maybe_append(self, events: object) -> object:
        if self.log_down:
            raise AuditUnavailable("The log does not answer.")
        return self._append(events)  # type: ignore[arg-type]

    def tried(self, call: Callable[[], object]) -> bool:
        """Did it happen? What is refused, unfit or broken did not."""
        try:
            call()
        except (RefusedError, AirlockError, DisclosureError, InspectionError, AuditUnavailable):
            return False
        return True

    # what people do

    @initialize(target=requests, offer=offers, vetoed=st.booleans(), far=st.integers(min_value=0, max_value=4))
    def a_first_request(self, offer: str, vetoed: bool, far: int) -> object:
        """Every history has one to talk about: submitted, with one verdict, with two, out, or recalled."""
        self.veto_changes(vetoed)
        found = self.submit("asha", offer)
        steps = [lambda: self.decide(str(found), CARA, True), lambda: self.decide(str(found), DEV, True),
                 lambda: self.release(str(found), service("release")),
                 lambda: self.recall(str(found), CARA, True)]  # fmt: skip
        for step in steps[: far if isinstance(found, str) else 0]:
            step()
        return found

    @rule(request=requests)
    def the_usual_way(self, request: str) -> None:
        """Two checkers approve, the delegate too, and the haven releases: as far as the request lets them."""
        self.decide(request, CARA, True)
        self.decide(request, DEV, True)
        self.decide_as_controller(request, True, organisation("gp"))
        self.release(request, service("release"))

    @precondition(lambda self: len(self.told) < MOST_REQUESTS)
    @rule(target=requests, who=members, offer=offers)
    def submit(self, who: str, offer: str) -> object:
        """A new request, if it is taken."""
        found: list[ReleaseRequest] = []
        files, said = OFFERS[offer], self.context(offer)
        if not self.tried(lambda: found.append(self.world.airlock.submit_set("falls", files, said, by=person(who)))):
            return multiple()
        assert who in self.world.approvals.people_in["falls"]
        assert self.world.approvals.live
        assert not self.contents(offer) & self.recalled
        self.note_submission(found[0].id, offer, who)
        return found[0].id

    @rule(request=requests, who=members, offer=offers)
    def resubmit(self, request: str, who: str, offer: str) -> None:
        """A returned request goes on."""
        before = self.world.airlock.whole(request).state
        files, said = OFFERS[offer], self.context(offer)
        if self.tried(lambda: self.world.airlock.submit_set("falls", files, said, by=person(who), request_id=request)):
            assert before is S.RETURNED
            self.note_submission(request, offer, who)

    @rule(request=requests, first=checkers, second=checkers, approve=yes_mostly, agree=yes_mostly)
    def two_decide(self, request: str, first: str, second: str, approve: bool, agree: bool) -> None:
        """Two people, one after the other."""
        self.decide(request, person(first), approve)
        self.decide(request, person(second), approve is agree)

    @rule(request=requests, by=actors, approve=yes_mostly)
    def decide(self, request: str, by: Actor, approve: bool) -> None:
        """A verdict, if it may be given."""
        told = self.told[request]
        if self.tried(lambda: self.world.airlock.decide(request, approve, "Because.", by=by)):
            kind, _, name = by.partition(":")
            assert kind == "person"
            assert name in told.checkers & self.world.approvals.checkers
            assert name not in self.world.approvals.people_in["falls"] | told.makers
            told.said[name] = approve
            self.verdicts += len(OFFERS[self.told[request].offer])

    @rule(request=requests, by=checkers, outcome=st.sampled_from([S.APPROVED, S.RETURNED, S.REJECTED, S.RELEASED]))
    def consolidate(self, request: str, by: str, outcome: ReleaseState) -> None:
        """What was agreed, if it may be stated."""
        told = self.told[request]
        if self.tried(lambda: self.world.airlock.consolidate(request, outcome, "Agreed.", by=person(by))):
            assert by in told.said
            assert outcome is not S.APPROVED or sum(told.said.values()) >= 2

    @rule(request=requests, by=checkers)
    def send_back(self, request: str, by: str) -> None:
        """A checker gives it back."""
        self.tried(lambda: self.world.airlock.send_back(request, "Which year?", by=person(by)))

    @rule(
        request=requests,
        approve=yes_mostly,
        by=st.sampled_from([organisation("gp"), organisation("gp"), person("cara")]),
    )
    def decide_as_controller(self, request: str, approve: bool, by: Actor) -> None:
        """The delegate's decision, if it is one."""
        call = self.world.airlock.decide_as_controller
        if self.tried(lambda: call(request, "gp", approve, "Because.", by=by)):
            assert by == "organisation:gp"
            assert self.told[request].vetoed
            self.told[request].delegate_agreed = approve
            self.verdicts += len(OFFERS[self.told[request].offer])

    @rule(request=requests, by=st.one_of(actors, st.just(service("release"))))
    def release(self, request: str, by: Actor) -> None:
        """Out, and then every rule must have been met."""
        told, again = self.told[request], request in self.out
        if not self.tried(lambda: self.world.airlock.release(request, by=by)):
            return
        assert by == "service:release" or by.partition(":")[2] in self.world.approvals.checkers
        self.out.add(request)
        if again:
            return
        approvals = self.world.approvals
        inside = approvals.people_in["falls"] | told.makers
        assert len({name for name, approved in told.said.items() if approved} - inside) >= 2
        assert approvals.live
        assert told.version == approvals.version
        assert not told.tampered
        assert not self.contents(told.offer) & self.recalled
        assert told.offer not in UNFIT
        assert told.delegate_agreed or not told.vetoed
        for name, content in OFFERS[told.offer]:
            left = (self.world.outbox / request / name).read_bytes()
            assert left == (inspect_file(name, content).written_anew or content)
        inspected = [one.inspection for one in self.world.airlock.whole(request).files if one.inspection]
        assert {one.rules for one in inspected} <= {self.world.inspectors.rules}
        assert not any(one.findings for one in inspected)

    @rule(request=requests, by=actors, really=st.sampled_from((True, False)))
    def recall(self, request: str, by: Actor, really: bool) -> None:
        """Taken back, for ever."""
        if really and self.tried(lambda: self.world.airlock.recall(request, "Wrong year.", "INC-1", by=by)):
            assert request in self.out
            self.recalled |= self.contents(self.told[request].offer)

    @rule(request=requests, by=people)
    def withdraw(self, request: str, by: str) -> None:
        """By its author only."""
        if self.tried(lambda: self.world.airlock.withdraw(request, by=person(by))):
            assert f"person:{by}" == self.world.airlock.whole(request).author

    @rule(request=requests, by=actors)
    def retry(self, request: str, by: Actor) -> None:
        """A failed request goes through again; its verdicts are asked anew."""
        if self.tried(lambda: self.world.airlock.retry(request, by=by)):
            told = self.told[request]
            assert not told.tampered
            self.note_submission(request, told.offer, None)

    # what happens around them

    @rule(days=st.sampled_from((1, 1, 5, 20, 40)))
    def time_passes(self, days: int) -> None:
        """And idle requests lapse."""
        self.world.clock.at += timedelta(days=days)
        self.world.airlock.lapse_idle()

    @rule(who=people, member=st.booleans(), checker=st.booleans())
    def people_change(self, who: str, member: bool, checker: bool) -> None:
        """Somebody joins or leaves, is given or loses the role."""
        approvals = self.world.approvals
        (approvals.people_in["falls"].add if member else approvals.people_in["falls"].discard)(who)
        (approvals.checkers.add if checker else approvals.checkers.discard)(who)

    @rule()
    def people_settle(self) -> None:
        """Everybody is where they were at the beginning."""
        self.world.approvals.people_in["falls"] = {"asha", "omar"}
        self.world.approvals.checkers = {"cara", "dev", "eve"}

    @rule(live=yes_mostly)
    def agreement_changes(self, live: bool) -> None:
        """A controller withdraws, or agrees again."""
        self.world.approvals.live = live

    @rule(really=st.sampled_from((True, False, False)))
    def new_version(self, really: bool) -> None:
        """Another version of the approval goes live."""
        self.world.approvals.version += really

    @rule(kept=st.booleans())
    def veto_changes(self, kept: bool) -> None:
        """The GP keeps a veto over releases from now on, or no longer."""
        self.world.approvals.kept_vetoes = {"gp"} if kept else set()

    @rule(request=requests, really=st.sampled_from((True, False, False)))
    def intruder(self, request: str, really: bool) -> None:
        """Somebody with the airlock's account changes one byte of the current round."""
        found = self.world.airlock.whole(request)
        path = self.folder / "airlock" / request / f"round-{found.round}" / "t.csv"
        if really:
            path.chmod(0o600)
            path.write_bytes(path.read_bytes() + b"\n")
            self.told[request].tampered = True

    @rule(really=st.sampled_from((True, False, False)))
    def inspectors_change(self, really: bool) -> None:
        """A new version of the inspectors is installed."""
        self.rules += really
        self.world.inspectors.rules = f"rules-{self.rules}"

    @rule(request=requests, by=checkers, down=st.sampled_from(("log", "engine", "inspectors")))
    def something_is_down(self, request: str, by: str, down: str) -> None:
        """Without the log nothing changes; without the engine, or inspectors that must look again, nothing leaves."""
        before = self.world.airlock.whole(request)
        if down == "inspectors":
            self.inspectors_change(True)
            self.world.inspectors.down = True
            gone = self.tried(lambda: self.world.airlock.release(request, by=person(by)))
            self.world.inspectors.down = False
            if gone and request not in self.out:
                assert not any(one.inspection for one in before.files)
                self.out.add(request)
            return
        if down == "engine":
            self.world.check = self.broken
            assert not self.tried(lambda: self.world.airlock.release(request, by=person(by))) or request in self.out
            self.world.check = check_file
            return
        self.log_down = True
        for verb in (self.world.airlock.release, self.world.airlock.retry, self.world.airlock.withdraw):
            self.tried(lambda verb=verb: verb(request, by=person(by)))  # type: ignore[misc]
        self.tried(lambda: self.world.airlock.decide(request, True, by=person(by)))
        self.log_down = False
        assert self.world.airlock.whole(request) == before

    @precondition(lambda self: len(self.told) < 2)
    @rule(target=requests, who=members)
    def submitted_to_a_broken_engine(self, who: str) -> object:
        """Sealed, but never on to the checkers."""
        self.world.check = self.broken
        found = self.submit(who, "good")
        self.world.check = check_file
        assert not isinstance(found, str) or self.world.airlock.whole(found).state is S.FAILED
        return found

    @staticmethod
    def broken(*_: object) -> FileCheck:
        """A check that cannot be done."""
        raise EngineFailed("The disclosure check broke.")

    # what is always so

    @invariant()
    def nothing_is_out_without_its_entry(self) -> None:
        """What stands in the outbox was recorded as released, and holds no content of a recall."""
        recorded = {
            str(event.details["request"]) for event in self.world.log.events if event.name == ARRIVAL[S.RELEASED]
        }
        placed = list(self.world.outbox.glob("[!.]*"))
        assert {path.name for path in placed} <= recorded
        for path in placed:
            if self.world.airlock.whole(path.name).state is S.RECALLED:
                assert [one.name for one in path.iterdir()] == ["RECALLED.json"]

    @invariant()
    def every_history_follows_the_table(self) -> None:
        """Moves are a chain of the table's transitions, each with its own audit entry of the arrival's name."""
        names = {event.id: event.name for event in self.world.log.events}
        for request in self.world.airlock.list():
            before = None
            for move in request.moves:
                assert move.before == before
                assert before is None or may_move(before, move.after)
                assert names[move.event] == ARRIVAL[move.after]
                before = move.after
            assert before == request.state

    @invariant()
    def nothing_is_removed_and_blind_stays_blind(self) -> None:
        """Every verdict ever given is in the auditor's view; while checking, a viewer sees only their own."""
        kept = 0
        for request in self.world.airlock.list():
            whole = self.world.airlock.whole(request.id)
            kept += len(whole.every_verdict)
            if whole.state is S.CHECKING:
                seen = self.world.airlock.get(request.id, viewer=person("cara")).verdicts
                assert {one.by for one in seen} <= {"person:cara"}
                assert request.verdicts == ()
        assert kept == self.verdicts

    # the model's notes

    def context(self, offer: str) -> dict[str, object]:
        """The same for every request; each file that is no table names its counts."""
        return {**CONTEXT, "files": {name: SAID for name, _ in OFFERS[offer] if name != "t.csv"}}

    def contents(self, offer: str) -> set[bytes]:
        """What its files hold, as they are offered."""
        return {content for _, content in OFFERS[offer]}

    def note_submission(self, request: str, offer: str, who: str | None) -> None:
        """A new round begins without verdicts, with the checkers and vetoes of this moment."""
        told = self.told.setdefault(request, Told(offer))
        told.offer, told.said, told.delegate_agreed, told.tampered = offer, {}, False, False
        told.checkers = set(self.world.approvals.checkers)
        told.vetoed = bool(self.world.approvals.kept_vetoes)
        told.version = self.world.approvals.version
        if who is not None:
            told.makers.add(who)


TestHistories = pytest.mark.slow(Histories.TestCase)
TestHistories.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
