"""May a login act as whom `--as` names? Every kind of actor and of login; and which sessions ended."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from access.decisions import Refused
from access.identity.ended_sessions import EndedInFolder
from access.identity.model import LEEWAY, LONGEST_LIFE
from access.identity.policies import may_act_as
from access.organisations.model import Sanction
from access.people.model import Person, Role
from audit.clock import FixedClock
from audit.model import Actor, organisation, person, service
from tests.fakes.people import invented_person
from tests.fakes.tokens import NOW

GWEN = invented_person("gwen", "gp", {Role.CONTROLLER_DELEGATE}, date(2027, 1, 1))
ASHA = invented_person("asha", "gp", {Role.RESEARCHER}, date(2027, 1, 1))
BARRED = Sanction("s1", "person:gwen", "sold extracts on", NOW.date(), None, None)


@pytest.mark.parametrize(
    ("actor", "known", "login", "rule"),
    [
        (person("gwen"), GWEN, "gwen", None),
        (organisation("gp"), GWEN, "gwen", None),
        (person("asha"), GWEN, "gwen", "login.another"),
        (organisation("hospital"), GWEN, "gwen", "login.no_delegate"),
        (organisation("gp"), ASHA, "asha", "login.no_delegate"),
        (service("gateway"), GWEN, "gwen", "login.no_person"),
        (Actor("gwen"), GWEN, "gwen", "login.no_person"),
        (person("gwen"), None, "gwen", "login.unknown_person"),
        (person("gwen"), ASHA, "gwen", "login.unknown_person"),
        (person("gwen"), replace(GWEN, suspended=True), "gwen", "person.suspended"),
        (organisation("gp"), replace(GWEN, suspended=True), "gwen", "person.suspended"),
        (organisation("gp"), replace(GWEN, closed_on=NOW.date()), "gwen", "person.closed"),
        (person("gwen"), replace(GWEN, sanctions=(BARRED,)), "gwen", "person.sanctioned"),
    ],
)
def test_a_login_acts_as_its_person_and_as_the_organisation_whose_delegate_they_are(
    actor: Actor, known: Person | None, login: str, rule: str | None
) -> None:
    """Allowed, or the rule that refuses."""
    decision = may_act_as(actor, known, login, NOW.date())
    assert (decision.code if isinstance(decision, Refused) else None) == rule


def test_an_ended_session_is_known_until_its_last_token_has_expired(tmp_path: Path) -> None:
    """By its hash; older ones are forgotten when the next one ends."""
    clock = FixedClock(NOW)
    ended = EndedInFolder(tmp_path / "ended", clock)
    assert not ended.has("one")
    ended.add("one")
    assert ended.has("one")
    assert not ended.has("two")
    (file,) = (tmp_path / "ended").iterdir()
    assert "one" not in file.name
    os.utime(file, (NOW.timestamp(), NOW.timestamp()))
    clock.at = NOW + LONGEST_LIFE + LEEWAY + timedelta(seconds=1)
    ended.add("two")
    assert not ended.has("one")


def test_a_session_is_no_path(tmp_path: Path) -> None:
    """Whatever an issuer calls a session, it names a file in the folder."""
    ended = EndedInFolder(tmp_path / "ended", FixedClock(NOW))
    ended.add("../../elsewhere")
    assert ended.has("../../elsewhere")
    assert [path.name for path in tmp_path.iterdir()] == ["ended"]
