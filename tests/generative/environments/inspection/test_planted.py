"""Whatever is planted in a file of any type, wherever: it is found, and no finding quotes it."""

from __future__ import annotations

import json
from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf.generic import NameObject, TextStringObject

from environments.disclosure.tables import is_nhs_number
from environments.inspection.inspect import inspect_file
from environments.inspection.model import Inspection
from tests.fakes.leaving_files import CLEAN, csv, document, figure, notebook, parquet, pdf, results, workbook

MANY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _valid(start: int) -> str:
    """The first valid number from here on: one in eleven is."""
    return next(text for number in range(start, start + 1_000) if is_nhs_number(text := str(number)))


NUMBERS = st.integers(4_000_000_000, 9_999_990_000).map(_valid)
WORDS = st.text(st.sampled_from("abcdefghij KLMNOP,.;:()äß€"), max_size=20)
BINARY = [name for name in CLEAN if name.endswith(("png", "jpg", "pdf", "xlsx", "docx", "parquet", "json", "ipynb"))]
MADE = {name: CLEAN[name]() for name in BINARY}


def _spelt(number: str, mark: str) -> str:
    return f"{number[:3]}{mark}{number[3:6]}{mark}{number[6:]}"


TEXTS = st.builds(
    lambda number, mark, before, after: (number, f"{before} {_spelt(number, mark)} {after}"),
    NUMBERS, st.sampled_from(["", " ", "-"]), WORDS, WORDS,
)  # fmt: skip


def _in_json(text: str) -> bytes:
    return json.dumps({"a": {"b": [1, {text: "x"}]}}).encode()


PLANTED: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "a cell of csv": ("a.csv", lambda text: csv('"' + text.replace(",", ";") + '",F,20\n')),
    "a heading of csv": ("a.csv", lambda text: f'"{text}",people\n1,20\n'.encode()),
    "a cell of parquet": ("a.parquet", lambda text: parquet(pl.DataFrame({"a": [text], "people": [20]}))),
    "a heading of parquet": ("a.parquet", lambda text: parquet(pl.DataFrame({text: ["a"], "people": [20]}))),
    "a cell of xlsx": ("a.xlsx", lambda text: workbook(lambda book: book.active.append([f"a{text}", "F", 20]))),
    "a property of xlsx": ("a.xlsx", lambda text: workbook(lambda book: setattr(book.properties, "title", text))),
    "a paragraph of docx": ("a.docx", lambda text: document(lambda paper: paper.add_paragraph(text))),
    "a cell of docx": (
        "a.docx",
        lambda text: document(lambda paper: setattr(paper.tables[0].cell(1, 1), "text", text)),
    ),
    "a property of docx": (
        "a.docx",
        lambda text: document(lambda paper: setattr(paper.core_properties, "title", text)),
    ),
    "a property of pdf": ("a.pdf", lambda text: pdf(lambda writer: writer.add_metadata({"/Title": text}))),
    "an object of pdf": (
        "a.pdf",
        lambda text: pdf(lambda writer: writer.root_object.__setitem__(NameObject("/Lang"), TextStringObject(text))),
    ),
    "txt": ("a.txt", lambda text: f"Counts.\n{text}\n".encode()),
    "md": ("a.md", lambda text: f"# Counts\n\n- {text}\n".encode()),
    "a value of json": ("a.json", lambda text: f'{{"a": [1, "{text}"]}}'.encode()),
    "a key of json": ("a.json", _in_json),
    "results.json": (
        "results.json",
        lambda text: results().replace(b'"exception": ""', f'"exception": "{text}"'.encode()),
    ),
    "a cell of ipynb": ("a.ipynb", lambda text: notebook(f"# {text}")),
    "metadata of ipynb": ("a.ipynb", lambda text: notebook(metadata={"tags": [text]})),
    "py": ("a.py", lambda text: f"x = 1  # {text}\n".encode()),
    "R": ("a.R", lambda text: f"x <- 1 # {text}\n".encode()),
    "sql": ("a.sql", lambda text: f"SELECT 1 -- {text}\n".encode()),
}


def _quotes(found: Inspection, number: str) -> bool:
    told = str(found.as_data()).replace(str(found.sha256), "")
    return any(_spelt(number, mark) in told for mark in ("", " ", "-"))


@pytest.mark.parametrize("place", PLANTED)
@MANY
@given(TEXTS)
def test_a_planted_nhs_number_is_found_and_never_quoted(place: str, planted: tuple[str, str]) -> None:
    """In a cell, a heading, a property, a comment, metadata: of every type."""
    number, text = planted
    name, make = PLANTED[place]
    found = inspect_file(name, make(text))
    assert "nhs_number" in {one.code.value for one in found.findings}
    assert not _quotes(found, number)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(NUMBERS, st.sampled_from(["", " ", "-"]))
def test_a_number_drawn_into_a_figure_is_found(number: str, mark: str) -> None:
    """What a page of a PDF says is read as its reader reads it."""
    found = inspect_file("a.pdf", figure("pdf", text=f"Of {_spelt(number, mark)}"))
    assert "nhs_number" in {one.code.value for one in found.findings}
    assert not _quotes(found, number)


@given(NUMBERS)
@settings(max_examples=20, deadline=None)
def test_a_name_that_is_a_number_is_not_said(number: str) -> None:
    """A file that is named for a person is refused, and its name is not repeated."""
    found = inspect_file(f"of-{number}.csv", csv())
    assert not found.passed
    assert not _quotes(found, number)


@pytest.mark.parametrize("name", BINARY)
@MANY
@given(st.binary(min_size=1, max_size=300))
def test_appended_bytes_never_pass(name: str, more: bytes) -> None:
    """Whatever follows the end of the format is found; only white space may follow text."""
    found = inspect_file(name, MADE[name] + more)
    harmless = name.endswith(("json", "ipynb")) and not more.strip(b" \t\r\n")
    assert found.passed == (
        harmless or (name.endswith("pdf") and MADE[name].endswith(b"EOF\n") and more in (b"\n", b"\r"))
    )


@pytest.mark.parametrize("name", [name for name in BINARY if name.endswith(("xlsx", "docx", "parquet", "pdf"))])
@MANY
@given(st.data())
def test_bytes_put_in_anywhere_never_pass(name: str, data: st.DataObject) -> None:
    """Eight bytes at any place: they are found, or the file is damaged."""
    at = data.draw(st.integers(0, len(MADE[name]) - 1))
    content = MADE[name][:at] + b"\xd0secret\xd0" + MADE[name][at:]
    assert not inspect_file(name, content).passed


@pytest.mark.parametrize("name", CLEAN)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=400), st.integers(0, 10_000), st.integers(0, 10_000))
def test_no_bytes_break_an_inspector(name: str, bytes_in: bytes, start: int, length: int) -> None:
    """Damage of any kind is a finding or harmless, never an error of the inspector."""
    content = MADE.get(name) or CLEAN[name]()
    start %= len(content) + 1
    found = inspect_file(name, content[:start] + bytes_in + content[start + length % 200 :])
    assert "not_inspected" not in {one.code.value for one in found.findings}
