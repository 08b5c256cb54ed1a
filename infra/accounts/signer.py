"""Which key signs rounds' files? Written by the linkage zone's account into its own folder, for root to compare.

The administrator's account asks the zone for the same line, and could pass on another: so root has a way of its own.
"""

from __future__ import annotations

from access.keys import KeyRing
from access.keys.files import write_private
from access.keys.round_file import SIGNER
from access.keys.rounds_here import RoundsHere
from access.keys.signatures import public_of_line
from infra.accounts.layout import LINKAGE, AccountsError
from infra.settings import Settings

FILE = "round-signer.pub"


def write_signer(settings: Settings, keyring: KeyRing) -> None:
    """Done by the linkage zone's process when it starts."""
    line = RoundsHere(keyring).signer()
    write_private(settings.zone_keys_folder(LINKAGE) / FILE, f"{line}\n".encode())


def written_signer(settings: Settings) -> str:
    """The line that the linkage zone's account wrote. Raises AccountsError."""
    path = settings.zone_keys_folder(LINKAGE) / FILE
    try:
        line = path.read_text(encoding="ascii").strip()
        public_of_line(line, SIGNER)
    except (OSError, ValueError):
        raise AccountsError(
            "The linkage zone's process has not written its signing key down.",
            where=str(path),
            mend="As root: haven up",
        ) from None
    return line
