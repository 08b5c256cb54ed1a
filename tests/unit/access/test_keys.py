"""The key ring: the same keys after a restart, nothing of a key shown, a wrong passphrase told at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from access.keys import KeyRing, KeyRingError


def test_the_same_inputs_give_the_same_keys_after_a_restart(tmp_path: Path) -> None:
    """Two openings of one folder derive alike; two purposes never do."""
    first, again = KeyRing.open(tmp_path), KeyRing.open(tmp_path)
    assert first.zone_key("linkage") == again.zone_key("linkage")
    assert first.token_key("spine").key == again.token_key("spine").key
    keys = {
        first.zone_key("linkage"),
        first.zone_key("research"),
        first.scope_file_key("p", 1),
        first.scope_file_key("p", 2),
        first.project_key("p").key.hex(),
        first.project_key("q").key.hex(),
        first.project_key("p", 2).key.hex(),
        first.token_key("p").key.hex(),
    }
    assert len(keys) == 8


def test_no_key_is_shown(tmp_path: Path) -> None:
    """A held key's repr, and the ring's, hold nothing of it."""
    ring = KeyRing.open(tmp_path)
    held = ring.token_key("spine")
    assert held.key.hex() not in repr(held)
    assert repr(held.key) not in repr(held)
    assert repr(ring) == "KeyRing(sealed)"


def test_a_wrong_passphrase_says_so(tmp_path: Path) -> None:
    """Another passphrase opens nothing, and the sentence says how to mend it."""
    KeyRing.open(tmp_path / "keys")
    other = tmp_path / "passphrase"
    other.write_text("another one")
    other.chmod(0o600)
    with pytest.raises(KeyRingError, match="passphrase") as told:
        KeyRing.open(tmp_path / "keys", passphrase_file=other)
    assert told.value.mend


def test_a_damaged_key_file_says_so(tmp_path: Path) -> None:
    """A key file that was cut is told as damaged, never replaced by a new key."""
    KeyRing.open(tmp_path)
    path = tmp_path / "root.key"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(KeyRingError, match="damaged"):
        KeyRing.open(tmp_path)


def test_with_real_data_the_passphrase_must_come_from_elsewhere(tmp_path: Path) -> None:
    """The laptop's arrangement is refused, and so is a passphrase that others can read."""
    with pytest.raises(KeyRingError):
        KeyRing.open(tmp_path, real_data=True)
    loose = tmp_path / "p"
    loose.write_text("secret")
    loose.chmod(0o644)
    with pytest.raises(KeyRingError):
        KeyRing.open(tmp_path / "k", real_data=True, passphrase_file=loose)


def test_openers_that_race_get_one_key(tmp_path: Path) -> None:
    """Eight first openings at once make one root key."""
    with ThreadPoolExecutor(8) as pool:
        keys = {ring.zone_key("linkage") for ring in pool.map(lambda _: KeyRing.open(tmp_path), range(8))}
    assert len(keys) == 1
