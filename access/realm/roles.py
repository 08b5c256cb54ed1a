"""What does each role mean, may it do, and where may it be used? The one table; realm and role page follow from it.

Rules: Caldicott 4 (need to know), National Data Guardian 4 (access no wider than the role). A role without a line
here is an error when this module is read, so that none can reach Keycloak, or a token, unexplained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from access.model import Role

PORTAL, HUB, GATEWAY, COMMAND_LINE = "haven-portal", "haven-hub", "haven-gateway", "haven-cli"
DESKS = frozenset({PORTAL, COMMAND_LINE})
LONGEST_SESSION = timedelta(hours=10)
"""A working day: nobody stays logged in longer, whatever their roles."""


@dataclass(frozen=True)
class RoleLine:
    """One role: what it is called, what it may do, its entry in the glossary, and where tokens carry it.

    session: how long a log-in counts where this role is held; None: as long as everybody's (LONGEST_SESSION).
    """

    title: str
    may: str
    term: str
    clients: frozenset[str]
    session: timedelta | None = None


ROLES: Mapping[Role, RoleLine] = {
    Role.DATA_ENGINEER: RoleLine(
        "Data engineer",
        "receives deliveries, runs linkage and publishes scopes; sees counts and states, no record.",
        "Data engineer",
        frozenset({COMMAND_LINE}),
        timedelta(hours=8),
    ),
    Role.RESEARCHER: RoleLine(
        "Researcher",
        "applies for a project, queries what its approvals allow, and asks that results leave.",
        "Researcher",
        frozenset({PORTAL, HUB, COMMAND_LINE}),
    ),
    Role.OUTPUT_CHECKER: RoleLine(
        "Output checker",
        "judges what other people's projects want to take out, blind to the other checker.",
        "Output checker",
        DESKS,
    ),
    Role.CONTROLLER_DELEGATE: RoleLine(
        "Controller's delegate",
        "decides for one controller about the parts of projects, keys and releases that concern its datasets.",
        "Controller's delegate",
        DESKS,
    ),
    Role.AUDITOR: RoleLine(
        "Auditor",
        "reads the log and its proofs; changes nothing.",
        "Auditor",
        DESKS,
    ),
    Role.COMMISSIONER: RoleLine(
        "Commissioner",
        "receives what was released to it, and is told when it is recalled.",
        "Commissioner",
        frozenset({PORTAL}),
    ),
    Role.LINKAGE_REVIEWER: RoleLine(
        "Linkage reviewer",
        "approves linkage models and decides doubtful pairs; the only one who sees two records side by side.",
        "Linkage reviewer",
        frozenset({COMMAND_LINE}),
        timedelta(hours=4),
    ),
    Role.ADMINISTRATOR: RoleLine(
        "Administrator",
        "registers people and organisations, suspends them, and keeps the haven running; opens no zone.",
        "Administrator",
        DESKS,
        timedelta(hours=1),
    ),
}

if missing := set(Role) - set(ROLES):
    raise LookupError(f"roles without a line in the table: {', '.join(sorted(missing))}")


def roles_of(client: str) -> tuple[Role, ...]:
    """The roles that a token made for this client can carry, in the order of the table."""
    return tuple(role for role, line in ROLES.items() if client in line.clients)


def longest_session(roles: Iterable[Role]) -> timedelta:
    """How long a log-in of somebody with these roles counts: the strictest of them."""
    return min((session for role in roles if (session := ROLES[role].session)), default=LONGEST_SESSION)


def page() -> str:
    """The page docs/reference/roles.md, generated from the table."""
    return "\n".join(
        [
            "# Roles",
            "",
            "What a person does in the haven. Nobody has a role by default; a person may hold several. This page",
            "and the realm in Keycloak follow from one table, `access/realm/roles.py` ([identity](../identity.md)).",
            "",
            "| role | in tokens | may | logs in for at most |",
            "|---|---|---|---|",
            *(_row(role, line) for role, line in ROLES.items()),
            "",
            "## Where each role counts",
            "",
            "A token carries a role only where the table says so: no workspace's token makes anybody an administrator.",
            "",
            f"| role | {' | '.join(CLIENTS_IN_WORDS.values())} |",
            f"|---|{'---|' * len(CLIENTS_IN_WORDS)}",
            *(_places(line) for line in ROLES.values()),
            "",
        ]
    )


CLIENTS_IN_WORDS = {PORTAL: "portal", HUB: "workspaces", COMMAND_LINE: "command line"}


def _row(role: Role, line: RoleLine) -> str:
    hours = int(longest_session([role]).total_seconds() // 3600)
    return f"| {line.title} | `{role.value}` | {line.may} | {hours} h |"


def _places(line: RoleLine) -> str:
    cells = ("yes" if client in line.clients else "" for client in CLIENTS_IN_WORDS)
    return f"| {line.title} | {' | '.join(cells)} |"
