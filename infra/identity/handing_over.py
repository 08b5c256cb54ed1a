"""How does a one-time password reach its person? In a file of one line that only this account reads."""

from __future__ import annotations

import os
from pathlib import Path

from access.realm.service import OneTimePassword


def write_once(folder: Path, given: OneTimePassword) -> Path:
    """Its file; one that lay there before is replaced, because its password counts no longer."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{given.person}.txt"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
        file.write(f"{given.password}\n")
    return path
