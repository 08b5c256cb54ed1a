"""What everybody relies on of users, the same for the real Keycloak and for the one in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from access.realm.people import Change, Disable, Provision, User
from access.realm.service import Users
from tests.fakes.keycloak import KeycloakForTests
from tests.fakes.realm import MemoryUsers

PASSWORD = "one-time bcdf-ghjk-mnpq"


@pytest.fixture(params=["in memory", "Keycloak"])
def users(request: pytest.FixtureRequest) -> Iterator[Users]:
    """No user yet."""
    if request.param == "in memory":
        yield MemoryUsers()
        return
    keycloak: KeycloakForTests = request.getfixturevalue("keycloak")
    yield keycloak.users
    for user in keycloak.users.users():
        keycloak.realm.admin.delete_user(user.id)


def _only(users: Users) -> User:
    (user,) = users.users()
    return user


def test_who_was_provisioned_may_log_in_with_the_roles_given(users: Users) -> None:
    """A new user is enabled, is in the groups of the roles, and holds nothing else."""
    users.provision(Provision("asha", frozenset({"researcher", "auditor"})), PASSWORD)
    user = _only(users)
    assert (user.name, user.enabled, user.groups, user.others) == ("asha", True, {"researcher", "auditor"}, ())


def test_a_change_leaves_exactly_the_roles_it_says(users: Users) -> None:
    """Groups that are not named are left, those that are named are entered."""
    users.provision(Provision("asha", frozenset({"researcher", "auditor"})), PASSWORD)
    users.change(Change(_only(users), frozenset({"auditor", "output_checker"})))
    assert _only(users).groups == {"auditor", "output_checker"}


def test_who_is_disabled_holds_nothing_and_comes_back_by_a_change(users: Users) -> None:
    """A disabled user is in no group; a change enables it again."""
    users.provision(Provision("asha", frozenset({"researcher"})), PASSWORD)
    users.disable(Disable(_only(users), "person.suspended", "asha"))
    assert (_only(users).enabled, _only(users).groups) == (False, frozenset())
    users.change(Change(_only(users), frozenset({"researcher"})))
    assert (_only(users).enabled, _only(users).groups) == (True, {"researcher"})


def test_a_reset_changes_no_role(users: Users) -> None:
    """A new one-time password leaves a user's roles as they are."""
    users.provision(Provision("asha", frozenset({"researcher"})), PASSWORD)
    before = _only(users)
    users.reset(before, PASSWORD + "-rstv")
    assert _only(users) == before
