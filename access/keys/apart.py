"""How does a role get a root key of its own? Its key is wrapped anew in a folder of its own and leaves the common one.

The role key stays what it was, so every zone opens as before; but who can unwrap the common envelope can unwrap it no
more. The common root is rotated at the end: an older copy of the envelope alone opens under it no longer.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from access.keys.envelope import Envelope
from access.keys.errors import KeyRingError
from access.keys.files import erase, locked, write_private
from access.keys.model import KEY_BYTES, KeyRole
from access.keys.ports import RootKeys
from access.keys.ring import rotate_root
from access.keys.rounds import ROUNDS_FOLDER

ROTATION_OWED = "rotation-owed"
"""Stands in the common folder from before the switch until the common root has been rotated."""


def set_apart(folder: Path, now: RootKeys, own_folder: Path, own: RootKeys, roles: Collection[KeyRole]) -> bool:
    """Move these roles' keys to `own_folder` under the root `own`; False where that was done before.

    Killed at any point and run again, it finishes. Raises KeyRingError, also for a home whose roles share one secret.
    """
    with locked(folder), locked(own_folder):
        envelope = Envelope.read(folder)
        if envelope is None:
            raise KeyRingError("There are no role keys yet.", where=str(folder), mend="Run: haven keys list")
        here = [role for role in roles if role in envelope.wrapped]
        made = not here and _made_anew(own_folder, own, roles)
        if here and envelope.founding:
            raise KeyRingError(
                "This home was made before there were role keys: all its roles share one secret, and cannot be parted.",
                where=str(folder),
                mend="Make a new home, install its accounts, and receive the deliveries there.",
            )
        if here:
            own.make()
            Envelope.sealed(envelope.opened(now, here), own, founding=False).write(own_folder)
            if KeyRole.LINKAGE in here:
                _copy_rounds(folder, own_folder)
            write_private(folder / ROTATION_OWED, b"")
            envelope.without(here).write(folder)  # the switch: before it the old place counts, after it the new one
        _erase_rounds(folder, roles)
    if (folder / ROTATION_OWED).exists():
        rotate_root(folder, now, now)
        (folder / ROTATION_OWED).unlink()
    return bool(here) or made


def _made_anew(own_folder: Path, own: RootKeys, roles: Collection[KeyRole]) -> bool:
    """The intake's key where neither place has it: accounts that were installed before it had one. Never a zone's."""
    if set(roles) != {KeyRole.INTAKE} or Envelope.read(own_folder) is not None:
        return False
    own.make()
    Envelope.sealed({KeyRole.INTAKE: os.urandom(KEY_BYTES)}, own, founding=False).write(own_folder)
    return True


def _copy_rounds(folder: Path, own_folder: Path) -> None:
    """The rounds' keys and tombstones: they hang on the linkage role's key."""
    for path in (folder / ROUNDS_FOLDER).glob("*"):
        (own_folder / ROUNDS_FOLDER).mkdir(exist_ok=True, mode=0o700)
        write_private(own_folder / ROUNDS_FOLDER / path.name, path.read_bytes())


def _erase_rounds(folder: Path, roles: Collection[KeyRole]) -> None:
    if KeyRole.LINKAGE in roles:
        for path in (folder / ROUNDS_FOLDER).glob("*"):
            erase(path)
