"""Where does the log lie? Tiles on disk (C2SP tlog-tiles) up to the last checkpoint, a journal behind it.

An entry is durable when its journal frame is fsynced. A checkpoint writes the tiles, then the signed note, then
starts a new journal; each step can be cut off and is done again at the next start.

    checkpoint                    the newest signed note
    checkpoints.log               every signed note so far, one JSON line each
    tile/entries/<N>[.p/<W>]      256 (or W) entries, each with its length in two bytes
    tile/<L>/<N>[.p/<W>]          hashes
    journal/<first index>         frames since the checkpoint: length, CRC-32, then entries with their lengths
    texts/<sha256>                long texts that entries name by their hash
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.canonical import text_digest
from audit.checkpoint import Checkpoint, read, sign
from audit.errors import AuditUnavailable
from audit.merkle import TILE_WIDTH, leaf_hash, root_at_the_edge, root_of, tile_path

FRAME = struct.Struct(">II")
LENGTH = struct.Struct(">H")
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
HASH_BYTES = 32


class LogTree:
    """The log of one folder, open for appending by one process (the caller holds the lock)."""

    def __init__(self, folder: Path, origin: str, key: Ed25519PrivateKey) -> None:
        self.folder = folder
        self.origin = origin
        self.key = key
        self.signed_size = 0
        self._levels: list[list[bytes]] = [[]]  # per tile level: hashes of the tile that is still filling
        self._full: list[int] = [0]  # per tile level: number of full tiles on disk
        self._bundle: list[bytes] = []  # entries of the bundle that is still filling
        self._pending: dict[str, bytes] = {}  # tiles to write at the next checkpoint
        self.size = 0
        self._recover()

    def append(self, entries: Sequence[bytes]) -> list[tuple[int, bytes]]:
        """Make a batch durable, all or none; returns index and leaf hash of each. Raises AuditUnavailable."""
        body = b"".join(LENGTH.pack(len(entry)) + entry for entry in entries)
        self._write_frame(FRAME.pack(len(body), zlib.crc32(body)) + body)
        return [self._grow(entry) for entry in entries]

    def checkpoint(self) -> None:
        """Write the tiles and sign the tree as it stands; nothing when it is signed already."""
        if self.size == self.signed_size:
            return
        tiles = dict(self._pending)
        tiles |= self._partial_tiles()
        for path, content in tiles.items():
            _write_durably(self.folder / path, content)
        note = sign(Checkpoint(self.origin, self.size, self.root()), self.key)
        _append_durably(self.folder / "checkpoints.log", json.dumps({"note": note}).encode() + b"\n")
        _write_durably(self.folder / "checkpoint", note.encode())
        self._pending.clear()
        self.signed_size = self.size
        self._start_journal()
        self._remove_outgrown(tiles)

    def root(self) -> bytes:
        """The root over everything appended."""
        return root_at_the_edge(self._levels)

    def store_text(self, text: str) -> str:
        """Keep a long text beside the log; returns the hash by which an entry names it."""
        digest = text_digest(text)
        path = self.folder / "texts" / digest
        if not path.exists():
            _write_durably(path, text.encode("utf-8", errors="surrogatepass"))
        return digest

    def close(self) -> None:
        """Sign what is unsigned and let go of the journal."""
        self.checkpoint()
        os.close(self._journal)

    # --- growing ---------------------------------------------------------------------------------------------

    def _grow(self, entry: bytes) -> tuple[int, bytes]:
        index, leaf = self.size, leaf_hash(entry)
        self.size += 1
        self._bundle.append(entry)
        if len(self._bundle) == TILE_WIDTH:
            self._pending[tile_path("entries", self._full[0])] = _bundle_bytes(self._bundle)
            self._bundle = []
        self._add_hash(0, leaf)
        return index, leaf

    def _add_hash(self, level: int, value: bytes) -> None:
        if level == len(self._levels):
            self._levels.append([])
            self._full.append(0)
        self._levels[level].append(value)
        if len(self._levels[level]) == TILE_WIDTH:
            hashes, self._levels[level] = self._levels[level], []
            self._pending[tile_path(level, self._full[level])] = b"".join(hashes)
            self._full[level] += 1
            self._add_hash(level + 1, root_of(hashes))

    def _partial_tiles(self) -> dict[str, bytes]:
        tiles = {}
        if self._bundle:
            path = tile_path("entries", self._full[0], len(self._bundle))
            tiles[path] = _bundle_bytes(self._bundle)
        for level, hashes in enumerate(self._levels):
            if hashes:
                tiles[tile_path(level, self._full[level], len(hashes))] = b"".join(hashes)
        return tiles

    def _remove_outgrown(self, written: dict[str, bytes]) -> None:
        """Partial tiles that a newer checkpoint no longer names are removed: what is signed is one set of files."""
        for path in written:
            stem = path.split(".p/")[0]
            partial = self.folder / f"{stem}.p"
            if partial.is_dir():
                for old in partial.iterdir():
                    if f"{stem}.p/{old.name}" not in written:
                        old.unlink()
                if ".p/" not in path:
                    partial.rmdir()

    # --- journal ---------------------------------------------------------------------------------------------

    def _write_frame(self, frame: bytes) -> None:
        """Append and fsync; on any failure the journal is cut back to where it was, and the entry refused."""
        try:
            view = memoryview(frame)
            while view:
                view = view[os.write(self._journal, view) :]
            os.fsync(self._journal)
            self._journal_bytes += len(frame)
        except OSError as error:
            os.ftruncate(self._journal, self._journal_bytes)
            os.lseek(self._journal, self._journal_bytes, os.SEEK_SET)
            raise AuditUnavailable(
                f"The audit log cannot be written ({error.strerror}).",
                where=str(self.folder),
                mend="Free space on its disk. Until then nothing that must be recorded can happen.",
            ) from None

    _journal: int

    def _start_journal(self) -> None:
        folder = self.folder / "journal"
        old = [path for path in folder.iterdir() if path.name != _journal_name(self.size)]
        if hasattr(self, "_journal"):
            os.close(self._journal)
        path = folder / _journal_name(self.size)
        self._journal = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        self._journal_bytes = os.lseek(self._journal, 0, os.SEEK_END)
        _fsync_folder(folder)
        for path in old:
            path.unlink()

    # --- recovery --------------------------------------------------------------------------------------------

    def _recover(self) -> None:
        """Load the signed tree, then the journal's whole frames; a torn last frame was never acknowledged."""
        (self.folder / "journal").mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
        self._finish_checkpoint()
        note = self.folder / "checkpoint"
        if note.exists():
            signed = read(note.read_text(encoding="utf-8"), self.key.public_key())
            self._load_tiles(signed)
        self._remove_unsigned_tiles()
        self._replay()

    def _finish_checkpoint(self) -> None:
        """A checkpoint that was cut off: its line torn is taken back, its line whole is put into place."""
        path = self.folder / "checkpoints.log"
        if not path.exists():
            return
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with path.open("r+b") as file:
                file.truncate(len(whole))
                os.fsync(file.fileno())
        lines = whole.splitlines()
        note = str(json.loads(lines[-1])["note"]).encode() if lines else b""
        newest = self.folder / "checkpoint"
        if note and (not newest.exists() or newest.read_bytes() != note):
            read(note.decode(), self.key.public_key())
            _write_durably(newest, note)

    def _remove_unsigned_tiles(self) -> None:
        """Tiles that a checkpoint wrote before it was cut off, or outgrew: the journal has what is in them."""
        signed = set(self._partial_tiles())
        for draft in self.folder.rglob("*.part"):
            draft.unlink()
        for folder in sorted((self.folder / "tile").glob("*")):
            level = 0 if folder.name == "entries" else int(folder.name)
            full = self._full[level] if level < len(self._full) else 0
            for path in [path for path in folder.rglob("*") if path.is_file()]:
                name = str(path.relative_to(self.folder))
                if name not in signed and (".p/" in name or _number(path, folder) >= full):
                    path.unlink()
            for partial in sorted(folder.rglob("*.p")):
                if partial.is_dir() and not any(partial.iterdir()):
                    partial.rmdir()

    def _load_tiles(self, signed: Checkpoint) -> None:
        self.signed_size = self.size = signed.size
        count, level = signed.size, 0
        while count or level == 0:
            full, width = divmod(count, TILE_WIDTH)
            if level == len(self._levels):
                self._levels.append([])
                self._full.append(0)
            self._full[level] = full
            if width:
                self._levels[level] = _hashes_of(self._read(tile_path(level, full, width)), width)
                if level == 0:
                    self._bundle = split_bundle(self._read(tile_path("entries", full, width)))
            count, level = full, level + 1
        if self.root() != signed.root or len(self._bundle) != signed.size % TILE_WIDTH:
            raise AuditUnavailable(
                "The log's tiles do not fit its signed checkpoint: it was changed from outside.",
                where=str(self.folder),
                mend="Do not write to it. `haven audit verify` names the place; restore from a backup.",
            )

    def _read(self, path: str) -> bytes:
        try:
            return (self.folder / path).read_bytes()
        except OSError:
            raise AuditUnavailable(
                "A tile of the log is missing.", where=path, mend="`haven audit verify` says more."
            ) from None

    def _replay(self) -> None:
        name = _journal_name(self.size)
        path = self.folder / "journal" / name
        content = path.read_bytes() if path.exists() else b""
        good = 0
        while frame := whole_frame(content, good):
            for entry in split_bundle(frame):
                self._grow(entry)
            good += FRAME.size + len(frame)
        if path.exists():
            with path.open("r+b") as file:
                file.truncate(good)
                os.fsync(file.fileno())
        signed = self.signed_size
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        self._journal, self._journal_bytes = descriptor, os.lseek(descriptor, 0, os.SEEK_END)
        _fsync_folder(path.parent)
        for other in path.parent.iterdir():
            if other.name != name and int(other.name) < signed:
                other.unlink()


