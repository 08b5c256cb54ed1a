"""Which root belongs to these entries? RFC 6962 section 2.1 hashing, and the tiles of C2SP tlog-tiles.

A leaf is SHA-256(0x00 || entry), a node SHA-256(0x01 || left || right). A tile at level L holds up to 256 hashes,
each the root of a full subtree of height 8*L.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

TILE_WIDTH = 256
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry (32 bytes)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees (32 bytes)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over subtree hashes of equal height, the last ones may stop short (RFC 6962 2.1)."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        paired = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0]


def root_at_the_edge(levels: Sequence[Sequence[bytes]]) -> bytes:
    """The root of a tree, given per level of tiles the hashes of the one that is still filling."""
    carried: list[bytes] = []
    for level, hashes in enumerate(levels):
        edge = list(hashes) + carried
        top = level == len(levels) - 1
        carried = [root_of(edge)] if edge and not top else edge
    return root_of(carried)


def tile_path(level: int | str, number: int, width: int = TILE_WIDTH) -> str:
    """Where a tile lies below the log's folder: `tile/0/x001/067`, a partial one with `.p/<width>`."""
    digits = f"{number % 1000:03d}"
    number //= 1000
    while number:
        digits = f"x{number % 1000:03d}/{digits}"
        number //= 1000
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{level}/{digits}{partial}"
