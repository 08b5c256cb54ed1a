"""What is done with the keys of rounds within the linkage zone? They lie there; signs and sealed files come out.

Nobody outside gets a key in clear. Where accounts are apart it is sealed only for a recipient that root has listed: the
administrator's account, which asks, could else name its own.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import asdict

from access.keys.errors import RecipientUnlisted
from access.keys.rounds_here import RoundsHere
from linkage.separation.ports import Answer, Named, Plain, Room


def create_round(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """key_id, version, check_value of a new round's key. asked: name. Raises KeyRingError."""
    return Answer(asdict(_rounds(room).create(asked["name"])))


def find_round(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """found: key_id, version and check_value, or nothing. asked: name. Raises RoundDestroyed."""
    found = _rounds(room).find(asked["name"])
    return Answer({"found": asdict(found) if found else None})


def sealed_round(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """sealed: the key's file in Base64. asked: name, recipient. Raises RecipientUnlisted, KeyRingError."""
    recipient = asked["recipient"]
    if room.listed is not None and not room.listed(recipient):
        raise RecipientUnlisted(
            "No controller is listed with this recipient, and the key is sealed for nobody else.",
            where="recipient",
            mend="Root puts the controller's public key into the home's folder zones/controllers: NAME.recipient.",
        )
    return Answer({"sealed": b64encode(_rounds(room).sealed(asked["name"], recipient)).decode()})


def destroy_round(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """gone: is no file left that holds the key? asked: name. Raises KeyRingError."""
    return Answer({"gone": _rounds(room).destroy(asked["name"])})


def forget_round(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """A key that no record tells of goes. asked: name. Raises KeyRingError."""
    _rounds(room).forget(asked["name"])
    return Answer()


def _rounds(room: Room) -> RoundsHere:
    return RoundsHere(room.keyring.rounds)
