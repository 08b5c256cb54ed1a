"""The rule book of keys: who rotates, who ends a round and what proves it, how two people unwrap a key."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyrage
import pytest

from access.decisions import RefusedError
from access.keys import KeyRing, KeyRingError
from access.keys.certificate import require_genuine
from access.keys.custody import KeyCustody
from access.keys.errors import RecipientUnlisted, RoundTaken
from access.keys.model import RoundEnd, RoundState, UnwrapState
from access.keys.round_file import SIGNER, RoundFile, is_signed_by, parts_of, statement_of
from access.keys.rounds_here import RoundsHere
from access.keys.signatures import public_of_line
from access.people.model import Role
from access.service import Access
from audit.clock import FixedClock
from audit.errors import AuditUnavailable
from audit.events import EventName
from audit.model import organisation, person, service
from tests.fakes.havens import HOUSE, START, make_live, memory_records, peopled, project_file
from tests.fakes.people import invented_person

DARIA, GWEN, HARI, ASHA = person("daria"), person("gwen"), person("hari"), person("asha")
REFUSED = {name for name in EventName if name.value.startswith("key.") and name.value.endswith("_refused")}


@dataclass
class Keys:
    """A haven with people, a project, and its keys."""

    clock: FixedClock
    access: Access
    ring: KeyRing
    custody: KeyCustody
    recipient: str
    identity: pyrage.x25519.Identity

    @property
    def events(self) -> list[EventName]:
        """What the log holds, by name."""
        return [event.name for event in self.access.records.log.events]  # type: ignore[attr-defined]

    def file(self, content: bytes) -> RoundFile:
        """What a round's file says, signed by the key that is pinned at a controller's."""
        parts = parts_of(content)
        assert parts is not None
        assert is_signed_by(*parts, public_of_line(self.custody.round_signer(), SIGNER))
        return statement_of(parts[1])

    def opened(self, sealed: bytes) -> dict[str, object]:
        """What the recipient reads."""
        return json.loads(pyrage.decrypt(sealed, [self.identity]))  # type: ignore[no-any-return]


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Daria is a data engineer of the haven; Gwen and Hari are delegates; Asha's project is live."""
    clock = FixedClock(START)
    records = memory_records(clock)
    access = peopled(records)
    for name, where, roles in (
        ("daria", "haven", {Role.DATA_ENGINEER}),
        ("emil", "haven", {Role.ADMINISTRATOR}),
        ("dora", "gp", {Role.DATA_ENGINEER, Role.CONTROLLER_DELEGATE}),
    ):
        access.register_person(invented_person(name, where, roles, date(2027, 1, 31)), by=HOUSE)
    access.apply(project_file(), applicant="asha", by=ASHA)
    make_live(access)
    ring = KeyRing.open(tmp_path)
    identity = pyrage.x25519.Identity.generate()
    return Keys(clock, access, ring, KeyCustody(ring, records, access), str(identity.to_public()), identity)


def _refused(keys: Keys, call: object) -> str:
    with pytest.raises(RefusedError) as told:
        call()  # type: ignore[operator]
    assert keys.events[-1] in REFUSED
    assert told.value.refused.reason
    return told.value.refused.code


# -- looking


def test_keys_are_listed_by_their_check_values_and_never_shown(keys: Keys) -> None:
    """Roles, zones, rounds and projects, each with its check value; no key of any of them."""
    keys.custody.create_round("census", "tokens", ["gp"], by=DARIA)
    entries = keys.custody.entries()
    ids = {entry.key_id for entry in entries}
    assert {"role/linkage", "zone/research", "token/spine", "token/census", "project/admissions"} <= ids
    text = repr(entries)
    for key in (keys.ring.project_key("admissions").key, keys.ring.token_key("census").key):
        assert key.hex() not in text
    assert keys.ring.zone_key("research") not in text


# -- rotation


def test_a_project_gets_a_new_key_by_somebody_outside_it(keys: Keys) -> None:
    """A data engineer or an administrator, with a reason; the entry names the version and the check value."""
    before = keys.ring.project_key("admissions")
    made = keys.custody.rotate_project_key("admissions", "a laptop was lost", by=DARIA)
    assert made.version == 2
    assert made.check_value != before.check_value
    assert keys.custody.rotate_project_key("admissions", "again", by=person("emil")).version == 3
    states = [(one.version, one.state) for one in keys.custody.entries() if one.key_id == "project/admissions"]
    assert states == [(1, "before"), (2, "before"), (3, "current")]
    assert keys.events[-1] is EventName.KEY_PROJECT_ROTATED


