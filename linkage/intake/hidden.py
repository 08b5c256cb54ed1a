"""Where does clear text wait that does not fit into memory? In a file without a name, encrypted under a key in memory.

Nothing names the file, so that a killed process leaves none; and what lay in its blocks is noise to whoever reads the
disk, because the key (AES-256 in counter mode, NIST SP 800-38A) is random and was nowhere else. Written once, from
front to back: no place is encrypted twice under one counter.
"""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

KEY_BYTES, BLOCK = 32, 16
READ_AHEAD = 256 * 1024


class HiddenFile(io.RawIOBase):
    """A file to write once and to read as often as wished, below `folder`. `name` is what it is to be called."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__()
        self.name = name
        self.size = 0
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by close()
        self._key = os.urandom(KEY_BYTES)

    def __repr__(self) -> str:
        return "HiddenFile(sealed)"

    def writable(self) -> bool:
        """It is written at its end only."""
        return True

    def tell(self) -> int:
        """Where the next byte goes."""
        return self.size

    def write(self, data: ReadableBuffer, /) -> int:
        """Append; all of it or an OSError, such as a full disk's."""
        hidden = memoryview(self._crypted(self.size, bytes(data)))
        written = 0
        while written < len(hidden):
            written += os.pwrite(self._file.fileno(), hidden[written:], self.size + written)
        self.size += written
        return written

    def open(self) -> io.BufferedReader:
        """A reader from the first byte, with a place of its own."""
        return io.BufferedReader(_Reader(self), READ_AHEAD)

    def read_at(self, place: int, count: int) -> bytes:
        """Clear bytes from this place on; fewer at the end."""
        return self._crypted(place, os.pread(self._file.fileno(), count, place))

    def close(self) -> None:
        """The file is gone, and its key."""
        self._file.close()
        self._key = b""
        super().close()

    def _crypted(self, place: int, data: bytes) -> bytes:
        """Clear to hidden, or hidden to clear: in counter mode it is the same."""
        block, skipped = divmod(place, BLOCK)
        stream = Cipher(AES(self._key), CTR(block.to_bytes(BLOCK, "big"))).encryptor()
        stream.update(bytes(skipped))
        return stream.update(data)


class _Reader(io.RawIOBase):
    """Reads a hidden file from a place of its own."""

    def __init__(self, hidden: HiddenFile) -> None:
        super().__init__()
        self._hidden = hidden
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._hidden.size}[whence]
        if start + offset < 0:
            raise ValueError("before the file's first byte")
        self._place = start + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self._hidden.read_at(self._place, len(view))
        view[: len(data)] = data
        self._place += len(data)
        return len(data)
