"""Is the log's edge sound? A look of milliseconds at a log of any length; the whole is the verifier's work.

Looked at: the newest checkpoint's signature, the newest entries against their hashes, and the signed root against the
tiles at the tree's edge. What lies before them is not read: `haven audit verify` derives everything again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.checkpoint import CheckpointInvalid, read
from audit.errors import AuditError
from audit.merkle import TILE_WIDTH, leaf_hash, root_at_the_edge, tile_path
from audit.reader import LogReader
from audit.tree import split_bundle

HASH_BYTES = 32
LOOKS = 5  # a writer may sign meanwhile


@dataclass(frozen=True)
class Glance:
    """signed, unsigned: entries. at: when the newest checkpoint was written; None: none is there. problem: in words."""

    signed: int
    unsigned: int
    at: datetime | None
    problem: str | None


def glance(folder: Path) -> Glance:
    """The edge of the log of this folder. Raises OSError where it may not be read."""
    for _ in range(LOOKS):
        note = _note(folder)
        found = _look(folder, note)
        if found.problem is None or note == _note(folder):
            break
    return found


def _look(folder: Path, note: str | None) -> Glance:
    if note is None:
        started = (folder / "tile").exists() or (folder / "checkpoints.log").exists()
        return Glance(0, _unsigned(folder, 0), None, "The checkpoint is missing." if started else None)
    at = datetime.fromtimestamp((folder / "checkpoint").stat().st_mtime, UTC)
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex((folder / "log.pub").read_text(encoding="ascii")))
        signed = read(note, key)
        problem = _edge_problem(folder, signed.size, signed.root)
        return Glance(signed.size, _unsigned(folder, signed.size), at, problem)
    except CheckpointInvalid as error:
        return Glance(0, 0, at, error.what)
    except (FileNotFoundError, ValueError, AuditError):
        return Glance(0, 0, at, "A part of the log's edge is missing or damaged.")


def _edge_problem(folder: Path, size: int, root: bytes) -> str | None:
    levels, level, count = list[list[bytes]](), 0, size
    while count:
        levels.append(_hashes(folder, level, count // TILE_WIDTH, count % TILE_WIDTH))
        level, count = level + 1, count // TILE_WIDTH
    if root_at_the_edge(levels) != root:
        return "The signed root does not fit the tiles at the tree's edge."
    if not size:
        return None
    number = (size - 1) // TILE_WIDTH
    width = size - number * TILE_WIDTH
    entries = split_bundle((folder / tile_path("entries", number, width)).read_bytes())
    if [leaf_hash(entry) for entry in entries] != _hashes(folder, 0, number, width):
        return "The newest entries and their hashes differ."
    return None


def _hashes(folder: Path, level: int, number: int, width: int) -> list[bytes]:
    if not width:
        return []
    content = (folder / tile_path(level, number, width)).read_bytes()
    if len(content) != width * HASH_BYTES:
        raise ValueError("a tile has the wrong length")
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


def _unsigned(folder: Path, signed: int) -> int:
    return sum(1 for _ in LogReader(folder).entries(signed))


def _note(folder: Path) -> str | None:
    try:
        return (folder / "checkpoint").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