def test_who_may_not_rotate(keys: Keys) -> None:
    """A researcher, a delegate, an organisation's account, a service, nobody known; nor a project that is not there."""
    for who in (ASHA, GWEN, organisation("gp"), service("linkage"), person("nobody")):
        _refused(keys, lambda who=who: keys.custody.rotate_project_key("admissions", "r", by=who))
        _refused(keys, lambda who=who: keys.custody.rotate_root(_never, by=who))
    assert _refused(keys, lambda: keys.custody.rotate_project_key("none", "r", by=DARIA)) == "project.unknown"


def test_nobody_has_to_do_with_the_keys_of_their_own_project(keys: Keys) -> None:
    """A data engineer who is named in the project neither rotates its key nor asks for it."""
    both = invented_person("ewa", "haven", {Role.DATA_ENGINEER, Role.RESEARCHER}, date(2027, 1, 31))
    keys.access.register_person(both, by=HOUSE)
    ewa = person("ewa")
    assert _refused(keys, lambda: keys.custody.rotate_project_key("admissions", "r", by=ewa)) == "keys.own_project"
    asked = lambda: keys.custody.request_unwrap("admissions", keys.recipient, "r", by=ewa)  # noqa: E731
    assert _refused(keys, asked) == "keys.own_project"


def test_the_rotation_of_the_root_has_its_two_entries(keys: Keys) -> None:
    """Begun and done; one that fails leaves the beginning in the log."""
    done: list[bool] = []
    keys.custody.rotate_root(lambda: done.append(True), by=DARIA)
    assert done
    assert keys.events[-2:] == [EventName.KEY_ROOT_ROTATION_STARTED, EventName.KEY_ROOT_ROTATED]
    with pytest.raises(ZeroDivisionError):
        keys.custody.rotate_root(lambda: 1 // 0, by=DARIA)  # type: ignore[arg-type,return-value]
    assert keys.events[-1] is EventName.KEY_ROOT_ROTATION_STARTED


def _never() -> None:
    raise AssertionError("a refused rotation must not be done")


# -- rounds


def test_a_rounds_key_is_used_once_and_then_destroyed_with_a_certificate(keys: Keys) -> None:
    """Made, taken once and sealed, destroyed: the certificate names what, when, by whom, and verifies."""
    made = keys.custody.create_round("census", "tokens of the census", ["gp"], by=DARIA)
    held = keys.opened(keys.file(keys.custody.use_round("census", keys.recipient, by=DARIA)).sealed)
    assert held["key"] == keys.ring.token_key("census").key.hex()
    assert _refused(keys, lambda: keys.custody.use_round("census", keys.recipient, by=DARIA)) == "keys.round_used"
    keys.clock.at += timedelta(days=2)
    given = keys.custody.destroy_round("census", by=DARIA)
    said = given["statement"]
    assert (said["key_id"], said["check_value"], said["destroyed_by"]) == (
        "token/census",
        made.check_value,
        "person:daria",
    )
    assert said["destroyed_at"].startswith("2026-03-03")
    assert said["handed_out"] is True
    assert "backups" in said["what"]
    require_genuine(given, keys.ring.signing_key("certificate").public_key())
    assert keys.custody.certificate("census") == given
    with pytest.raises(KeyRingError, match="destroyed"):
        keys.ring.token_key("census")
    found = keys.custody.round("census")
    assert found is not None
    assert found.state is RoundState.DESTROYED
    assert keys.events[-2:] == [EventName.KEY_ROUND_DESTRUCTION_STARTED, EventName.KEY_ROUND_DESTROYED]
    assert held["key"] not in json.dumps(given)


def test_a_recipient_that_the_keys_place_does_not_know_is_recorded(keys: Keys) -> None:
    """Where the keys lie with another account, its refusal is in the log, and the round can still be taken."""

    class Refusing(RoundsHere):
        def sealed(self, name: str, recipient: str, *, days: int, by: str) -> bytes:
            raise RecipientUnlisted("No controller is listed with this recipient.")

    ring, custody = keys.ring, keys.custody
    custody.create_round("census", "tokens", ["gp"], by=DARIA)
    elsewhere = KeyCustody(ring, keys.access.records, keys.access, Refusing(ring))
    with pytest.raises(RecipientUnlisted):
        elsewhere.use_round("census", keys.recipient, by=DARIA)
    assert keys.events[-1] is EventName.KEY_ROUND_USE_REFUSED
    assert custody.use_round("census", keys.recipient, by=DARIA)


def test_a_use_that_could_not_be_recorded_binds_the_round_to_its_recipient(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key was sealed, the entry not written: the same recipient can have it still, and nobody else."""
    keys.custody.create_round("census", "tokens", ["gp"], by=DARIA)
    with monkeypatch.context() as patch:
        patch.setattr(keys.access.records.log, "append", _no_log)
        with pytest.raises(AuditUnavailable):
            keys.custody.use_round("census", keys.recipient, by=DARIA)
    other = str(pyrage.x25519.Identity.generate().to_public())
    with pytest.raises(RoundTaken, match="another recipient"):
        keys.custody.use_round("census", other, by=DARIA)
    assert keys.events[-1] is EventName.KEY_ROUND_USE_REFUSED
    assert keys.file(keys.custody.use_round("census", keys.recipient, by=DARIA)).recipient == keys.recipient


def test_a_certificate_that_was_changed_is_told(keys: Keys) -> None:
    """One letter of the statement, or another haven's key, and it is not genuine."""
    keys.custody.create_round("census", "tokens", ["gp"], by=DARIA)
    given = keys.custody.destroy_round("census", by=DARIA)
    public = keys.ring.signing_key("certificate").public_key()
    changed = {**given, "statement": {**given["statement"], "destroyed_by": "person:emil"}}
    for wrong in (changed, {**given, "signature": base64.b64encode(bytes(64)).decode()}, {}):
        with pytest.raises(KeyRingError, match="not this haven's"):
            require_genuine(wrong, public)
    with pytest.raises(KeyRingError):
        require_genuine(given, keys.ring.signing_key("release").public_key())


def test_a_destruction_that_was_cut_short_is_finished_by_the_same_command(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No certificate while the key may still lie there; the second run erases and certifies."""
    keys.custody.create_round("census", "tokens", ["gp"], by=DARIA)
    with monkeypatch.context() as patch:
        patch.setattr("access.keys.rounds.erase", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            keys.custody.destroy_round("census", by=DARIA)
    with pytest.raises(KeyRingError, match="no certificate"):
        keys.custody.certificate("census")
    with pytest.raises(KeyRingError, match="destroyed"):
        keys.ring.token_key("census")
    assert keys.ring.rounds.lies_here("census")
    keys.custody.destroy_round("census", by=DARIA)
    assert not keys.ring.rounds.lies_here("census")
    assert keys.custody.certificate("census")


def _interrupted(_: object) -> None:
    raise KeyboardInterrupt


def test_what_may_not_be_destroyed(keys: Keys) -> None:
    """The standing round of the spine; a round that is not there; one that is gone; and not by a researcher."""
    keys.custody.create_round("census", "tokens", ["gp"], by=DARIA)
    assert _refused(keys, lambda: keys.custody.destroy_round("spine", by=DARIA)) == "keys.round_standing"
    assert _refused(keys, lambda: keys.custody.destroy_round("none", by=DARIA)) == "keys.round_unknown"
    assert _refused(keys, lambda: keys.custody.destroy_round("census", by=ASHA)) == "keys.no_keeper"
    keys.custody.destroy_round("census", by=DARIA)
    assert _refused(keys, lambda: keys.custody.destroy_round("census", by=DARIA)) == "keys.round_destroyed"
    assert _refused(keys, lambda: keys.custody.create_round("census", "again", ["gp"], by=DARIA)) == "keys.round_known"
    assert _refused(keys, lambda: keys.custody.create_round("spine", "again", ["gp"], by=DARIA)) == "keys.round_known"


def test_without_the_log_no_round_is_made_or_destroyed(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """No log, no change: a round that could not be recorded leaves no key; one that could not be ended stays."""
    keys.custody.create_round("kept", "tokens", ["gp"], by=DARIA)
    with monkeypatch.context() as patch:
        patch.setattr(keys.access.records.log, "append", _no_log)
        with pytest.raises(AuditUnavailable):
            keys.custody.create_round("census", "tokens", ["gp"], by=DARIA)
        with pytest.raises(AuditUnavailable):
            keys.custody.destroy_round("kept", by=DARIA)
    assert keys.ring.rounds.names() == ["kept"]
    assert keys.ring.token_key("kept")
    with pytest.raises(KeyRingError, match="there before"):
        keys.custody.create_round("census", "tokens", ["gp"], by=DARIA)
    assert keys.custody.create_round("census-again", "tokens", ["gp"], by=DARIA).state is RoundState.CREATED
    (told,) = keys.custody.ended_rounds()
    assert (told.name, told.end, told.datasets) == ("census", RoundEnd.FORGOTTEN, ("gp",))
    assert (told.made_by, told.used_at, told.ended_by) == (DARIA, None, DARIA)
    assert told.made_at == told.ended_at == START.isoformat()


def _no_log(_: object) -> None:
    raise AuditUnavailable("The log does not answer.")


# -- two people


def test_two_people_unwrap_a_projects_key_for_one_recipient(keys: Keys) -> None:
    """Asked by a data engineer, approved by a controller's delegate, handed out once, sealed: three entries."""
    asked = keys.custody.request_unwrap("admissions", keys.recipient, "an incidental finding", by=DARIA)
    assert asked.state is UnwrapState.REQUESTED
    assert keys.custody.approve_unwrap(asked.id, by=GWEN).state is UnwrapState.APPROVED
    sealed = keys.custody.hand_out(asked.id, by=DARIA)
    assert keys.ring.project_key("admissions").key.hex().encode() not in sealed
    held = keys.opened(sealed)
    assert held["key"] == keys.ring.project_key("admissions").key.hex()
    assert keys.events[-3:] == [
        EventName.KEY_UNWRAP_REQUESTED,
        EventName.KEY_UNWRAP_APPROVED,
        EventName.KEY_UNWRAP_HANDED_OUT,
    ]
    assert _refused(keys, lambda: keys.custody.hand_out(asked.id, by=DARIA)) == "keys.request_over"
    assert [one.state for one in keys.custody.unwraps()] == [UnwrapState.HANDED_OUT]
    shown = repr([event.details for event in keys.access.records.log.events])  # type: ignore[attr-defined]
    assert str(held["key"]) not in shown


def test_who_may_not_ask(keys: Keys) -> None:
    """No researcher, no delegate, no organisation, no service; not for a key that nobody can open."""
    for who in (ASHA, GWEN, organisation("gp"), service("linkage")):
        _refused(keys, lambda who=who: keys.custody.request_unwrap("admissions", keys.recipient, "r", by=who))
    wrong = lambda: keys.custody.request_unwrap("admissions", "age1nobody", "r", by=DARIA)  # noqa: E731
    assert _refused(keys, wrong) == "keys.no_recipient"


def test_who_may_not_approve(keys: Keys) -> None:
    """Not who asked, even as a delegate; no engineer, no delegate of another controller, nobody of the project."""
    dora = person("dora")
    own = keys.custody.request_unwrap("admissions", keys.recipient, "r", by=dora)
    assert _refused(keys, lambda: keys.custody.approve_unwrap(own.id, by=dora)) == "keys.own_request"
    assert _refused(keys, lambda: keys.custody.approve_unwrap(own.id, by=DARIA)) == "keys.no_delegate"
    stranger = invented_person("ines", "university", {Role.CONTROLLER_DELEGATE}, date(2027, 1, 31))
    member = invented_person("asha", "gp", {Role.CONTROLLER_DELEGATE}, date(2027, 1, 31))
    for one, rule in ((stranger, "keys.no_delegate"), (member, "keys.own_project")):
        keys.access.register_person(one, by=HOUSE)
        assert _refused(keys, lambda one=one: keys.custody.approve_unwrap(own.id, by=person(one.id))) == rule
    assert _refused(keys, lambda: keys.custody.approve_unwrap("none", by=GWEN)) == "keys.request_unknown"
    assert keys.custody.approve_unwrap(own.id, by=HARI).approved_by == "hari"
    assert _refused(keys, lambda: keys.custody.approve_unwrap(own.id, by=GWEN)) == "keys.request_over"


def test_nothing_is_handed_out_before_the_approval_or_to_another(keys: Keys) -> None:
    """The request alone opens nothing, and the approved one opens for who asked only."""
    asked = keys.custody.request_unwrap("admissions", keys.recipient, "r", by=DARIA)
    assert _refused(keys, lambda: keys.custody.hand_out(asked.id, by=DARIA)) == "keys.not_approved"
    keys.custody.approve_unwrap(asked.id, by=GWEN)
    assert _refused(keys, lambda: keys.custody.hand_out(asked.id, by=person("emil"))) == "keys.not_yours"
    assert _refused(keys, lambda: keys.custody.hand_out("none", by=DARIA)) == "keys.request_unknown"


def test_a_request_and_an_approval_have_their_time(keys: Keys) -> None:
    """Two days to approve, one day to take; then it has lapsed and is asked for again."""
    asked = keys.custody.request_unwrap("admissions", keys.recipient, "r", by=DARIA)
    keys.clock.at += timedelta(hours=48, seconds=1)
    assert _refused(keys, lambda: keys.custody.approve_unwrap(asked.id, by=GWEN)) == "keys.lapsed"
    again = keys.custody.request_unwrap("admissions", keys.recipient, "r", by=DARIA)
    keys.custody.approve_unwrap(again.id, by=GWEN)
    keys.clock.at += timedelta(hours=24, seconds=1)
    assert _refused(keys, lambda: keys.custody.hand_out(again.id, by=DARIA)) == "keys.lapsed"
    assert {one.state for one in keys.custody.unwraps()} == {UnwrapState.LAPSED}


def test_the_key_that_was_approved_is_the_one_handed_out(keys: Keys) -> None:
    """A rotation between asking and taking changes nothing of what was approved: the version stands in the request."""
    asked = keys.custody.request_unwrap("admissions", keys.recipient, "r", by=DARIA)
    keys.custody.approve_unwrap(asked.id, by=GWEN)
    keys.custody.rotate_project_key("admissions", "r", by=DARIA)
    held = keys.opened(keys.custody.hand_out(asked.id, by=DARIA))
    assert held["version"] == 1
    assert held["key"] == keys.ring.project_key("admissions", 1).key.hex()


def test_who_is_suspended_does_nothing_with_keys(keys: Keys) -> None:
    """A right that is taken is gone at the next question."""
    asked = keys.custody.request_unwrap("admissions", keys.recipient, "r", by=DARIA)
    keys.access.suspend_person("gwen", by=HOUSE)
    keys.access.suspend_person("daria", by=HOUSE)
    assert _refused(keys, lambda: keys.custody.approve_unwrap(asked.id, by=GWEN)) == "person.suspended"
    assert _refused(keys, lambda: keys.custody.hand_out(asked.id, by=DARIA)) == "person.suspended"


# -- asked again at the hand-out


def _approved_unwrap(keys: Keys) -> str:
    asked = keys.custody.request_unwrap("admissions", keys.recipient, "an incidental finding", by=DARIA)
    return keys.custody.approve_unwrap(asked.id, by=GWEN).id


def test_no_key_of_a_project_that_is_not_live_any_more(keys: Keys) -> None:
    """After a controller has withdrawn nobody asks for the key, approves it, or takes what was approved."""
    waiting = keys.custody.request_unwrap("admissions", keys.recipient, "r", by=DARIA).id
    approved = _approved_unwrap(keys)
    keys.access.withdraw("admissions", "gp", "The purpose changed.", by=organisation("gp"))
    for call in (
        lambda: keys.custody.hand_out(approved, by=DARIA),
        lambda: keys.custody.approve_unwrap(waiting, by=GWEN),
        lambda: keys.custody.request_unwrap("admissions", keys.recipient, "r", by=DARIA),
    ):
        assert _refused(keys, call) == "project.withdrawn"


def test_the_word_of_a_delegate_who_was_barred_or_closed_opens_nothing(keys: Keys) -> None:
    """An approval counts as long as who gave it could give it today."""
    barred = _approved_unwrap(keys)
    keys.access.sanction("person:gwen", "A breach of the rules.", None, by=HOUSE)
    assert _refused(keys, lambda: keys.custody.hand_out(barred, by=DARIA)) == "keys.approval_void"
    asked = keys.custody.request_unwrap("admissions", keys.recipient, "r", by=DARIA)
    keys.custody.approve_unwrap(asked.id, by=HARI)
    keys.access.close_person("hari", "Left the hospital.", by=HOUSE)
    assert _refused(keys, lambda: keys.custody.hand_out(asked.id, by=DARIA)) == "keys.approval_void"


def test_who_joined_the_project_meanwhile_takes_no_key(keys: Keys) -> None:
    """A person who asked and is named in a later version of the project is inside it."""
    approved = _approved_unwrap(keys)
    keys.access.apply(project_file(people=["asha", "daria"]), applicant="asha", by=ASHA)
    assert _refused(keys, lambda: keys.custody.hand_out(approved, by=DARIA)) == "keys.own_project"


def test_who_leads_the_project_or_was_in_it_is_not_outside(keys: Keys) -> None:
    """Neither its lead, who need not be among its people, nor who left it in a later version."""
    keys.access.apply(project_file(lead="emil", people=["asha", "daria"]), applicant="asha", by=ASHA)
    keys.access.apply(project_file(title="Without the two of them"), applicant="asha", by=ASHA)
    make_live(keys.access)
    for who in (person("emil"), DARIA):
        rotated = lambda who=who: keys.custody.rotate_project_key("admissions", "r", by=who)  # noqa: E731
        asked = lambda who=who: keys.custody.request_unwrap("admissions", keys.recipient, "r", by=who)  # noqa: E731
        assert [_refused(keys, rotated), _refused(keys, asked)] == ["keys.own_project"] * 2
