"""`haven disclosure inspect` as it is called, and the process apart in which hostile files are looked into."""

from __future__ import annotations

import json
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from audit.errors import HavenError
from environments.inspection import enclosed
from environments.inspection.enclosed import inspect_apart, inspect_path
from infra.cli.main import app
from tests.fakes.leaving_files import (
    CLEAN,
    NHS_NUMBER,
    PSEUDONYM,
    figure,
    notebook,
    picture,
    repacked,
    with_place,
    workbook,
)


def called(*arguments: str, status: int = 0) -> Any:
    """The data that the command prints."""
    found = CliRunner().invoke(app, ["disclosure", "inspect", *arguments, "--json"])
    if isinstance(found.exception, HavenError):
        raise found.exception
    assert found.exit_code == status, found.output
    return json.loads(found.stdout)


def test_clean_files_of_every_type(tmp_path: Path) -> None:
    """All pass in one call, each with its type and hash."""
    for name, made in CLEAN.items():
        (tmp_path / name).write_bytes(made())
    told = called(*(str(tmp_path / name) for name in CLEAN))
    assert told["passed"]
    assert [one["file"] for one in told["files"]] == list(CLEAN)
    assert all(one["type"] and one["sha256"] and not one["findings"] for one in told["files"])


def test_findings_are_told_and_not_quoted(tmp_path: Path) -> None:
    """The status says that something was found; a person reads what, where, and how to mend it."""
    path = tmp_path / "a.txt"
    path.write_text(f"One\nof {NHS_NUMBER}\n", encoding="utf-8")
    (finding,) = called(str(path), status=65)["files"][0]["findings"]
    assert (finding["code"], finding["where"]) == ("nhs_number", "line 2")
    shown = CliRunner().invoke(app, ["disclosure", "inspect", str(path)])
    assert shown.exit_code == 65
    assert "[nhs_number]" in shown.output and "line 2" in shown.output
    assert NHS_NUMBER not in shown.output


def test_a_picture_is_written_anew(tmp_path: Path) -> None:
    """Without EXIF data and without what followed its end; a file that is there is not written over."""
    path, clean = tmp_path / "a.jpg", tmp_path / "clean.jpg"
    path.write_bytes(picture("JPEG", exif=with_place()) + b"PK\x03\x04")
    assert called(str(path), status=65)["files"][0]["can_be_written_anew"]
    assert called(str(path), "--out", str(clean))["passed"]
    assert called(str(clean))["passed"]
    with pytest.raises(HavenError):
        called(str(path), "--out", str(clean))


def test_what_cannot_be_written_anew(tmp_path: Path) -> None:
    """Nothing is written for other types, for several files, or where the pixels themselves cannot be read."""
    damaged, text, out = tmp_path / "a.png", tmp_path / "a.txt", tmp_path / "out.png"
    damaged.write_bytes(figure()[:-20])
    text.write_text("Counts.\n", encoding="utf-8")
    assert not called(str(damaged), "--out", str(out), status=65)["passed"]
    for files in ([str(text)], [str(text), str(damaged)], [str(tmp_path / "none.txt")]):
        with pytest.raises(HavenError):
            called(*files, "--out", str(out))
    assert not out.exists()


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    """Of a gigabyte only the size is asked."""
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.truncate(1024**3)
    started = time.process_time()
    found = inspect_path(path)
    assert [one.code.value for one in found.findings] == ["too_large"]
    assert found.size == 1024**3
    assert found.sha256 is None
    assert time.process_time() - started < 1  # a gigabyte of zeros takes longer to read and hash


def test_the_process_apart_says_the_same() -> None:
    """What it found comes back whole: findings, the new picture, and the numbers that the project is asked about."""
    found = inspect_apart("a.jpg", picture("JPEG", comment=b"x"))
    assert [one.code.value for one in found.findings] == ["comment"]
    assert found.written_anew is not None and found.written_anew.startswith(b"\xff\xd8")
    content = notebook(id=PSEUDONYM)
    assert inspect_apart("a.ipynb", content).passed
    assert not inspect_apart("a.ipynb", content, is_pseudonym=lambda number: number == PSEUDONYM).passed


def test_memory_and_time_are_bounded() -> None:
    """A file that takes more than its process may have is refused, and the asker goes on."""
    wide = b"[" + b"[]," * 4_000_000 + b"[]]"
    found = inspect_apart("a.json", wide, memory=600 * 1024**2)
    assert {one.code.value for one in found.findings} <= {"unpacks_too_large", "not_inspected"}
    assert not found.passed
    found = inspect_apart("a.json", wide, seconds=1)
    assert not found.passed


@pytest.mark.parametrize(
    "command", [["/bin/false"], ["/bin/echo", "no answer"], ["/nowhere"], ["/bin/sh", "-c", "kill -11 $$"]]
)
def test_a_crash_is_not_passed(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies, or says nothing that can be read, found nothing out: the file is refused."""
    monkeypatch.setattr(enclosed, "WORK", command)
    assert [one.code.value for one in inspect_apart("a.txt", b"x").findings] == ["not_inspected"]


def _long_page() -> bytes:
    """A PDF of a few kilobytes whose page unpacks to more than a hundred megabytes."""
    stream = zlib.compress(b"0 0 l " * 20_000_000)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /MediaBox [0 0 9 9] >>",
        b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    content, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, start=1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return content + table + b"trailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(content)


def _wide_picture() -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", 50_000, 50_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


BOMBS: dict[str, Callable[[], bytes]] = {
    "bomb.xlsx": lambda: repacked(
        workbook(), lambda parts: parts.update({"xl/styles.xml": b"<a>" + b" " * 60_000_000})
    ),
    "bomb.png": _wide_picture,
    "stream.pdf": _long_page,
    "nested.pdf": lambda: b"%PDF-1.4\n1 0 obj\n" + b"[" * 500_000 + b"]" * 500_000 + b"\nendobj\nstartxref\n9\n%%EOF\n",
    "nested.json": lambda: b'{"a":' * 1_000_000,
    "quotes.csv": lambda: b'"' * 3_000_000,
    "letters.txt": lambda: (b"a" * 70 + b"\n") * 100_000,
    "dashes.md": lambda: b"![" * 1_000_000,
    "brackets.py": lambda: b"(" * 1_000_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_within_their_bounds(name: str) -> None:
    """Each gets a sentence; none takes more than its process may have."""
    found = inspect_apart(name, BOMBS[name]())
    assert not found.passed
    assert all(one.what and one.mend for one in found.findings)
