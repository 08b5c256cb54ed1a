"""How far is long work? A callback that the command line draws as a bar and a server ignores."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, "int | None"], None]
"""progress(step, done, total): `step` in words; `done` of `total` units, `total` None when unknown."""


def silent(step: str, done: int, total: int | None) -> None:
    """Show nothing."""
