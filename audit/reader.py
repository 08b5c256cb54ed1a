"""What does the log hold? Reads its files beside the writer, without a lock, signed entries and the journal's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from audit.errors import AuditError
from audit.merkle import TILE_WIDTH, tile_path
from audit.tree import FRAME, split_bundle, whole_frame

TRIES = 5


class LogUnreadable(AuditError):
    """A part of the log that should be there is not."""

    code = "audit.unreadable"


class LogReader:
    """Reads the log of one folder. What it gives is not verified: that is the verifier's work."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def signed_size(self) -> int:
        """How many entries the newest checkpoint speaks of."""
        with contextlib.suppress(FileNotFoundError, IndexError, ValueError):
            return int((self.folder / "checkpoint").read_text(encoding="utf-8").split("\n")[1])
        return 0

    def entries(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """Index and bytes of each entry from `start` on, first the signed ones, then the journal's."""
        index = start
        while index < self.signed_size():
            bundle = self._bundle(index // TILE_WIDTH)
            first = index // TILE_WIDTH * TILE_WIDTH
            for entry in bundle[index - first :]:
                yield index, entry
                index += 1
        yield from self._journal(index)

    def _bundle(self, number: int) -> list[bytes]:
        """A bundle, whole or as far as it has grown; tried again when the writer replaces it meanwhile."""
        for _ in range(TRIES):
            size = self.signed_size()
            width = min(TILE_WIDTH, size - number * TILE_WIDTH)
            with contextlib.suppress(FileNotFoundError, ValueError):
                return split_bundle((self.folder / tile_path("entries", number, width)).read_bytes())
        raise LogUnreadable(
            "A part of the log is missing or damaged.",
            where=tile_path("entries", number),
            mend="`haven audit verify` names every place.",
        )

    def _journal(self, index: int) -> Iterator[tuple[int, bytes]]:
        for _ in range(TRIES):
            size = self.signed_size()
            content = b""
            with contextlib.suppress(FileNotFoundError):
                content = (self.folder / "journal" / f"{size:020d}").read_bytes()
            if size == self.signed_size():
                break
        at, number = 0, size
        while frame := whole_frame(content, at):
            for entry in split_bundle(frame):
                if number >= index:
                    yield number, entry
                number += 1
            at += FRAME.size + len(frame)
