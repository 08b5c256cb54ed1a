"""The key ring: the same keys after a restart, nothing of a key shown, a wrong passphrase told at once."""

from __future__ import annotations

import json
import resource
import traceback
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from access.keys import KeyRing, KeyRingError, KeyRole, rotate_root
from access.keys.errors import RoundDestroyed, WrongRoot
from access.keys.model import MAY_DERIVE, role_of
from access.keys.ring import FIRST, sealed_file

# A home's key folder as the first version of the key ring wrote it, and what it derived from it.
FIRST_ROOT = {
    "version": 1,
    "salt": "a7f2b07d58cf530267abb01f63e324c5",
    "nonce": "e7b9e0dcb3f08c80e9d644d9",
    "sealed": "6eda58db29ddb3899747879320aeb9f26b2c585551848f6a33cf9ccecde40f855932de14f70233caa8d11b6735a45528",
}
FIRST_PASSPHRASE = "AodskPCrQAlHNJ3oiYRunmlYleOOusR6X8aNStW8FoA="
FIRST_KEYS = {
    "linkage zone": "+TtT9SGRpH8hwXz/R04mRVHEa13lYnZwTe4LUkAuRnY=",
    "research zone": "43783ceOLQfLc0KgwccWt/6Ajdyj9j6Ri5a9uvOo6E4=",
    "quarantine": "pzat68g/6EiOrhCFurxzrYdVLItc71LDvjDUjEo29zw=",
    "scope": "5Nyxxen/coAFESiKDYotQDLFJc1AKRIWdpxadZ6TA50=",
    "spine": "329be65337046c75432d66c2d6ae07a13682e7f81ba2804e4807779bba4e2804",
    "spine's check value": "bdc91887e8f393ea",
    "project": "05560d1c5c82d84c8a2cc518a058e1c002a030121851c36acdc6f6fd340d0ccd",
    "release": "bba835dcf1e0a43dc428bf8560c814e439ec046d124bdcdbcdfe9ccdef6cf32e",
    "token": "82adcd1e0e08a9723f8f4ecc0652a49ea6ddc52f40ca30f5becdb822eead3245",
    "secret": "d1e9f4093eea64acc01437c6ca42f925e56dab4ce10ef2ae8392d444e7d35ab0",
}


def first_home(folder: Path) -> Path:
    """A key folder from before there were role keys."""
    folder.mkdir(exist_ok=True)
    (folder / "root.key").write_text(json.dumps(FIRST_ROOT))
    (folder / "passphrase").write_text(FIRST_PASSPHRASE)
    (folder / "passphrase").chmod(0o600)
    return folder


def keys_of(ring: KeyRing) -> dict[str, str]:
    """One key of each kind."""

    def public(purpose: str) -> str:
        return ring.signing_key(purpose).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    return {
        "linkage zone": ring.zone_key("linkage"),
        "research zone": ring.zone_key("research"),
        "quarantine": ring.zone_key("quarantine"),
        "scope": ring.scope_file_key("blood-pressure", 2),
        "spine": ring.token_key("spine").key.hex(),
        "spine's check value": ring.token_key("spine").check_value,
        "project": ring.project_key("blood-pressure").key.hex(),
        "release": public("release"),
        "token": public("token"),
        "secret": ring.secret("x").hex(),
    }


def test_the_same_inputs_give_the_same_keys_after_a_restart(tmp_path: Path) -> None:
    """Two openings of one folder derive alike; two purposes never do."""
    first, again = KeyRing.open(tmp_path), KeyRing.open(tmp_path)
    assert keys_of(first) == keys_of(again)
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


def test_a_home_from_before_keeps_every_key(tmp_path: Path) -> None:
    """Opened, opened again, its root key rotated, opened again: each key is what the first version derived."""
    folder = first_home(tmp_path / "keys")
    assert keys_of(KeyRing.open(folder)) == FIRST_KEYS
    assert keys_of(KeyRing.open(folder)) == FIRST_KEYS
    store = sealed_file(folder, real_data=False, passphrase_file=None)
    rotate_root(folder, store, store)
    ring = KeyRing.open(folder)
    assert keys_of(ring) == FIRST_KEYS
    assert ring.founding
    assert json.loads((folder / "root.key").read_text())["version"] == 2


