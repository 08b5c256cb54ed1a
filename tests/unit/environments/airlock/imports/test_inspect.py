"""What may come in, by its content: each kind taken, each disguise refused, and what is left to the checker told."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from environments.airlock.errors import ImportUnfit
from environments.airlock.imports.inspect import inspected, parquet_table
from environments.disclosure.tables import MOST_BYTES, is_nhs_number

NHS_NUMBER = "999 000 0018"  # of the test range
PSEUDONYM = "6f1c0a2b-9d3e-4a5b-8c7d-001122334455"


def _notebook(**changes: Any) -> bytes:
    cell = {"cell_type": "code", "id": "a1", "metadata": {}, "execution_count": None, "outputs": [], "source": ["1"]}
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{**cell, **changes}]}
    return json.dumps(book).encode()


def _parquet(table: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    table.write_parquet(out)
    return out.getvalue()


def _arrow(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x.csv", "a\n1\n")
    return out.getvalue()


CODES = pl.DataFrame({"code": ["A00", "A01"], "chapter": [1, 1]})
TAKEN = {
    "model.py": b"def tidy(table):\n    return table.dropna()\n",
    "fit.R": b"fit <- lm(y ~ x, data = d)\n",
    "cohort.sql": b"select count(*) from gp_events where code = 'A00'\n",
    "plot.ipynb": _notebook(),
    "codes.csv": b'code,meaning\nA00,"Cholera, of any kind"\n-1,=not known\n',
    "codes.parquet": _parquet(CODES),
}


@pytest.mark.parametrize("name", TAKEN)
def test_each_kind_is_taken(name: str) -> None:
    """Code and look-up tables come in, with nothing for the checker to look at in particular."""
    found = inspected(name, TAKEN[name])
    assert name.endswith(found.kind.value)
    assert found.size == len(TAKEN[name])
    assert found.findings == ()
    assert found.approved is None


NOT_TAKEN = {
    "an archive": ("codes.zip", _zip()),
    "an archive called a table": ("codes.csv", _zip()),
    "an archive called code": ("codes.py", _zip()),
    "a compressed table": ("codes.csv", gzip.compress(b"a,b\n1,2\n")),
    "a picture called R": ("plot.R", b"\x89PNG\r\n\x1a\n"),
    "a Parquet file called CSV": ("codes.csv", _parquet(CODES)),
    "a table called Parquet": ("codes.parquet", b"code,meaning\nA00,Cholera\n"),
    "a cut Parquet file": ("codes.parquet", _parquet(CODES)[:-30]),
    "a workbook": ("codes.xlsx", b"PK\x03\x04"),
    "no ending": ("codes", b"a\n"),
    "a path": ("../codes.csv", b"a\n1\n"),
    "an empty file": ("codes.csv", b""),
    "a table without rows": ("codes.csv", b"code,meaning\n"),
    "a ragged table": ("codes.csv", b"code,meaning\nA00\n"),
    "too large": ("codes.csv", b"a" * (MOST_BYTES + 1)),
    "no Python": ("model.py", b"def tidy(:\n"),
    "Python too deep to read": ("model.py", b"(" * 100_000),
    "bytes in code": ("fit.R", b"x <- '\x00'"),
    "a control character in code": ("fit.R", b"x <- '\x1b[2J'"),
    "a line nobody can read": ("cohort.sql", b"select '" + b"x" * 3000 + b"'"),
    "not UTF-8": ("cohort.sql", "select 'é'".encode("latin-1")),
    "outputs": ("plot.ipynb", _notebook(outputs=[{"output_type": "stream", "name": "stdout", "text": "1"}])),
    "attachments": ("plot.ipynb", _notebook(attachments={"x.png": {"image/png": "aGk="}})),
    "a hidden key": ("plot.ipynb", _notebook(data="hidden")),
    "a key twice": ("plot.ipynb", b'{"nbformat": 4, "cells": [], "cells": []}'),
    "long metadata": ("plot.ipynb", _notebook(metadata={"x": "y" * 3000})),
    "no notebook": ("plot.ipynb", b'{"a": 1}'),
    "a notebook of lists": ("plot.ipynb", b"[]"),
    "a cell that is none": ("plot.ipynb", b'{"nbformat": 4, "cells": ["x"]}'),
    "lists in Parquet": ("codes.parquet", _parquet(pl.DataFrame({"a": [[1, 2]]}))),
    "bytes in Parquet": ("codes.parquet", _parquet(pl.DataFrame({"a": [b"x"]}))),
    "words beside Parquet": ("codes.parquet", _arrow(pa.table({"a": [1]}).replace_schema_metadata({"note": "x"}))),
    "too many rows in Parquet": ("codes.parquet", _parquet(pl.DataFrame({"a": range(250_001)}))),
    "too much unpacked": ("codes.parquet", _parquet(pl.DataFrame({f"c{n}": range(200_000) for n in range(51)}))),
    "a long cell in Parquet": ("codes.parquet", _parquet(pl.DataFrame({"a": ["x" * 3000]}))),
    "pseudonyms in a table": ("codes.csv", f"who,n\n{PSEUDONYM},1\n".encode()),
    "pseudonyms in code": ("model.py", f"WHO = {PSEUDONYM!r}\n".encode()),
    "pseudonyms in metadata": ("plot.ipynb", _notebook(metadata={"x": PSEUDONYM})),
    "NHS numbers in a table": ("codes.csv", f"number\n{NHS_NUMBER}\n".encode()),
    "NHS numbers in Parquet": ("codes.parquet", _parquet(pl.DataFrame({"n": [9990000018]}))),
    "an NHS number in a text": ("cohort.sql", f"-- not {NHS_NUMBER}, who objected\n".encode()),
    "an NHS number in a notebook": ("plot.ipynb", _notebook(source=f"who = '{NHS_NUMBER}'")),
    "an NHS number in a column's name": ("codes.csv", f"a,{NHS_NUMBER}\n1,2\n".encode()),
}


@pytest.mark.parametrize("what", NOT_TAKEN)
def test_what_is_not_taken(what: str) -> None:
    """Archives, disguises, outputs, what nobody can read, and what is a person's: a sentence that quotes no value."""
    name, content = NOT_TAKEN[what]
    with pytest.raises(ImportUnfit) as caught:
        inspected(name, content)
    assert caught.value.mend
    told = str(caught.value)
    assert NHS_NUMBER not in told
    assert "9990000018" not in told
    assert PSEUDONYM not in told


