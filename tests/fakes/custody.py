"""A haven with people, a live project and its keys, for the rule books of keys."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyrage
import pytest

from access.decisions import RefusedError
from access.keys import KeyRing
from access.keys.custody import KeyCustody
from access.keys.round_file import SIGNER, RoundFile, is_signed_by, parts_of, statement_of
from access.keys.signatures import public_of_line
from access.people.model import Role
from access.service import Access
from audit.clock import FixedClock
from audit.events import EventName
from audit.model import person
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


def keys_at(folder: Path) -> Keys:
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
    ring = KeyRing.open(folder)
    identity = pyrage.x25519.Identity.generate()
    return Keys(clock, access, ring, KeyCustody(ring, records, access), str(identity.to_public()), identity)


def refused_by(keys: Keys, call: object) -> str:
    """The rule by which this is refused, and recorded."""
    with pytest.raises(RefusedError) as told:
        call()  # type: ignore[operator]
    assert keys.events[-1] in REFUSED
    assert told.value.refused.reason
    return told.value.refused.code
