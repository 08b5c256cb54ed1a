"""The log's forms: canonical JSON, Merkle hashes and tile names as their standards give them, words for every event."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from audit import checkpoint as notes
from audit.canonical import EventUnfit, canonical, to_entry
from audit.events import EventName
from audit.merkle import EMPTY_ROOT, leaf_hash, node_hash, root_of, tile_path
from audit.model import AuditEvent, person
from audit.words import in_words
from tests.fakes.havens import START

# RFC 6962's reference test vectors (certificate-transparency): entries, and the roots of their prefixes.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_reference(size: int) -> None:
    """The roots that RFC 6962's reference gives for these entries."""
    assert root_of([leaf_hash(bytes.fromhex(text)) for text in LEAVES[:size]]).hex() == ROOTS[size - 1]


def test_the_empty_tree_and_the_prefixes() -> None:
    """The empty root is SHA-256 of nothing; a leaf can never be taken for a node."""
    assert EMPTY_ROOT == hashlib.sha256().digest() == root_of([])
    assert leaf_hash(b"a" * 64) != node_hash(b"a" * 32, b"a" * 32)


@pytest.mark.parametrize(
    ("level", "number", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 67, 12, "tile/0/067.p/12"),
        (0, 1234067, 256, "tile/0/x001/x234/067"),
        (2, 1000, 256, "tile/2/x001/000"),
        ("entries", 5, 256, "tile/entries/005"),
    ],
)
def test_tiles_are_named_as_tlog_tiles_names_them(level: int | str, number: int, width: int, path: str) -> None:
    """C2SP tlog-tiles: groups of three digits, all but the last with an x; a partial tile with its width."""
    assert tile_path(level, number, width) == path


def test_canonical_json_is_rfc_8785s() -> None:
    """Keys by UTF-16 code units, shortest escapes, no spaces; the RFC's own example of sorting."""
    unsorted = {
        "\u20ac": "Euro",
        "\r": "CR",
        "\ufb33": "Dalet",
        "1": "One",
        "\U0001f600": "Smile",
        "\u0080": "C",
        "\u00f6": "o",
    }
    keys = list(json.loads(canonical(unsorted)))
    assert keys == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert canonical({"b": [1, None, True], "a": '\n\u001f"\\'}) == b'{"a":"\\n\\u001f\\"\\\\","b":[1,null,true]}'


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    )
)
def test_canonical_json_reads_back_and_is_stable(value: object) -> None:
    """What is written reads back the same, and writing it again gives the same bytes."""
    content = canonical(value)
    assert json.loads(content) == value
    assert canonical(json.loads(content)) == content


@pytest.mark.parametrize("value", [1.5, float("nan"), 2**60, b"x", object(), {1: 2}, "\ud800", {"a": [1.0]}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    """Fractions, huge numbers, bytes, other keys than text, half signs."""
    with pytest.raises(EventUnfit):
        canonical(value)


def test_an_event_too_large_for_an_entry_is_refused() -> None:
    """Over 64 KiB: long text goes beside the log."""
    with pytest.raises(EventUnfit, match="larger"):
        to_entry(AuditEvent(name=EventName.QUERY_REQUESTED, at=START, by=person("a"), details={"x": "y" * 70_000}))


def test_an_event_needs_its_zone_and_its_actor() -> None:
    """A time without its zone and an event without an actor cannot be made."""
    with pytest.raises(ValueError, match="zone"):
        AuditEvent(name=EventName.QUERY_REQUESTED, at=datetime(2026, 1, 1), by=person("a"))  # noqa: DTZ001
    with pytest.raises(ValueError, match="acted"):
        AuditEvent(name=EventName.QUERY_REQUESTED, at=datetime(2026, 1, 1, tzinfo=UTC), by="")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", list(EventName))
def test_every_event_has_words(name: EventName) -> None:
    """Each event reads as a sentence with who did it, not as its code."""
    words = in_words(AuditEvent(name=name, at=START, by=person("asha"), project="p", dataset="gp"))
    assert "asha" in words
    assert name.value not in words


def test_event_names_are_facts_of_a_thing() -> None:
    """`thing.happened`: stable strings, none twice."""
    values = [name.value for name in EventName]
    assert len(set(values)) == len(values)
    assert all(value.count(".") == 1 and value == value.lower() for value in values)


def test_a_checkpoint_signed_by_another_key_or_changed_is_refused() -> None:
    """Origin, size, root and signature: each changed in turn."""
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    note = notes.sign(notes.Checkpoint("haven.test/log", 7, leaf_hash(b"x")), key)
    assert notes.read(note, key.public_key()).size == 7
    with_witness = note + "\u2014 witness.example AAAAAAAA\n"
    assert notes.read(with_witness, key.public_key()).size == 7
    for bad in (
        note.replace("7", "8", 1),
        note.replace("haven", "heaven"),
        note[:-10] + ("A" if note[-10] != "A" else "B") + note[-9:],
        note.replace("\n7\n", "\n07\n"),
        note.rstrip("\n"),
        "",
    ):
        with pytest.raises(notes.CheckpointInvalid):
            notes.read(bad, key.public_key())
    with pytest.raises(notes.CheckpointInvalid):
        notes.read(note, other.public_key())


def test_the_verifier_imports_nothing_of_the_writer() -> None:
    """Only the standard library and cryptography: who checks must not trust the code that is checked."""
    specification = importlib.util.find_spec("audit.verifier")
    assert specification is not None
    assert specification.origin is not None
    tree = ast.parse(Path(specification.origin).read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add(str(node.module).split(".")[0])
    assert not names & {"audit", "access", "linkage", "environments", "flows", "infra"}
