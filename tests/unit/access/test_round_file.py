"""A round's file: what is signed, what a signature counts for, and what stays of a round whose file is damaged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from access.keys import KeyRing
from access.keys.model import RoundEnd
from access.keys.round_file import SIGNER, RoundFile, is_signed_by, parts_of, signed_file, statement_of
from access.keys.signatures import fingerprint, line_of, public_of_line
from linkage.intake.signing import signature_of

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = KEY.public_key()
MADE = datetime(2026, 11, 26, 12, tzinfo=UTC)
FILE = RoundFile("token/r1", 1, "0" * 16, ("gp", "deaths"), "age1x", MADE, MADE + timedelta(days=30), b"\x00sealed\xff")
SIGNED = signed_file(FILE, KEY)


def test_what_was_signed_is_what_is_read() -> None:
    """Every word of it comes back, in its type, and the signature is the key's and no other's."""
    parts = parts_of(SIGNED)
    assert parts is not None
    assert statement_of(parts[1]) == FILE
    assert is_signed_by(*parts, PUBLIC)
    assert not is_signed_by(*parts, Ed25519PrivateKey.generate().public_key())


@given(place=st.integers(0, len(SIGNED) - 1), bit=st.integers(0, 7))
def test_no_bit_of_it_can_be_changed(place: int, bit: int) -> None:
    """Wherever it is, one other bit makes it no file, or one that the key did not sign; or it says the same."""
    changed = bytearray(SIGNED)
    changed[place] ^= 1 << bit
    parts = parts_of(bytes(changed))
    if parts is not None and is_signed_by(*parts, PUBLIC):
        assert statement_of(parts[1]) == FILE


def test_a_signature_for_another_kind_of_file_counts_for_nothing() -> None:
    """A controller's signature over a manifest of the same bytes, by the same key, is none here."""
    parts = parts_of(SIGNED)
    assert parts is not None
    assert not is_signed_by(signature_of(parts[1], KEY), parts[1], PUBLIC)


@pytest.mark.parametrize(
    "content", [b"", b"age-encryption.org/v1\n-> X\n", b"haven-round-file/1", b"haven-round-file/1\n\n{}"]
)
def test_what_has_no_signature_is_no_rounds_file(content: bytes) -> None:
    """An age file as older havens sent it, and one whose signature was left out."""
    assert parts_of(content) is None


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"made_at": 3}', SIGNED.split(b"\n", 2)[2].replace(b"+00:00", b"")]
)
def test_a_statement_that_is_none_is_told(content: bytes) -> None:
    """Not JSON, not an object, a word missing, a time without its zone: one kind of error."""
    with pytest.raises(ValueError, match=r"\w"):
        statement_of(content)


def test_a_statement_of_a_later_version_is_told() -> None:
    """A word that this version does not know is not passed over."""
    statement = SIGNED.split(b"\n", 2)[2]
    with pytest.raises(ValueError, match="no statement"):
        statement_of(statement.replace(b"{", b'{"project": "x",', 1))


def test_a_public_key_is_a_line_with_a_fingerprint() -> None:
    """The same key has the same eight groups of four letters; a line of another kind is none."""
    line = line_of(PUBLIC.public_bytes_raw(), SIGNER)
    assert fingerprint(public_of_line(line, SIGNER)) == fingerprint(PUBLIC)
    assert [len(group) for group in fingerprint(PUBLIC).split()] == [4] * 8
    assert fingerprint(Ed25519PrivateKey.generate().public_key()) != fingerprint(PUBLIC)
    for other in (line.replace("round", "other"), line[:-8], SIGNER):
        with pytest.raises(ValueError, match=r"\w"):
            public_of_line(other, SIGNER)


def test_the_times_are_part_of_what_is_signed() -> None:
    """A file that is used for longer has another signature."""
    longer = replace(FILE, expires=FILE.expires + timedelta(days=1))
    assert signed_file(longer, KEY).split(b"\n")[1] != SIGNED.split(b"\n")[1]


def test_a_damaged_key_is_erased_and_less_is_told_of_it(tmp_path: Path) -> None:
    """Its tombstone has the name, the end and who asked; the name is spent all the same."""
    rounds = KeyRing.open(tmp_path).rounds
    rounds.create("census", ["gp"], at=MADE, by="person:daria")
    (tmp_path / "rounds" / "census.json").write_bytes(b"\x00" * 40)
    rounds.forget("census", at=MADE, by="person:emil")
    (told,) = rounds.ended()
    assert (told.name, told.end, told.check_value, told.datasets) == ("census", RoundEnd.FORGOTTEN, None, ())
    assert (told.ended_at, told.ended_by) == (MADE.isoformat(), "person:emil")
    assert [path.name for path in (tmp_path / "rounds").iterdir()] == ["census.destroyed"]
