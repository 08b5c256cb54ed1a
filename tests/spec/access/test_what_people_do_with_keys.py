"""The rule book of keys: what is shown of them, who rotates them, how two people unwrap a project's."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from access.keys.model import UnwrapState
from access.people.model import Role
from audit.events import EventName
from audit.model import organisation, person, service
from tests.fakes.custody import ASHA, DARIA, GWEN, HARI, Keys, keys_at, refused_by
from tests.fakes.havens import HOUSE, make_live, project_file
from tests.fakes.people import invented_person


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Daria is a data engineer of the haven; Gwen and Hari are delegates; Asha's project is live."""
    return keys_at(tmp_path)


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
        refused_by(keys, lambda who=who: keys.custody.rotate_project_key("admissions", "r", by=who))
        refused_by(keys, lambda who=who: keys.custody.rotate_root(_never, by=who))
    assert refused_by(keys, lambda: keys.custody.rotate_project_key("none", "r", by=DARIA)) == "project.unknown"


def test_nobody_has_to_do_with_the_keys_of_their_own_project(keys: Keys) -> None:
    """A data engineer who is named in the project neither rotates its key nor asks for it."""
    since = invented_person("ewa", "haven", {Role.DATA_ENGINEER}, date(2027, 1, 31))
    keys.access.register_person(since, by=HOUSE)
    ewa = person("ewa")
    assert refused_by(keys, lambda: keys.custody.rotate_project_key("admissions", "r", by=ewa)) == "keys.own_project"
    asked = lambda: keys.custody.request_unwrap("admissions", keys.recipient, "r", by=ewa)  # noqa: E731
    assert refused_by(keys, asked) == "keys.own_project"


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
    assert refused_by(keys, lambda: keys.custody.hand_out(asked.id, by=DARIA)) == "keys.request_over"
    assert [one.state for one in keys.custody.unwraps()] == [UnwrapState.HANDED_OUT]
    shown = repr([event.details for event in keys.access.records.log.events])  # type: ignore[attr-defined]
    assert str(held["key"]) not in shown


def test_who_may_not_ask(keys: Keys) -> None:
    """No researcher, no delegate, no organisation, no service; not for a key that nobody can open."""
    for who in (ASHA, GWEN, organisation("gp"), service("linkage")):
        refused_by(keys, lambda who=who: keys.custody.request_unwrap("admissions", keys.recipient, "r", by=who))
    wrong = lambda: keys.custody.request_unwrap("admissions", "age1nobody", "r", by=DARIA)  # noqa: E731
    assert refused_by(keys, wrong) == "keys.no_recipient"


def test_who_may_not_approve(keys: Keys) -> None:
    """Not who asked, even as a delegate; no engineer, no delegate of another controller, nobody of the project."""
    dora = person("dora")
    own = keys.custody.request_unwrap("admissions", keys.recipient, "r", by=dora)
    assert refused_by(keys, lambda: keys.custody.approve_unwrap(own.id, by=dora)) == "keys.own_request"
    assert refused_by(keys, lambda: keys.custody.approve_unwrap(own.id, by=DARIA)) == "keys.no_delegate"
    stranger = invented_person("ines", "university", {Role.CONTROLLER_DELEGATE}, date(2027, 1, 31))
    member = invented_person("asha", "gp", {Role.CONTROLLER_DELEGATE}, date(2027, 1, 31))
    for one, rule in ((stranger, "keys.no_delegate"), (member, "keys.own_project")):
        keys.access.register_person(one, by=HOUSE)
        assert refused_by(keys, lambda one=one: keys.custody.approve_unwrap(own.id, by=person(one.id))) == rule
    assert refused_by(keys, lambda: keys.custody.approve_unwrap("none", by=GWEN)) == "keys.request_unknown"
    assert keys.custody.approve_unwrap(own.id, by=HARI).approved_by == "hari"
    assert refused_by(keys, lambda: keys.custody.approve_unwrap(own.id, by=GWEN)) == "keys.request_over"


