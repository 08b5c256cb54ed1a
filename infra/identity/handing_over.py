"""How does a secret reach whose it is? In a file of one line that only this account reads, and never printed."""

from __future__ import annotations

import os
from pathlib import Path

from access.realm.service import OneTimePassword
from infra.identity.distribution import IdentityUnavailable


def write_new(path: Path, text: str) -> None:
    """A file of one line, readable to this account only. Raises IdentityUnavailable where one is there already."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
            file.write(f"{text}\n")
    except OSError as error:
        raise IdentityUnavailable(
            f"The secret was not written ({error.strerror}).",
            where=str(path),
            mend="Name a new file.",
        ) from None


def write_once(folder: Path, given: OneTimePassword) -> Path:
    """Its file; one that lay there before is replaced, because its password counts no longer."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{given.person}.txt"
    path.unlink(missing_ok=True)
    write_new(path, given.password)
    return path
