"""What is sealed for the haven: its identity is derived, opens what was sealed for it, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pyrage
import pytest

from access.keys.sealing import age_recipient, recipient_for, unseal

SECRETS = [bytes(range(32)), bytes(32), b"\xff" * 32]


def _unsealed(secret: bytes, source: Path, target: Path) -> bool:
    with source.open("rb") as sealed, target.open("wb", buffering=0) as opened:
        return unseal(secret, sealed, opened)


@pytest.mark.parametrize("secret", SECRETS, ids=["counted", "zeros", "ones"])
def test_what_is_sealed_for_the_recipient_is_opened_by_the_secret(secret: bytes, tmp_path: Path) -> None:
    """The public key is one that age takes, and what it seals comes out as it was."""
    recipient = recipient_for(secret)
    assert age_recipient(recipient)
    sealed, opened = tmp_path / "sealed.age", tmp_path / "opened"
    sealed.write_bytes(pyrage.encrypt(b"content", [pyrage.x25519.Recipient.from_str(recipient)]))
    assert _unsealed(secret, sealed, opened)
    assert opened.read_bytes() == b"content"


def test_a_known_recipient() -> None:
    """A frozen answer: another one would part a haven from what is on its way to it."""
    assert recipient_for(bytes(range(32))) == "age13aqvttdk3ujkyjh9kg2w5an6dmy5mq5a84a4uxk3hfhnugfc9p0sy5p2wh"


@pytest.mark.parametrize("damage", ["another", "cut", "no age file"])
def test_what_is_not_ours_is_told(damage: str, tmp_path: Path) -> None:
    """Sealed for another, cut short, or no sealed file at all: no exception, and a plain no."""
    recipient = recipient_for(SECRETS[1 if damage == "another" else 0])
    content = pyrage.encrypt(b"content" * 100_000, [pyrage.x25519.Recipient.from_str(recipient)])
    sealed = tmp_path / "sealed.age"
    sealed.write_bytes({"another": content, "cut": content[:-9], "no age file": b"content"}[damage])
    assert not _unsealed(SECRETS[0], sealed, tmp_path / "opened")


def test_an_error_of_the_system_is_no_fault_of_the_file(tmp_path: Path) -> None:
    """Where the opened file cannot be written, the error goes on to whoever called."""
    sealed = tmp_path / "sealed.age"
    recipient = pyrage.x25519.Recipient.from_str(recipient_for(SECRETS[0]))
    sealed.write_bytes(pyrage.encrypt(b"content", [recipient]))
    with pytest.raises(OSError, match="No space left"):
        _unsealed(SECRETS[0], sealed, Path("/dev/full"))
