"""Wait for the thing itself: that something becomes so, and which processes carry a mark."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

SEEN_SECONDS = 240.0  # far longer than anything takes, other tests beside it: a bound for what never comes


def becomes(condition: Callable[[], bool], seconds: float = SEEN_SECONDS) -> bool:
    """Does it become so within these seconds?"""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def marked(mark: str) -> bool:
    """Does any process that we may look at carry this mark in its environment?"""
    return any(mark.encode() in _read(entry / "environ") for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
