"""The signed manifest: whole or not, said without the haven."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from environments.airlock.errors import ManifestInvalid
from environments.airlock.files.manifest import opened, signed, verify_release
from tests.fakes.airlock import CARA, GOOD_TABLE, KEY, World

OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


@pytest.fixture
def release(world: World, tmp_path: Path) -> Path:
    """A release, copied to its recipient."""
    folder = world.airlock.release(world.approved(), by=CARA).folder
    received = tmp_path / "received"
    received.mkdir()
    for path in folder.iterdir():
        (received / path.name).write_bytes(path.read_bytes())
    return received


def test_a_whole_release_verifies(release: Path) -> None:
    """Files, hashes, approvers, criteria and the place in the log stand in it."""
    content = verify_release(release, KEY.public_key())
    assert content["project"] == "falls"
    assert content["criteria"]["profiles"][0]["id"] == "hes"
    assert isinstance(content["audit"]["index"], int)


def test_a_changed_file_is_named(release: Path) -> None:
    """One byte."""
    (release / "admissions.csv").write_bytes(GOOD_TABLE.replace(b"120", b"121"))
    with pytest.raises(ManifestInvalid, match=r"changed since its release.*admissions\.csv"):
        verify_release(release, KEY.public_key())


@pytest.mark.parametrize("change", ["added", "removed"])
def test_a_file_too_many_or_too_few(release: Path, change: str) -> None:
    """Exactly the files that the manifest names."""
    if change == "added":
        (release / "more.csv").write_text("x")
    else:
        (release / "admissions.csv").unlink()
    with pytest.raises(ManifestInvalid, match="not those"):
        verify_release(release, KEY.public_key())


def test_another_key_is_not_believed(release: Path) -> None:
    """The key comes from the agreement, not from the manifest."""
    with pytest.raises(ManifestInvalid, match="not signed by this key"):
        verify_release(release, OTHER_KEY.public_key())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"content": {}}', '{"content": {}, "signature": {"value": "AA"}}'])
def test_what_is_no_manifest(text: str) -> None:
    """Never a traceback."""
    with pytest.raises(ManifestInvalid):
        opened(text, KEY.public_key())


def test_every_part_is_signed() -> None:
    """A change anywhere in the content breaks the signature; the same content signs to the same bytes."""
    content = {"a": 1, "b": ["x", {"c": None}]}
    text = signed(content, KEY)  # type: ignore[arg-type]
    assert signed(dict(reversed(content.items())), KEY) == text  # type: ignore[arg-type]
    assert opened(text, KEY.public_key()) == content
    for old, new in (('"a": 1', '"a": 2'), ('"x"', '"y"'), ("null", "0")):
        with pytest.raises(ManifestInvalid):
            opened(text.replace(old, new), KEY.public_key())
    assert json.loads(text)["signature"]["algorithm"] == "Ed25519"
