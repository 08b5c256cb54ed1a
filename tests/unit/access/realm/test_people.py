"""Who gets a log-in, whose is changed and whose is closed: registered people against users, as a table."""

from __future__ import annotations

from datetime import date

import pytest

from access.model import Person, Role
from access.realm.people import Change, Disable, LeftOut, Provision, Step, User, steps_between

TODAY = date(2026, 3, 1)
RESEARCHER = frozenset({"researcher"})


def _person(**changes: object) -> Person:
    plain = {
        "id": "asha",
        "name": "Asha Rao",
        "organisation": "university",
        "roles": frozenset({Role.RESEARCHER}),
        "training_ends": date(2026, 12, 31),
    }
    return Person(**{**plain, **changes})  # type: ignore[arg-type]


def _user(**changes: object) -> User:
    return User(**{"id": "u1", "name": "asha", "enabled": True, "groups": RESEARCHER, **changes})  # type: ignore[arg-type]


AUDITOR = _user(groups=frozenset({"auditor"}))
MORE = _user(others=("realm-admin",))
UNTRAINED = _person(training_ends=date(2026, 2, 28))
TABLE: dict[str, tuple[list[Person], list[User], list[Step]]] = {
    "nobody": ([], [], []),
    "as it should be": ([_person()], [_user()], []),
    "new": ([_person()], [], [Provision("asha", RESEARCHER)]),
    "another role": ([_person()], [AUDITOR], [Change(AUDITOR, RESEARCHER)]),
    "a role given by hand": ([_person()], [MORE], [Change(MORE, RESEARCHER)]),
    "back again": ([_person()], [_user(enabled=False)], [Change(_user(enabled=False), RESEARCHER)]),
    "suspended": ([_person(suspended=True)], [_user()], [Disable(_user(), "person.suspended", "asha")]),
    "training ended": ([UNTRAINED], [_user()], [Disable(_user(), "person.training_expired", "asha")]),
    "last day of training": ([_person(training_ends=TODAY)], [_user()], []),
    "already closed": ([_person(suspended=True)], [_user(enabled=False, groups=frozenset())], []),
    "closed but still in a group": (
        [_person(suspended=True)], [_user(enabled=False)], [Disable(_user(enabled=False), "person.suspended", "asha")]
    ),
    "a stranger": ([], [_user(name="eve")], [Disable(_user(name="eve"), "person.unknown")]),
    "a stranger who is closed": ([], [_user(name="eve", enabled=False, groups=frozenset())], []),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_who_logs_in_follows_who_may_act(name: str) -> None:
    """For each pair of a registered person and a user: exactly what must be done, and nothing where all is so."""
    people, users, steps = TABLE[name]
    assert steps_between(people, users, TODAY) == steps


@pytest.mark.parametrize("name", ["Asha", "asha rao", "asha@example", "-asha", "", "a" * 61, "ásha"])
def test_an_id_that_keycloak_would_change_gets_no_log_in(name: str) -> None:
    """Two people could come to share an account where capitals are lost: such an id is left out, and told."""
    (step,) = steps_between([_person(id=name)], [], TODAY)
    assert isinstance(step, LeftOut)
    assert step.refused.code == "person.id_form"