def test_a_first_opening_that_was_killed_starts_again(tmp_path: Path) -> None:
    """Half a set of keys, from which nothing was derived, is replaced; a whole one never is."""
    KeyRing.open(tmp_path)
    (tmp_path / "roles.json").unlink()
    (tmp_path / FIRST).touch()
    assert keys_of(KeyRing.open(tmp_path)) == keys_of(KeyRing.open(tmp_path))
    (tmp_path / "roles.json").unlink()
    with pytest.raises(KeyRingError, match="missing"):
        KeyRing.open(tmp_path)


def test_a_rotation_that_was_killed_leaves_a_home_that_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after the new root was made, after the switch, or never: the same keys."""
    before = keys_of(KeyRing.open(tmp_path))
    for broken in ("Envelope.write", "SealedFileRoot.retire"):
        store = sealed_file(tmp_path, real_data=False, passphrase_file=None)
        with monkeypatch.context() as patch:
            patch.setattr(f"access.keys.ring.{broken}", _killed)
            with pytest.raises(KeyboardInterrupt):
                rotate_root(tmp_path, store, store)
        assert keys_of(KeyRing.open(tmp_path)) == before
    store = sealed_file(tmp_path, real_data=False, passphrase_file=None)
    rotate_root(tmp_path, store, store)
    assert keys_of(KeyRing.open(tmp_path)) == before
    assert len(json.loads((tmp_path / "root.key").read_text())["roots"]) == 1


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_every_role_derives_its_own_keys_and_no_others(tmp_path: Path) -> None:
    """A ring with one role's key refuses every other kind, by name; what no role derives, nobody does."""
    whole = KeyRing.open(tmp_path)
    linkage = whole.only(KeyRole.LINKAGE)
    assert linkage.zone_key("linkage") == whole.zone_key("linkage")
    assert linkage.token_key("spine") == whole.token_key("spine")
    for call in (
        lambda: linkage.zone_key("research"),
        lambda: linkage.scope_file_key("p", 1),
        lambda: linkage.project_key("p"),
        lambda: linkage.signing_key("release"),
        lambda: linkage.only(KeyRole.AIRLOCK),
        lambda: whole.only(KeyRole.AIRLOCK).token_key("spine"),
    ):
        with pytest.raises(KeyRingError, match="not given"):
            call()
    for call in (lambda: whole.zone_key("elsewhere"), lambda: whole.signing_key("anything")):
        with pytest.raises(KeyRingError, match="No role"):
            call()
    only_airlock = KeyRing.open(tmp_path, roles=[KeyRole.AIRLOCK])
    assert only_airlock.signing_key("release")
    with pytest.raises(KeyRingError):
        only_airlock.zone_key("linkage")
    assert {role_of(kind) for kind in MAY_DERIVE} == set(KeyRole)


def test_a_round_can_be_destroyed_and_never_comes_back(tmp_path: Path) -> None:
    """Its key is random, no other key leads to it, and its name is spent; another round is untouched."""
    ring = KeyRing.open(tmp_path)
    made, other = ring.rounds.create("census"), ring.rounds.create("other")
    assert ring.token_key("census") == made
    content = (tmp_path / "rounds" / "census.json").read_bytes()
    ring.rounds.destroy("census")
    ring.rounds.destroy("census")
    for again in (ring, KeyRing.open(tmp_path)):
        with pytest.raises(RoundDestroyed, match="destroyed"):
            again.token_key("census")
    with pytest.raises(KeyRingError, match="before"):
        ring.rounds.create("census")
    assert ring.token_key("other") == other
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert content not in everything


