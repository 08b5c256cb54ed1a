"""The rounds' keys in this process: of a haven of one account, and within the linkage zone's own process."""

from __future__ import annotations

import json

from access.keys.errors import KeyRingError
from access.keys.model import HeldKey, KeyName
from access.keys.rounds import STANDING_ROUNDS, RoundKeys
from access.keys.sealing import age_recipient, sealed_for


class RoundsHere:
    """The keys of rounds made by name. The standing ones are made, taken and destroyed by nobody through it."""

    def __init__(self, rounds: RoundKeys) -> None:
        self._rounds = rounds

    def create(self, name: str) -> KeyName:
        """As the port says."""
        return _name(self._rounds.create(_not_standing(name)))

    def find(self, name: str) -> KeyName | None:
        """As the port says."""
        held = self._rounds.find(name) if name not in STANDING_ROUNDS else None
        return _name(held) if held else None

    def sealed(self, name: str, recipient: str) -> bytes:
        """As the port says."""
        age_recipient(recipient).require()
        held = self._rounds.find(_not_standing(name))
        if held is None:
            raise KeyRingError(
                "The file of the round's key is missing.", where=name, mend="Restore the folder of keys."
            )
        return sealed_for(recipient, as_text(held))

    def destroy(self, name: str) -> bool:
        """As the port says."""
        self._rounds.destroy(_not_standing(name))
        return not self._rounds.lies_here(name)

    def forget(self, name: str) -> None:
        """As the port says."""
        self._rounds.forget(_not_standing(name))


def as_text(key: HeldKey) -> bytes:
    """What stands in a sealed file: the key with what it is checked by."""
    return json.dumps(
        {"key_id": key.key_id, "version": key.version, "check_value": key.check_value, "key": key.key.hex()}
    ).encode()


def _name(key: HeldKey) -> KeyName:
    return KeyName(key.key_id, key.version, key.check_value)


def _not_standing(name: str) -> str:
    if name in STANDING_ROUNDS:
        raise KeyRingError(
            "Every linkage needs this round's key: it is neither taken nor destroyed.",
            where=name,
            mend="Make a round of another name.",
        )
    return name
