"""May this sealed delivery come in? Opened with the haven's own age identity, and its round looked at first.

A wrong key is told by its check value before any row is read: it would be a match rate of nought otherwise.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from access.keys import KeyRing
from access.keys.errors import RoundDestroyed
from access.keys.model import RoundSign
from access.keys.ports import RoundSigns
from access.keys.rounds_here import RoundsHere
from access.keys.sealing import recipient_for, unseal
from linkage.intake.hidden import HiddenFile
from linkage.intake.manifest import TokenManifest
from linkage.intake.reasons import Fault
from linkage.standardise.specification import VERSION

AGE_HEADER = b"age-encryption.org/v1"
PURPOSE = "deliveries"


class SealedDoor:
    """Opens what controllers seal for this haven, with the key of the intake's role. rounds: None: in the same ring.

    real_data: no delivery of invented people comes in.
    """

    def __init__(self, keyring: KeyRing, *, rounds: RoundSigns | None = None, real_data: bool = False) -> None:
        self._keyring = keyring
        self._rounds = rounds
        self._real_data = real_data

    def __repr__(self) -> str:
        return "SealedDoor(sealed)"

    @property
    def recipient(self) -> str:
        """The age public key to seal deliveries for."""
        return recipient_for(self._keyring.age_secret(PURPOSE))

    @contextmanager
    def opened(self, path: Path, work: Path) -> Iterator[HiddenFile]:
        """The tar inside a sealed delivery, in clear nowhere but in memory. work: a private folder. Raises Fault."""
        work.mkdir(parents=True, exist_ok=True, mode=0o700)
        sealed = _plain_file(path)
        if sealed is None:
            raise Fault("delivery.not_found")
        with sealed, HiddenFile(work, "delivery.tar") as opened:
            if not unseal(self._keyring.age_secret(PURPOSE), sealed, opened):
                raise Fault("archive.not_for_us")
            yield opened

    def require_round(self, manifest: TokenManifest) -> None:
        """Is the round alive, and were the tokens made with its key, under our rules? Raises Fault."""
        if manifest.invented and self._real_data:
            raise Fault("round.invented")
        key = self._round(manifest.round)
        if key is None:
            raise Fault("round.unknown")
        if (key.check_value, key.version) != (manifest.round_check, manifest.round_version):
            raise Fault("round.wrong_key")
        if key.datasets and manifest.dataset not in key.datasets:
            raise Fault("round.dataset")
        if manifest.specification != VERSION:
            raise Fault("round.specification")

    def _round(self, name: str) -> RoundSign | None:
        """The sign of a living round. Raises Fault for one that was destroyed."""
        try:
            return (self._rounds or RoundsHere(self._keyring)).find(name)
        except RoundDestroyed:
            raise Fault("round.destroyed") from None


def is_sealed(path: Path) -> bool:
    """Is this file encrypted with age?"""
    file = _plain_file(path)
    if file is None:
        return False
    with file:
        return file.read(len(AGE_HEADER)) == AGE_HEADER


def _plain_file(path: Path) -> BinaryIO | None:
    """Opened where it is a file, and no link to one; never waited for, as a pipe put in its place would have us do."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    return None
