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
    """key_id, version, check_value, datasets of a new round's key. asked: name, datasets, by. Raises KeyRingError."""
    return Answer(asdict(_rounds(room).create(asked["name"], asked["datasets"], by=asked["by"])))


def find_round(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """found: key_id, version, check_value, datasets, or nothing. asked: name. Raises RoundDestroyed."""
    found = _rounds(room).find(asked["name"])
    return Answer({"found": asdict(found) if found else None})


def sealed_round(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """sealed: the round's signed file in Base64. asked: name, recipient, days, by.

    Raises RecipientUnlisted, RoundTaken, KeyRingError.
    """
    recipient = asked["recipient"]
    if room.listed is not None and not room.listed(recipient):
        raise RecipientUnlisted(
            "No controller is listed with this recipient, and the key is sealed for nobody else.",
            where="recipient",
            mend="Root puts the controller's public key into the home's folder zones/controllers: NAME.recipient.",
        )
    file = _rounds(room).sealed(asked["name"], recipient, days=asked["days"], by=asked["by"])
    return Answer({"sealed": b64encode(file).decode()})


def round_signer(room: Room, _: Plain, __: Iterator[Named]) -> Answer:
    """signer: the public key that checks rounds' files, as a line."""
    return Answer({"signer": _rounds(room).signer()})


def destroy_round(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """gone: is no file left that holds the key? asked: name, by. Raises KeyRingError."""
    return Answer({"gone": _rounds(room).destroy(asked["name"], by=asked["by"])})


def forget_round(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """A key goes without a certificate, and leaves its tombstone. asked: name, by. Raises KeyRingError."""
    _rounds(room).forget(asked["name"], by=asked["by"])
    return Answer()


def ended_rounds(room: Room, _: Plain, __: Iterator[Named]) -> Answer:
    """ended: the tombstones."""
    return Answer({"ended": [asdict(one) for one in _rounds(room).ended()]})


def _rounds(room: Room) -> RoundsHere:
    return RoundsHere(room.keyring)
