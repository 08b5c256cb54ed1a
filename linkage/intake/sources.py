"""Where do a file's bytes come from? From whatever has a name, a size and can be opened: a path, or what is held."""

from __future__ import annotations

from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Protocol


class Source(Protocol):
    """A file to read: its name, its bytes, and a reader from the first of them, as often as it is asked for."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    def open(self) -> BufferedReader: ...


@dataclass(frozen=True)
class PlainFile:
    """A file where it lies: at the controller's side, where nobody else's files are read."""

    path: Path

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.name

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    def open(self) -> BufferedReader:
        """A reader from the first byte."""
        return self.path.open("rb")
