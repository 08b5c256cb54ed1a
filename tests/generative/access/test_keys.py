"""Invented histories of keys: what is destroyed never comes back, and no key leaves without two people."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from access.decisions import RefusedError
from access.keys import KeyRing, KeyRingError
from access.keys.custody import KeyCustody
from access.keys.errors import RoundDestroyed, WrongRoot
from access.keys.model import KeyRole, RoundState, UnwrapState
from access.keys.ring import rotate_root, sealed_file
from access.keys.roots.sealed_file import SealedFileRoot
from access.keys.round_file import RoundFile, parts_of, statement_of
from access.people.model import Role
from audit.clock import FixedClock
from audit.events import EventName
from audit.model import person
from tests.fakes.havens import HOUSE, START, make_live, memory_records, peopled, project_file
from tests.fakes.people import invented_person

NAMES = st.sampled_from(["one", "two", "three"])
PEOPLE = st.sampled_from(["daria", "emil", "gwen", "hari", "asha"])
PROJECT = "admissions"


@pytest.fixture(scope="module", autouse=True)
def _cheap_passphrases() -> Iterator[None]:
    """The passphrase's cost is not what is tested here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("access.keys.roots.sealed_file.SCRYPT_COST", 2**4)
        yield


def _told(sealed: bytes) -> RoundFile:
    parts = parts_of(sealed)
    assert parts is not None
    return statement_of(parts[1])


class KeyHistories(RuleBasedStateMachine):
    """People make, use and destroy rounds, rotate, ask for a project's key, approve and take it, as time goes by."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = Path(self.scratch.name) / "keys"
        self.clock = FixedClock(START)
        self.records = memory_records(self.clock)
        access = peopled(self.records)
        for name, role in (("daria", Role.DATA_ENGINEER), ("emil", Role.ADMINISTRATOR)):
            access.register_person(invented_person(name, "haven", {role}, date(2028, 1, 1)), by=HOUSE)
        access.apply(project_file(), applicant="asha", by=person("asha"))
        make_live(access)
        self.ring = KeyRing.open(self.folder)
        self.custody = KeyCustody(self.ring, self.records, access)
        self.identity = pyrage.x25519.Identity.generate()
        self.recipient = str(self.identity.to_public())
        self.destroyed: dict[str, str] = {}
        self.zone = self.ring.zone_key("linkage")
        self.handed: set[str] = set()

    def teardown(self) -> None:
        """Leave nothing."""
        self.records.engine.dispose()
        self.scratch.cleanup()

    @rule(name=NAMES, who=PEOPLE)
    def create(self, name: str, who: str) -> None:
        """A round, where its name is free."""
        try:
            self.custody.create_round(name, "p", ["gp"], by=person(who))
        except RefusedError:
            return
        assert who in ("daria", "emil")
        assert name not in self.destroyed

    @rule(name=NAMES, who=PEOPLE)
    def use(self, name: str, who: str) -> None:
        """Its key, once."""
        before = self.custody.round(name)
        try:
            sealed = self.custody.use_round(name, self.recipient, by=person(who))
        except RefusedError:
            return
        assert before is not None
        assert before.state is RoundState.CREATED
        assert _told(sealed).check_value == before.check_value

    @rule(name=NAMES, who=PEOPLE)
    def destroy(self, name: str, who: str) -> None:
        """Its end."""
        try:
            made = self.custody.destroy_round(name, by=person(who))
        except RefusedError:
            return
        assert name not in self.destroyed
        self.destroyed[name] = made["statement"]["check_value"]

    @rule()
    def rotate_root(self) -> None:
        """The root key has a new version; the ring is opened again."""
        store = sealed_file(self.folder, real_data=False, passphrase_file=None)
        rotate_root(self.folder, store, store)
        self.ring = KeyRing.open(self.folder)
        self.custody = KeyCustody(self.ring, self.records, self.custody._access)

    @rule(who=PEOPLE)
    def ask(self, who: str) -> None:
        """For the project's key."""
        try:
            self.custody.request_unwrap(PROJECT, self.recipient, "r", by=person(who))
        except RefusedError:
            assert who not in ("daria", "emil")

    @rule(who=PEOPLE, pick=st.integers(0, 9))
    def approve(self, who: str, pick: int) -> None:
        """Some request."""
        found = self.custody.unwraps()
        if found:
            one = found[pick % len(found)]
            try:
                self.custody.approve_unwrap(one.id, by=person(who))
            except RefusedError:
                return
            assert one.state is UnwrapState.REQUESTED
            assert who in ("gwen", "hari")

    @rule(who=PEOPLE, pick=st.integers(0, 9))
    def take(self, who: str, pick: int) -> None:
        """Some request's key."""
        found = self.custody.unwraps()
        if found:
            one = found[pick % len(found)]
            try:
                self.custody.hand_out(one.id, by=person(who))
            except RefusedError:
                return
            assert one.state is UnwrapState.APPROVED
            assert one.requested_by == who != one.approved_by
            assert one.id not in self.handed
            self.handed.add(one.id)

    @rule(hours=st.integers(1, 30))
    def time_goes_by(self, hours: int) -> None:
        """Requests lapse."""
        self.clock.at += timedelta(hours=hours)

    @invariant()
    def what_is_destroyed_is_gone(self) -> None:
        """No name of a destroyed round gives a key again, and each has its certificate."""
        for name, check in self.destroyed.items():
            with pytest.raises(RoundDestroyed):
                self.ring.token_key(name)
            assert self.custody.certificate(name)["statement"]["check_value"] == check

    @invariant()
    def the_other_keys_are_what_they_were(self) -> None:
        """Nothing of all this changes a zone's key."""
        assert self.ring.zone_key("linkage") == self.zone

    @invariant()
    def every_hand_out_stands_in_the_log(self) -> None:
        """As many entries as keys that left."""
        names = [event.name for event in self.records.log.events]  # type: ignore[attr-defined]
        assert names.count(EventName.KEY_UNWRAP_HANDED_OUT) == len(self.handed)
        assert names.count(EventName.KEY_ROUND_DESTROYED) == len(self.destroyed)


