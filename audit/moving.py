"""Is a log being written while it is looked at? What was found then may be a checkpoint half way, and no damage."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

SECONDS_TO_MOVE = 1.5  # a writer signs each second


def moved(folder: Path, before: list[tuple[str, int, int]]) -> bool:
    """Is somebody writing? Returns right after they have: the next checkpoint is a second away then."""
    until = time.monotonic() + SECONDS_TO_MOVE
    while time.monotonic() < until:
        now = moving_parts(folder)
        time.sleep(0.05)
        if now != before and moving_parts(folder) == now:
            return True
    return moving_parts(folder) != before


def moving_parts(folder: Path) -> list[tuple[str, int, int]]:
    """What a running writer changes. Where it did, a finding may be a checkpoint half way: it is looked at again."""
    found = []
    for path in (folder / "checkpoint", folder / "checkpoints.log", *sorted((folder / "journal").glob("*"))):
        with contextlib.suppress(OSError):
            found.append((path.name, path.stat().st_size, path.stat().st_mtime_ns))
    return found
