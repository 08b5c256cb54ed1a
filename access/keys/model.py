"""What is a key here, and who may derive it? Roles as a table: one line for each kind of derived key.

A process that holds one role's key can derive that role's keys and no other's (least privilege; NIST SP 800-57 part 1,
section 5.2: one key, one purpose). A kind that stands in no line is derived by nobody.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

KEY_BYTES = 32
VERSION = re.compile(r"(?<=^sign/token)/v[1-9][0-9]{0,8}$")  # the issuer's key rotates
CHECK_BYTES = 8


class KeyRole(StrEnum):
    """For whom a role key is unwrapped."""

    LINKAGE = "linkage"  # reads identifiers, makes tokens, holds the rounds
    RESEARCH = "research"  # reads payload under person numbers
    SCOPES = "scopes"  # builds and opens a project's own file: the publisher and the gateway
    PROJECTS = "projects"  # makes pseudonyms
    AIRLOCK = "airlock"  # signs what leaves
    IDENTITY = "identity"  # signs the tokens of the development issuer
    CUSTODY = "custody"  # signs what is said of keys
    INTAKE = "intake"  # opens what controllers seal for the haven


MAY_DERIVE: dict[str, KeyRole] = {
    "zone/linkage": KeyRole.LINKAGE,
    "zone/quarantine": KeyRole.LINKAGE,
    "zone/review": KeyRole.LINKAGE,
    "zone/optouts": KeyRole.LINKAGE,
    "zone/objections": KeyRole.LINKAGE,
    "zone/research": KeyRole.RESEARCH,
    "scope/": KeyRole.SCOPES,
    "evidence/": KeyRole.SCOPES,  # seals what stands behind a query's figures
    "sign/evidence": KeyRole.SCOPES,
    "token/": KeyRole.LINKAGE,
    "age/deliveries": KeyRole.INTAKE,
    "project/": KeyRole.PROJECTS,
    "ledger/": KeyRole.PROJECTS,  # makes the marks under which the release ledger knows people, in all projects
    "sign/release": KeyRole.AIRLOCK,
    "sign/token": KeyRole.IDENTITY,
    "sign/certificate": KeyRole.CUSTODY,
    "sign/round": KeyRole.LINKAGE,  # signs the files in which rounds' keys go to controllers
    "secret/": KeyRole.CUSTODY,
}
"""What a key is for, and the role that derives it; a line that ends in a stroke stands for all that begin so."""


def role_of(context: str) -> KeyRole | None:
    """The role that derives this key; None: nobody does."""
    context = VERSION.sub("", context)
    kind = context.partition("/")[0] + "/"
    return MAY_DERIVE.get(context) or MAY_DERIVE.get(kind)


def check_value(key: bytes) -> str:
    """What may be shown of a key: 64 bits of an HMAC under it, in hex. Equal keys have equal ones."""
    return hmac.digest(key, b"haven key check value", "sha256")[:CHECK_BYTES].hex()


@dataclass(frozen=True)
class HeldKey:
    """A key in memory: its id and version, its bytes (32, never shown), and a value to check it by."""

    key_id: str
    version: int
    key: bytes = field(repr=False)
    check_value: str


@dataclass(frozen=True)
class KeyName:
    """A key as it is told of where it does not lie: its id and version, and a value to check it by."""

    key_id: str
    version: int
    check_value: str


@dataclass(frozen=True)
class RoundSign(KeyName):
    """A round's key as it is told of, and for which datasets it is; none: a round from before they named theirs."""

    datasets: tuple[str, ...] = ()


class RoundEnd(StrEnum):
    """How a round's key was erased: with a certificate, or without one."""

    DESTROYED = "destroyed"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True)
class EndedRound:
    """What stays of a round whose key was erased: its tombstone. Nothing is told of what was never written down.

    ended_by: as whoever asked for it said. used_for: the recipient for whom the key was sealed.
    """

    name: str
    end: RoundEnd
    check_value: str | None = None
    datasets: tuple[str, ...] = ()
    made_at: str | None = None
    made_by: str | None = None
    used_at: str | None = None
    used_by: str | None = None
    used_for: str | None = None
    ended_at: str | None = None
    ended_by: str | None = None


class RoundState(StrEnum):
    """A round key's life: made, used once, destroyed."""

    CREATED = "created"
    USED = "used"
    DESTROYED = "destroyed"


class UnwrapState(StrEnum):
    """Two people unwrap a project key: asked by one, approved by another, handed out once."""

    REQUESTED = "requested"
    APPROVED = "approved"
    HANDED_OUT = "handed_out"
    LAPSED = "lapsed"


@dataclass(frozen=True)
class KeyEntry:
    """One key as anybody may see it: what it is, its version, its check value, and its state in a word."""

    key_id: str
    version: int
    check_value: str
    state: str


@dataclass(frozen=True)
class RoundKey:
    """The record of a round key. datasets: of whose records it makes tokens; none: from before rounds named theirs."""

    name: str
    purpose: str
    check_value: str
    state: RoundState
    created_at: datetime
    created_by: str
    used_at: datetime | None = None
    used_by: str | None = None
    datasets: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnwrapRequest:
    """One person asks for a project key, sealed for one recipient, with a reason."""

    id: str
    project: str
    version: int
    recipient: str
    reason: str
    requested_by: str
    requested_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    ends: datetime
    state: UnwrapState