LOOKED_AT = {
    "a person's name": ("codes.csv", b"code,surname\n1,x\n", "Column 2 is named like something of one person."),
    "a day of birth": ("codes.parquet", _parquet(pl.DataFrame({"birth_date": ["2001-01-01"]})), "Column 1 is named"),
    "postcodes": ("codes.csv", b"area,code\nLeeds,LS1 4AP\n", "Column 2 holds what looks like full postcodes."),
    "mail": ("fit.R", b"# ask gwen@gp.example\n", "The text holds what looks like addresses of e-mail."),
    "data in Python": ("m.py", ("X = [" + "1,\n" * 501 + "]").encode(), "It holds more than 500 numbers and texts"),
    "data in SQL": ("m.sql", ("insert into t values\n" + "(1),\n" * 501).encode(), "It holds more than 500 numbers"),
    "data in a notebook": ("m.ipynb", _notebook(source=["1,\n"] * 501), "It holds more than 500 numbers"),
}


@pytest.mark.parametrize("what", LOOKED_AT)
def test_what_the_checker_is_told(what: str) -> None:
    """What a machine cannot decide comes in as far as the checker, with a sentence."""
    name, content, sentence = LOOKED_AT[what]
    assert any(finding.startswith(sentence) for finding in inspected(name, content).findings)


def test_codes_of_ten_digits_are_no_identifiers() -> None:
    """Of clinical codes with ten digits some are valid NHS numbers by chance: told, and not refused."""
    codes = [str(number) for number in range(1_000_000_100, 1_000_000_200)]
    assert 0 < sum(map(is_nhs_number, codes)) < 20
    found = inspected("snomed.csv", ("code\n" + "\n".join(codes) + "\n").encode())
    assert found.findings == ("Column 1 holds codes of ten digits, some of which could be NHS numbers.",)


def test_a_parquet_table_is_read_as_text() -> None:
    """Numbers, dates and missing cells, as a person reads them."""
    table = pl.DataFrame({"n": [1, None], "day": pl.Series(["2026-01-02", None]).str.to_date()})
    assert parquet_table(_parquet(table)).rows() == [("1", "2026-01-02"), (None, None)]
