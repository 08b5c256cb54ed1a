"""The one table of roles: complete, explained, and what its page and its realm are made of."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from access.model import Role
from access.realm.representation import realm_representation
from access.realm.roles import (
    COMMAND_LINE,
    GATEWAY,
    HUB,
    LONGEST_SESSION,
    PORTAL,
    ROLES,
    longest_session,
    page,
    roles_of,
)
from access.realm.wanted.settings import RealmSettings

ROOT = Path(__file__).parents[4]


def test_the_page_is_generated_from_the_table() -> None:
    """docs/reference/roles.md is what the table of roles gives."""
    assert (ROOT / "docs" / "reference" / "roles.md").read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("role", Role)
def test_each_role_has_a_line_that_explains_it(role: Role) -> None:
    """Every role of the model has its line: a sentence, a place where it counts, and a session no longer than a day."""
    line = ROLES[role]
    assert line.title
    assert line.may.endswith(".")
    assert line.clients <= {PORTAL, HUB, COMMAND_LINE}
    assert line.clients
    assert timedelta(minutes=15) <= longest_session([role]) <= LONGEST_SESSION


@pytest.mark.parametrize("role", Role)
def test_each_role_stands_in_the_glossary(role: Role) -> None:
    """The word that people use for a role is one of GLOSSARY.md."""
    words = re.findall(r"^\*\*(.+?)\*\*", (ROOT / "GLOSSARY.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert ROLES[role].term in words


def test_each_role_reaches_the_realm() -> None:
    """Every role is a role and a group of the realm, and in the scope of just the clients of its line."""
    realm = realm_representation(RealmSettings())
    named = {role["name"] for role in realm["roles"]["realm"]}
    assert {role.value for role in Role} <= named
    assert {group["name"] for group in realm["groups"]} == {role.value for role in Role}
    scopes = {one["client"]: set(one["roles"]) for one in realm["scopeMappings"]}
    assert scopes == {
        client: {role.value for role, line in ROLES.items() if client in line.clients}
        for client in (PORTAL, HUB, GATEWAY, COMMAND_LINE)
    }


def test_the_administrators_role_is_not_in_workspaces() -> None:
    """What a workspace can get hold of is a researcher's token at most."""
    assert roles_of(HUB) == (Role.RESEARCHER,)


def test_the_strictest_role_sets_the_session() -> None:
    """Somebody with several roles is logged in no longer than the strictest of them allows."""
    assert longest_session([Role.RESEARCHER, Role.ADMINISTRATOR]) == timedelta(hours=1)
    assert longest_session([]) == LONGEST_SESSION
