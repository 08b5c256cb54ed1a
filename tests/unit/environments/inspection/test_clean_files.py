"""Files of every type as researchers' own libraries write them pass; their names and first bytes must agree."""

from __future__ import annotations

import hashlib

import pytest

from environments.inspection.inspect import INSPECTORS, inspect_file
from environments.inspection.kinds import REFUSED
from environments.inspection.model import FileType, FindingCode
from environments.inspection.sentences import SENTENCES
from tests.fakes.leaving_files import CLEAN, figure, picture


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_file_passes(name: str) -> None:
    """Nothing is found in it, and what was looked at is told by its hash."""
    content = CLEAN[name]()
    found = inspect_file(name, content)
    assert found.findings == ()
    assert found.passed
    assert found.sha256 == hashlib.sha256(content).hexdigest()


def test_every_type_has_an_inspector_and_a_clean_example() -> None:
    """A type that may leave is never without its inspector."""
    assert set(INSPECTORS) == set(FileType)
    assert {inspect_file(name, made()).type for name, made in CLEAN.items()} == set(FileType)


def test_every_code_has_its_sentence() -> None:
    """What is found can be said, and mended; a refused type says it for its kind."""
    assert set(FindingCode) - set(SENTENCES) == {FindingCode.TYPE_REFUSED}
    assert all(what.endswith(".") and mend.endswith(".") for what, mend in (*SENTENCES.values(), *REFUSED.values()))


@pytest.mark.parametrize("name", CLEAN)
def test_no_content_passes_under_the_name_of_another_kind(name: str) -> None:
    """A file that only a program reads is known by its first bytes, whatever it is called."""
    content = CLEAN[name]()
    for other, made in CLEAN.items():
        kinds = {content[:4], made()[:4]}
        if kinds & {b"PAR1", b"PK\x03\x04", b"\x89PNG", b"%PDF", b"\xff\xd8\xff\xe0"} and len(kinds) > 1:
            found = inspect_file(other, content)
            assert [one.code for one in found.findings] == [FindingCode.WRONG_TYPE]


@pytest.mark.parametrize(
    ("name", "code", "word"),
    [
        ("figure.svg", "type_refused", "PNG"), ("page.html", "type_refused", "PNG"),
        ("model.pkl", "type_refused", "term"),
        ("model.safetensors", "type_refused", "term"), ("fit.rds", "type_refused", "estimate"),
        ("book.xlsm", "type_refused", ".xlsx"), ("all.zip", "archive", "Unpack"), ("rows.tsv", "type_refused", "CSV"),
        ("run.exe", "type_refused", "csv"), ("my file.csv", "file_name", "letters"),
        ("a.b.csv", "file_name", "letters"),
        ("photo.gif", "type_refused", "PNG"),
    ],
)  # fmt: skip
def test_everything_else_is_refused_with_how_to_mend_it(name: str, code: str, word: str) -> None:
    """The allow-list is short; what is not on it says what to submit in its place."""
    found = inspect_file(name, b"anything")
    assert [one.code.value for one in found.findings] == [code]
    assert word in found.findings[0].mend


def test_pictures_are_written_anew() -> None:
    """What may leave of a picture are its pixels, encoded again, and those bytes pass."""
    for name, content in (("a.png", figure()), ("a.jpg", picture("JPEG"))):
        anew = inspect_file(name, content).written_anew
        assert anew is not None
        assert inspect_file(name, anew).passed


def test_only_pictures_are_written_anew() -> None:
    """Of every other type the bytes that were looked at are the ones that may leave."""
    for name, made in CLEAN.items():
        assert (inspect_file(name, made()).written_anew is not None) == name.endswith(("png", "jpg"))
