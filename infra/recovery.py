"""How does the machine's root say that an office is to be recovered? By a file that only root can have written.

Root's own commands would leave root's files in the haven's folders, so root says it, and the haven's account does it.
"""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

ROOT_UID = 0
FILE = "recovery-by-root"
GOOD_FOR_SECONDS = 3600
OTHERS_WRITE = 0o022
LONGEST = 400


def write_word(home: Path, reason: str) -> None:
    """As root: leave root's word and its reason in the haven's folder; an older one is replaced."""
    place = home / FILE
    place.unlink(missing_ok=True)
    number = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o644)  # the haven's account reads it, whatever root's umask is
        file.write(reason[:LONGEST])


def roots_word(home: Path) -> str | None:
    """The reason that root wrote within the hour; None where nobody did, or where somebody else could have."""
    try:
        number = os.open(home / FILE, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    with os.fdopen(number, encoding="utf-8", errors="replace") as file:
        found = os.fstat(file.fileno())
        fresh = 0 <= time.time() - found.st_mtime <= GOOD_FOR_SECONDS
        roots = stat.S_ISREG(found.st_mode) and found.st_uid == ROOT_UID and not found.st_mode & OTHERS_WRITE
        return file.read(LONGEST) if roots and fresh and found.st_nlink == 1 else None


def forget_word(home: Path) -> None:
    """It counts once."""
    (home / FILE).unlink(missing_ok=True)
