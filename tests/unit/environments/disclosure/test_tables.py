"""Files that are no table that can be checked: each gets a sentence with its line and how to mend it."""

from __future__ import annotations

import gzip

import pytest

from environments.disclosure.errors import TableUnfit
from environments.disclosure.tables import MOST_BYTES, check_file_name, content_hash, read_table

GOOD = b"group,people\na,50\nb,60\n"

BAD: dict[str, tuple[bytes, str, str | None]] = {
    "empty": (b"", "must name every column", "line 1"),
    "unnamed column": (b"group,,people\na,b,50\n", "must name every column", "line 1"),
    "two columns of one name": (b"group,group\na,50\n", "same name", "line 1"),
    "semicolons": (b"group;people\na;50\n", "not separated by commas", "line 1"),
    "tabs": (b"group\tpeople\na\t50\n", "not separated by commas", "line 1"),
    "a line too short": (b"group,people\na,50\nb\n", "has 1 cells", "line 3"),
    "a line too long": (b"group,people\na,50,7\n", "has 3 cells", "line 2"),
    "an empty line": (b"group,people\n\na,50\n", "has 0 cells", "line 2"),
    "a quote left open": (b'group,people\n"a,50\nb,60\n', "not CSV", None),
    "a quote inside": (b'group,people\n"a"x,50\n', "not CSV", None),
    "Latin-1": ("group,people\ncafé,50\n".encode("latin-1"), "not UTF-8", "line 2"),
    "UTF-16": ("group,people\na,50\n".encode("utf-16"), "UTF-16 text", None),
    "NUL": (b"group,people\na\0,50\n", "NUL", None),
    "a control character": (b"group,people\na\x07,50\n", "control character", "line 2, column group"),
    "a line break in a cell": (b'group,people\n"a\nb",50\n', "line break", None),
    "= formula": (b"group,people\n=1+1,50\n", "like a formula", "line 2, column group"),
    "+ formula": (b"group,people\n+cmd,50\n", "like a formula", "line 2, column group"),
    "- formula": (b"group,people\n-2+3,50\n", "like a formula", "line 2, column group"),
    "@ formula": (b"group,people\n@SUM(A1),50\n", "like a formula", "line 2, column group"),
    "formula after a blank": (b"group,people\n =1+1,50\n", "like a formula", "line 2, column group"),
    "formula as a name": (b"=1+1,people\na,50\n", "like a formula", "line 1"),
    "free text": (b"group,people\n" + b"x" * 201 + b",50\n", "no free text", "line 2, column group"),
    "a pseudonym": (
        b"who,people\n3f2b8c1e-9a4d-4f6b-8e21-0c5d7a9b1e34,50\n",
        "person's number",
        "line 2, column who",
    ),
    "an NHS number": (b"who,people\n943 476 5919,50\n", "NHS number", "line 2, column who"),
    "too many rows": (b"group,people\n" + b"a,50\n" * 5001, "more than 5,000 rows", "line 5002"),
    "too many columns": (",".join(f"c{n}" for n in range(51)).encode() + b"\n", "More than 50 columns", "line 1"),
    "too large": (b"group,people\n" + b" " * MOST_BYTES, "larger than 16 MB", None),
    "an Excel workbook": (b"PK\x03\x04rest", "an Excel workbook", None),
    "an old Excel workbook": (b"\xd0\xcf\x11\xe0rest", "an old Excel workbook", None),
    "Parquet": (b"PAR1rest", "a Parquet file", None),
    "compressed": (gzip.compress(GOOD), "a compressed file", None),
    "a picture": (b"\x89PNG\r\n", "a picture", None),
    "a PDF": (b"%PDF-1.7", "a PDF", None),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_table_gets_a_sentence(kind: str) -> None:
    """The sentence, the place and a way to mend it."""
    content, said, place = BAD[kind]
    with pytest.raises(TableUnfit) as caught:
        read_table(content)
    assert said in str(caught.value)
    assert place is None or caught.value.where == place
    assert caught.value.mend


@pytest.mark.parametrize("kind", ["Latin-1", "= formula", "a pseudonym", "an NHS number", "free text"])
def test_the_sentence_holds_no_value(kind: str) -> None:
    """What stands in the cell is not repeated."""
    content, _, _ = BAD[kind]
    with pytest.raises(TableUnfit) as caught:
        read_table(content)
    for value in ("caf", "1+1", "3f2b8c1e", "943 476", "xxxx"):
        assert value not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["plot.png", "table.xlsx", "../t.csv", "a b.csv", ".csv", "t.csv.exe", "é.csv", "a" * 81 + ".csv"]
)
def test_names_that_are_not_taken(name: str) -> None:
    """Another type, a path, or characters that cannot be used."""
    with pytest.raises(TableUnfit):
        check_file_name(name)


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        GOOD.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + GOOD,
        GOOD.rstrip(b"\n"),
        b'"group",people\n"a",50\n"b",60\n',
    ],
    ids=["plain", "Windows line ends", "byte-order mark", "no last line end", "quoted"],
)
def test_a_table_is_read_as_text(content: bytes) -> None:
    """Every cell as it stands; the same table however its CSV is written."""
    table = read_table(content)
    assert table.to_dict(as_series=False) == {"group": ["a", "b"], "people": ["50", "60"]}
    assert content_hash(table) == content_hash(read_table(GOOD))


def test_negative_numbers_are_no_formulas() -> None:
    """A difference in means may be below zero."""
    assert read_table(b"group,people,change\na,50,-1.5\n")["change"].to_list() == ["-1.5"]


def test_the_content_hash_knows_another_table() -> None:
    """A changed cell, column or row is another content; the order is not."""
    base = content_hash(read_table(GOOD))
    assert content_hash(read_table(b"people,group\n60,b\n50,a\n")) == base
    others = (b"group,people\na,50\nb,65\n", b"group,persons\na,50\nb,60\n", b"group,people\na,50\n")
    assert base not in {content_hash(read_table(other)) for other in others}
