"""Who gets a log-in, whose is changed and whose is closed: registered people against users, as a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from access.organisations.model import Sanction
from access.people.model import Evidence, Person, Role
from access.realm.people import Change, Disable, LeftOut, Provision, Step, User, steps_between
from tests.fakes.people import assessed, invented_person

TODAY = date(2026, 3, 1)
RESEARCHER = frozenset({"researcher"})


def _person(**changes: object) -> Person:
    plain = invented_person("asha", "university", {Role.RESEARCHER})
    return replace(plain, **changes)  # type: ignore[arg-type]


def _user(**changes: object) -> User:
    return User(**{"id": "u1", "name": "asha", "enabled": True, "groups": RESEARCHER, **changes})  # type: ignore[arg-type]


AUDITOR = _user(groups=frozenset({"auditor"}))
MORE = _user(others=("realm-admin",))
UNTRAINED = invented_person("asha", "university", {Role.RESEARCHER}, date(2026, 2, 28))
BARRED = Sanction("s1", "person:asha", "sold extracts on", TODAY, None, None)
TABLE: dict[str, tuple[list[Person], list[User], list[Step]]] = {
    "nobody": ([], [], []),
    "as it should be": ([_person()], [_user()], []),
    "new": ([_person()], [], [Provision("asha", RESEARCHER)]),
    "another role": ([_person()], [AUDITOR], [Change(AUDITOR, RESEARCHER)]),
    "a role given by hand": ([_person()], [MORE], [Change(MORE, RESEARCHER)]),
    "back again": ([_person()], [_user(enabled=False)], [Change(_user(enabled=False), RESEARCHER)]),
    "suspended": ([_person(suspended=True)], [_user()], [Disable(_user(), "person.suspended", "asha")]),
    "training ended": ([UNTRAINED], [_user()], []),
    "training ended, and suspended": (
        [replace(UNTRAINED, suspended=True)], [_user()], [Disable(_user(), "person.suspended", "asha")]
    ),
    "left": ([_person(closed_on=TODAY)], [_user()], [Disable(_user(), "person.closed", "asha")]),
    "barred": ([replace(UNTRAINED, sanctions=(BARRED,))], [_user()], [Disable(_user(), "person.sanctioned", "asha")]),
    "barred with the employer": (
        [replace(UNTRAINED, employer=replace(assessed("university"), sanctions=(BARRED,)))], [_user()],
        [Disable(_user(), "organisation.sanctioned", "asha")],
    ),
    "never trained, a mover's": (
        [_person(evidence=Evidence())], [_user()], [Disable(_user(), "person.not_proofed", "asha")]
    ),
    "already closed": ([_person(suspended=True)], [_user(enabled=False, groups=frozenset())], []),
    "closed but still in a group": (
        [_person(suspended=True)], [_user(enabled=False)], [Disable(_user(enabled=False), "person.suspended", "asha")]
    ),
    "a stranger": ([], [_user(name="eve")], [Disable(_user(name="eve"), "person.unknown")]),
    "a stranger who is closed": ([], [_user(name="eve", enabled=False, groups=frozenset())], []),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_who_logs_in_follows_who_is_in(name: str) -> None:
    """For each pair of a registered person and a user: exactly what must be done, and nothing where all is so."""
    people, users, steps = TABLE[name]
    assert steps_between(people, users, TODAY) == steps


@pytest.mark.parametrize("name", ["Asha", "asha rao", "asha@example", "-asha", "", "a" * 61, "ásha"])
def test_an_id_that_keycloak_would_change_gets_no_log_in(name: str) -> None:
    """Two people could come to share an account where capitals are lost: such an id is left out, and told."""
    (step,) = steps_between([_person(id=name)], [], TODAY)
    assert isinstance(step, LeftOut)
    assert step.refused.code == "person.id_form"