KeyHistories.TestCase.settings = settings(max_examples=8, stateful_step_count=25, deadline=None)
TestKeyHistories = KeyHistories.TestCase


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> SealedFileRoot:
    """A root key."""
    found = SealedFileRoot(tmp_path_factory.mktemp("root"), b"passphrase")
    found.make()
    return found


@settings(deadline=None)
@given(key=st.binary(min_size=32, max_size=32), context=st.text(max_size=40), other=st.text(max_size=40),
       place=st.integers(0, 200), flip=st.integers(1, 255))  # fmt: skip
def test_what_is_wrapped_opens_unchanged_in_its_context_or_not_at_all(
    root: SealedFileRoot, key: bytes, context: str, other: str, place: int, flip: int
) -> None:
    """Any key, any context: whole and for its context it opens; otherwise never."""
    wrapped = root.wrap(key, context)
    assert root.unwrap(wrapped, context) == key
    if other != context:
        with pytest.raises(WrongRoot):
            root.unwrap(wrapped, other)
    place %= len(wrapped)
    with pytest.raises(WrongRoot):
        root.unwrap(wrapped[:place] + bytes([wrapped[place] ^ flip]) + wrapped[place + 1 :], context)


@settings(deadline=None)
@given(roles=st.sets(st.sampled_from(list(KeyRole))), kind=st.sampled_from(["zone", "scope", "project", "sign"]))
def test_a_ring_gives_a_key_only_to_its_role(whole: KeyRing, roles: set[KeyRole], kind: str) -> None:
    """Whatever set of roles a process holds: a kind of key comes out exactly when its role is among them."""
    ring = whole.only(*roles)
    calls = {
        "zone": (KeyRole.RESEARCH, lambda: ring.zone_key("research")),
        "scope": (KeyRole.SCOPES, lambda: ring.scope_file_key("p", 1)),
        "project": (KeyRole.PROJECTS, lambda: ring.project_key("p")),
        "sign": (KeyRole.AIRLOCK, lambda: ring.signing_key("release")),
    }
    role, call = calls[kind]
    if role in roles:
        assert call()
    else:
        with pytest.raises(KeyRingError):
            call()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    """A ring with every role."""
    return KeyRing.open(tmp_path_factory.mktemp("ring"))