def test_nothing_is_handed_out_before_the_approval_or_to_another(keys: Keys) -> None:
    """The request alone opens nothing, and the approved one opens for who asked only."""
    asked = keys.custody.request_unwrap("admissions", keys.recipient, "r", by=DARIA)
    assert refused_by(keys, lambda: keys.custody.hand_out(asked.id, by=DARIA)) == "keys.not_approved"
    keys.custody.approve_unwrap(asked.id, by=GWEN)
    assert refused_by(keys, lambda: keys.custody.hand_out(asked.id, by=person("emil"))) == "keys.not_yours"
    assert refused_by(keys, lambda: keys.custody.hand_out("none", by=DARIA)) == "keys.request_unknown"


def test_a_request_and_an_approval_have_their_time(keys: Keys) -> None:
    """Two days to approve, one day to take; then it has lapsed and is asked for again."""
    asked = keys.custody.request_unwrap("admissions", keys.recipient, "r", by=DARIA)
    keys.clock.at += timedelta(hours=48, seconds=1)
    assert refused_by(keys, lambda: keys.custody.approve_unwrap(asked.id, by=GWEN)) == "keys.lapsed"
    again = keys.custody.request_unwrap("admissions", keys.recipient, "r", by=DARIA)
    keys.custody.approve_unwrap(again.id, by=GWEN)
    keys.clock.at += timedelta(hours=24, seconds=1)
    assert refused_by(keys, lambda: keys.custody.hand_out(again.id, by=DARIA)) == "keys.lapsed"
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
    assert refused_by(keys, lambda: keys.custody.approve_unwrap(asked.id, by=GWEN)) == "person.suspended"
    assert refused_by(keys, lambda: keys.custody.hand_out(asked.id, by=DARIA)) == "person.suspended"


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
        assert refused_by(keys, call) == "project.withdrawn"


def test_the_word_of_a_delegate_who_was_barred_or_closed_opens_nothing(keys: Keys) -> None:
    """An approval counts as long as who gave it could give it today."""
    barred = _approved_unwrap(keys)
    keys.access.sanction("person:gwen", "A breach of the rules.", None, by=HOUSE)
    assert refused_by(keys, lambda: keys.custody.hand_out(barred, by=DARIA)) == "keys.approval_void"
    asked = keys.custody.request_unwrap("admissions", keys.recipient, "r", by=DARIA)
    keys.custody.approve_unwrap(asked.id, by=HARI)
    keys.access.close_person("hari", "Left the hospital.", by=HOUSE)
    assert refused_by(keys, lambda: keys.custody.hand_out(asked.id, by=DARIA)) == "keys.approval_void"


def test_who_joined_the_project_meanwhile_takes_no_key(keys: Keys) -> None:
    """A person who asked and leads a later version of the project is inside it."""
    approved = _approved_unwrap(keys)
    keys.access.apply(project_file(lead="daria"), applicant="asha", by=ASHA)
    assert refused_by(keys, lambda: keys.custody.hand_out(approved, by=DARIA)) == "keys.own_project"


def test_who_leads_the_project_or_was_in_it_is_not_outside(keys: Keys) -> None:
    """Neither its lead, who need not be among its people, nor who led an earlier version."""
    for lead in ("emil", "daria"):
        keys.access.apply(project_file(lead=lead), applicant="asha", by=ASHA)
    keys.access.apply(project_file(title="Without the two of them"), applicant="asha", by=ASHA)
    make_live(keys.access)
    for who in (person("emil"), DARIA):
        rotated = lambda who=who: keys.custody.rotate_project_key("admissions", "r", by=who)  # noqa: E731
        asked = lambda who=who: keys.custody.request_unwrap("admissions", keys.recipient, "r", by=who)  # noqa: E731
        assert [refused_by(keys, rotated), refused_by(keys, asked)] == ["keys.own_project"] * 2
