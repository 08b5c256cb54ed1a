"""Are these the files that were packed? Each opened once, copied while it is hashed, and read from the copy only.

Whoever may write where a delivery lies could else exchange a file between the look and the reading. The copies are
hidden (linkage.intake.hidden), and what is not in the manifest is not copied.
"""

from __future__ import annotations

import hashlib
import hmac
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from linkage.intake.hidden import HiddenFile
from linkage.intake.manifest import LARGEST_MANIFEST, MANIFEST, Manifest, PackedFile
from linkage.intake.reasons import Fault
from linkage.intake.signing import LARGEST_SIGNATURE, SIGNATURE

COPIED_AT_ONCE = 256 * 1024
BESIDE = frozenset({MANIFEST, SIGNATURE})
"""What lies in a delivery and is not told of in its manifest."""


class OpenedDelivery(ABC):
    """A delivery that was opened: its names, and each file's bytes. work: a private folder for the copies.

    Raises Fault where something is in it that no delivery has.
    """

    def __init__(self, work: Path) -> None:
        self.work = work

    @abstractmethod
    def entries(self) -> dict[str, int | None]:
        """Each name, in the order in which they are best read, with its bytes; None: it is no plain file."""

    @abstractmethod
    def reader(self, name: str) -> BufferedReader:
        """The bytes of one of the entries. Raises Fault where it is none any more."""

    def manifest(self) -> bytes:
        """manifest.json as it is. Raises Fault."""
        found = self.beside(MANIFEST, LARGEST_MANIFEST)
        if found is None:
            raise Fault("manifest.missing")
        return found

    def signature(self) -> bytes | None:
        """manifest.sig as it is; None where there is none. Raises Fault."""
        return self.beside(SIGNATURE, LARGEST_SIGNATURE)

    def beside(self, name: str, most: int) -> bytes | None:
        """One of BESIDE; None where there is none. Raises Fault where it is larger than any."""
        if self.entries().get(name) is None:
            return None
        with self.reader(name) as file:
            found = file.read(most + 1)
        if len(found) > most:
            raise Fault("manifest.invalid", f"{name} is larger than any manifest.")
        return found

    @contextmanager
    def held(self, manifest: Manifest) -> Iterator[dict[str, HiddenFile]]:
        """The files of the manifest by name, copied and found to be as packed. Raises Fault for the first that is not.

        Whoever has read one may close it, so that its room is free for others.
        """
        expected = {file.name: file for file in manifest.files}
        entries = self.entries()
        _require_all(entries, expected)
        copies: dict[str, HiddenFile] = {}
        self.work.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            for name in (name for name in entries if name in expected):
                copies[name] = HiddenFile(self.work, name)
                self._copy(expected[name], copies[name])
            yield copies
        finally:
            for copy in copies.values():
                copy.close()

    def _copy(self, packed: PackedFile, copy: HiddenFile) -> None:
        """The file's bytes, no more of them than were packed. Raises Fault unless they are those that were."""
        digest = hashlib.sha256()
        with self.reader(packed.name) as file:
            while block := file.read(min(COPIED_AT_ONCE, packed.bytes + 1 - copy.size)):
                digest.update(block)
                copy.write(block)
        if copy.size != packed.bytes:
            raise Fault("file.truncated", where=packed.name)
        if not hmac.compare_digest(digest.hexdigest(), packed.sha256):
            raise Fault("file.altered", where=packed.name)


def _require_all(entries: dict[str, int | None], expected: dict[str, PackedFile]) -> None:
    """All that the manifest tells of, in its size, and nothing else. Raises Fault."""
    for name in sorted(entries.keys() - BESIDE):
        if entries[name] is None:  # a name is shown only when the manifest has it: any other may name a person
            raise Fault("file.not_plain", where=name if name in expected else None)
        if name not in expected:
            raise Fault("file.extra")
    for file in expected.values():
        if file.name not in entries:
            raise Fault("file.missing", where=file.name)
        if entries[file.name] != file.bytes:
            raise Fault("file.truncated", where=file.name)
