"""A glance at a log's edge: sound at every size, and what is changed there is seen."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.glance import glance
from audit.merkle import tile_path
from audit.tree import LogTree
from audit.verifier import verify

SIZE = 300


def _log(folder: Path, signed: int, unsigned: int = 0) -> LogTree:
    """A log of so many entries; those that are not signed lie in its journal."""
    key = Ed25519PrivateKey.generate()
    folder.mkdir()
    (folder / "origin").write_text("haven/test", encoding="ascii")
    (folder / "log.pub").write_text(key.public_key().public_bytes_raw().hex(), encoding="ascii")
    tree = LogTree(folder, "haven/test", key)
    if signed:
        tree.append([f"entry {number}".encode() for number in range(signed)])
        tree.checkpoint()
    if unsigned:
        tree.append([b"later"] * unsigned)
    return tree


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 1000, 65535, 65536, 65537, 65793])
def test_a_sound_log_is_sound_at_every_size(tmp_path: Path, size: int) -> None:
    """The signed root is derived from the tiles at the edge, however the tree ends there."""
    _log(tmp_path / "log", size, unsigned=3)
    found = glance(tmp_path / "log")
    assert (found.signed, found.unsigned, found.problem) == (size, 3, None)
    assert (found.at is not None) == (size > 0)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("file", "what"),
    [
        (tile_path("entries", 1, SIZE - 256), "newest entries"),
        (tile_path(0, 1, SIZE - 256), "root"),
        (tile_path(1, 0, 1), "root"),
        ("checkpoint", "checkpoint"),
        ("log.pub", "signature|damaged|key"),
    ],
)
def test_what_is_changed_at_the_edge_is_seen(tmp_path: Path, file: str, what: str) -> None:
    """An entry, a hash, the checkpoint or the key: one byte, and the glance names it; so does the verifier."""
    _log(tmp_path / "log", SIZE)
    _flip(tmp_path / "log" / file)
    problem = glance(tmp_path / "log").problem
    assert problem is not None
    assert any(word in problem for word in what.split("|"))
    assert not verify(tmp_path / "log").whole


@pytest.mark.parametrize("file", ["checkpoint", "log.pub", tile_path(0, 1, SIZE - 256), tile_path(1, 0, 1)])
def test_what_is_missing_at_the_edge_is_seen(tmp_path: Path, file: str) -> None:
    """A log without its checkpoint, key or a tile is not taken for an empty one."""
    _log(tmp_path / "log", SIZE)
    (tmp_path / "log" / file).unlink()
    assert glance(tmp_path / "log").problem is not None


def test_a_folder_without_a_log_is_an_empty_log(tmp_path: Path) -> None:
    """Where nothing was ever written there is nothing to find."""
    found = glance(tmp_path / "log")
    assert (found.signed, found.unsigned, found.at, found.problem) == (0, 0, None, None)


def test_a_checkpoint_of_another_log_is_seen(tmp_path: Path) -> None:
    """A signed checkpoint of a smaller tree under another key does not pass."""
    _log(tmp_path / "log", SIZE)
    _log(tmp_path / "other", 10)
    shutil.copy(tmp_path / "other" / "checkpoint", tmp_path / "log" / "checkpoint")
    assert glance(tmp_path / "log").problem is not None
