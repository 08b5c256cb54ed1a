"""The rounds' keys in this process: of a haven of one account, and within the linkage zone's own process.

What goes to a controller is signed here, by a key of the linkage role: whoever asks for it can neither make nor change
one, where accounts are apart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import timedelta

from access.keys.errors import KeyRingError
from access.keys.model import EndedRound, HeldKey, RoundSign
from access.keys.ring import KeyRing
from access.keys.round_file import SIGNER, RoundFile, signed_file
from access.keys.rounds import STANDING_ROUNDS
from access.keys.sealing import age_recipient, sealed_for
from access.keys.signatures import line_of
from audit.clock import Clock, SystemClock

SIGNS = "round"
"""The purpose of the key that signs."""
MOST_DAYS = 366
"""For which a round's file may be used."""
DATASET = re.compile(r"[a-z][a-z0-9_]{0,62}")


class RoundsHere:
    """The keys of rounds made by name. The standing ones are made, taken and destroyed by nobody through it."""

    def __init__(self, keyring: KeyRing, clock: Clock | None = None) -> None:
        self._keyring = keyring
        self._rounds = keyring.rounds
        self._clock = clock or SystemClock()

    def create(self, name: str, datasets: Sequence[str], *, by: str) -> RoundSign:
        """As the port says."""
        if not datasets or not all(DATASET.fullmatch(one) for one in datasets):
            raise KeyRingError(
                "This is no name of a dataset.",
                where="dataset",
                mend="Name it as its contract does: haven contract list",
            )
        made = self._rounds.create(_not_standing(name), datasets, at=self._clock.now(), by=by)
        return _sign(made, tuple(datasets))

    def find(self, name: str) -> RoundSign | None:
        """As the port says."""
        held = self._rounds.find(name) if name not in STANDING_ROUNDS else None
        return _sign(held, self._rounds.datasets_of(name)) if held else None

    def sealed(self, name: str, recipient: str, *, days: int, by: str) -> bytes:
        """As the port says."""
        age_recipient(recipient).require()
        if not 1 <= days <= MOST_DAYS:
            raise KeyRingError(
                "A round's file cannot be used for so many days.", where="days", mend=f"Say 1 to {MOST_DAYS}."
            )
        held, datasets = self._rounds.find(_not_standing(name)), self._rounds.datasets_of(name)
        if held is None:
            raise KeyRingError(
                "The file of the round's key is missing.", where=name, mend="Restore the folder of keys."
            )
        if not datasets:
            raise KeyRingError(
                "This round was made before rounds named their datasets: its file cannot say for what it is.",
                where=name,
                mend="Make a new round: haven keys new-round NAME --dataset DATASET",
            )
        now = self._clock.now()
        self._rounds.use(name, recipient, at=now, by=by)
        file = RoundFile(held.key_id, held.version, held.check_value, datasets, recipient, now,
                         now + timedelta(days=days), sealed_for(recipient, as_text(held)))  # fmt: skip
        return signed_file(file, self._keyring.signing_key(SIGNS))

    def signer(self) -> str:
        """As the port says."""
        return line_of(self._keyring.signing_key(SIGNS).public_key().public_bytes_raw(), SIGNER)

    def destroy(self, name: str, *, by: str) -> bool:
        """As the port says."""
        self._rounds.destroy(_not_standing(name), at=self._clock.now(), by=by)
        return not self._rounds.lies_here(name)

    def forget(self, name: str, *, by: str) -> None:
        """As the port says."""
        self._rounds.forget(_not_standing(name), at=self._clock.now(), by=by)

    def ended(self) -> list[EndedRound]:
        """As the port says."""
        return self._rounds.ended()


def as_text(key: HeldKey) -> bytes:
    """What stands in a sealed file: the key with what it is checked by."""
    return json.dumps(
        {"key_id": key.key_id, "version": key.version, "check_value": key.check_value, "key": key.key.hex()}
    ).encode()


def _sign(key: HeldKey, datasets: tuple[str, ...]) -> RoundSign:
    return RoundSign(key.key_id, key.version, key.check_value, datasets)


def _not_standing(name: str) -> str:
    if name in STANDING_ROUNDS:
        raise KeyRingError(
            "Every linkage needs this round's key: it is neither taken nor destroyed.",
            where=name,
            mend="Make a round of another name.",
        )
    return name
