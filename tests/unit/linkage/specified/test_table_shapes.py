"""Tables as strangers export them: each is read as it is meant, or refused with the file, the line and the mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from linkage.specified.errors import FileUnreadable
from linkage.specified.reading import read_people

ROWS = ["surname;forename;born;note"] + [f"M\u00fcller{n};J\u00f6rg;{n % 28 + 1}.3.1985;x" for n in range(30)]
SEMICOLONS = "\n".join(ROWS) + "\n"
COMMAS = SEMICOLONS.replace(";", ",")


def _written(folder: Path, content: bytes) -> Path:
    path = folder / "people.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        SEMICOLONS.encode(),
        SEMICOLONS.encode("utf-8-sig"),
        SEMICOLONS.encode("latin-1"),
        SEMICOLONS.encode("utf-16"),
        SEMICOLONS.replace(";", "\t").encode(),
        SEMICOLONS.replace(";", " | ").encode(),
        SEMICOLONS.replace("\n", "\r").encode(),
        SEMICOLONS.replace("\n", "\r\n").encode(),
        ("sep=;\n" + SEMICOLONS).encode(),
    ],
)
def test_separators_encodings_and_ends_of_lines(content: bytes, tmp_path: Path) -> None:
    """However it is exported, the same table comes out."""
    people = read_people(_written(tmp_path, content))
    assert (people.height, people.columns) == (30, ["surname", "forename", "born", "note"])
    assert people.row(0) == ("M\u00fcller0", "J\u00f6rg", "1.3.1985", "x")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('O"Brien,Al,1.3.1985,x', "A quote stands where none can be"),
        ('"O"Brien",Al,1.3.1985,x', "A quote stands where none can be"),
        ('"OBrien,Al,1.3.1985,x', "A quote stands where none can be"),
        ("OBrien,Al,1.3.1985,x,y", "has 5 fields, and the headings are 4"),
    ],
)
def test_a_line_that_is_no_row_is_named(line: str, words: str, tmp_path: Path) -> None:
    """File, line and mend; nothing of what stands there."""
    path = _written(tmp_path, (COMMAS + '"Two\nlines",Al,1.3.1985,x\n' + line + "\n" + COMMAS[27:]).encode())
    with pytest.raises(FileUnreadable) as refused:
        read_people(path)
    assert words in refused.value.what
    assert refused.value.where == f"{path}, line 34"
    assert "Brien" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("\n".join(COMMAS.splitlines()[1:]), "does not look like headings"),
        ("Export of May,,,\n" + COMMAS, "does not look like headings"),
        (COMMAS.replace("forename", "surname"), "Two columns have the same heading"),
    ],
)
def test_headings_that_are_missing_or_twice_are_refused(content: str, words: str, tmp_path: Path) -> None:
    """A person must not become a heading."""
    with pytest.raises(FileUnreadable, match=words):
        read_people(_written(tmp_path, content.encode()))