def test_rounds_of_a_home_from_before_are_random_too(tmp_path: Path) -> None:
    """Only the standing round is derived there; a new round can be destroyed like any other."""
    ring = KeyRing.open(first_home(tmp_path / "keys"))
    derived, made = ring.token_key("census").key, ring.rounds.create("census").key
    assert derived != made
    assert ring.token_key("census").key == made
    ring.rounds.destroy("census")
    with pytest.raises(RoundDestroyed):
        ring.token_key("census")


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "x" * 61, "a\n"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    """A round's name is a file's name: nothing but letters, digits, hyphens and underscores."""
    with pytest.raises(KeyRingError, match="no name"):
        KeyRing.open(tmp_path).token_key(name)


def test_another_homes_round_does_not_open(tmp_path: Path) -> None:
    """A round's file copied from elsewhere is told as not this key ring's."""
    there, here = KeyRing.open(tmp_path / "there"), KeyRing.open(tmp_path / "here")
    there.rounds.create("census")
    here.rounds.create("own")
    (tmp_path / "there" / "rounds" / "census.json").rename(tmp_path / "here" / "rounds" / "census.json")
    with pytest.raises(WrongRoot):
        here.token_key("census")
    (tmp_path / "here" / "rounds" / "own.json").write_bytes(b"{")
    with pytest.raises(KeyRingError, match="damaged"):
        here.token_key("own")


def test_no_key_is_shown(tmp_path: Path) -> None:
    """Neither a repr nor a traceback of a failure holds anything of a key or a passphrase."""
    ring = KeyRing.open(tmp_path)
    held = ring.token_key("spine")
    store = sealed_file(tmp_path, real_data=False, passphrase_file=None)
    texts = [repr(held), str(held), repr(ring), repr(store), repr(ring.rounds)]
    wrong = str(uuid.uuid4())
    try:
        KeyRing.open(tmp_path, passphrase_file=_private(tmp_path / "p", wrong))
    except KeyRingError as error:
        texts += ["".join(traceback.format_exception(error)), repr(error)]
    secrets = [held.key.hex(), repr(held.key), wrong, (tmp_path / "passphrase").read_text()]
    assert not any(secret in text for text in texts for secret in secrets)
    assert repr(ring) == "KeyRing(sealed)"


def test_no_core_is_dumped(tmp_path: Path) -> None:
    """A process that holds keys writes none of its memory to a disk when it crashes."""
    KeyRing.open(tmp_path)
    assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0


def _private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_a_wrong_passphrase_says_so(tmp_path: Path) -> None:
    """Another passphrase opens nothing, and the sentence says how to mend it."""
    KeyRing.open(tmp_path / "keys")
    with pytest.raises(KeyRingError, match="passphrase") as told:
        KeyRing.open(tmp_path / "keys", passphrase_file=_private(tmp_path / "passphrase", "another one"))
    assert told.value.mend


@pytest.mark.parametrize("name", ["root.key", "roles.json"])
def test_a_damaged_key_file_says_so(tmp_path: Path, name: str) -> None:
    """A key file that was cut is told as damaged, never replaced by a new key."""
    KeyRing.open(tmp_path)
    path = tmp_path / name
    cut = path.read_bytes()[:40]
    path.write_bytes(cut)
    with pytest.raises(KeyRingError, match="damaged"):
        KeyRing.open(tmp_path)
    assert path.read_bytes() == cut


def test_a_missing_root_key_says_so(tmp_path: Path) -> None:
    """Role keys without their root are told so; no new root is made in its place."""
    KeyRing.open(tmp_path)
    (tmp_path / "root.key").unlink()
    with pytest.raises(KeyRingError, match="missing"):
        KeyRing.open(tmp_path)
    assert not (tmp_path / "root.key").exists()


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
    """Eight first openings at once make one root key, and one key of a round."""
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: KeyRing.open(tmp_path), range(8)))
        rounds = {held.key for held in pool.map(lambda ring: ring.token_key("spine"), rings)}
    assert len({ring.zone_key("linkage") for ring in rings}) == 1
    assert len(rounds) == 1