def _number(path: Path, level: Path) -> int:
    """The number of a tile from its place: x001/067 and x001/067.p/12 are both 1067."""
    parts = path.relative_to(level).parts
    parts = parts[:-1] if len(parts) > 1 and parts[-2].endswith(".p") else parts
    return int("".join(part.removeprefix("x").removesuffix(".p") for part in parts))


def whole_frame(content: bytes, at: int) -> bytes:
    """The body of the frame at this offset, or nothing when it is not whole."""
    if len(content) < at + FRAME.size:
        return b""
    length, checksum = FRAME.unpack_from(content, at)
    body = content[at + FRAME.size : at + FRAME.size + length]
    return body if len(body) == length and length and zlib.crc32(body) == checksum else b""


def split_bundle(content: bytes) -> list[bytes]:
    """The entries of a bundle. Raises ValueError when a length does not fit."""
    entries, at = [], 0
    while at < len(content):
        if at + LENGTH.size > len(content):
            raise ValueError("a length is cut off")
        (length,) = LENGTH.unpack_from(content, at)
        at += LENGTH.size
        if at + length > len(content):
            raise ValueError("an entry is cut off")
        entries.append(content[at : at + length])
        at += length
    return entries


def _bundle_bytes(entries: Sequence[bytes]) -> bytes:
    return b"".join(LENGTH.pack(len(entry)) + entry for entry in entries)


def _hashes_of(content: bytes, width: int) -> list[bytes]:
    if len(content) != width * HASH_BYTES:
        raise AuditUnavailable("A tile of the log has the wrong length.", mend="`haven audit verify` says more.")
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


def _journal_name(first: int) -> str:
    return f"{first:020d}"


def _write_durably(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
    draft = path.with_name(path.name + ".part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _fsync_folder(path.parent)


def _append_durably(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
    with os.fdopen(descriptor, "ab") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
