"""Real files of every type that may leave, made with the libraries that researchers use; clean, or with one thing."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import docx
import matplotlib as mpl
import openpyxl
import polars as pl
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base
from pypdf import PdfWriter

mpl.use("Agg")

from matplotlib import pyplot as plt

NHS_NUMBER = "943 476 5919"
PSEUDONYM = "5f0c3b8a-1d2e-4f6a-9b7c-0a1b2c3d4e5f"
AGGREGATE = "age,sex,people\n0-39,F,120\n0-39,M,135\n40+,F,210\n40+,M,95\n"


def csv(extra: str = "") -> bytes:
    """A small table of counts."""
    return (AGGREGATE + extra).encode()


def per_person(rows: int = 60) -> list[list[str]]:
    """A row for each person, with a code of their own."""
    return [
        ["study_code", "age", "sex"],
        *([f"AB{n * 7919 % 999983:06}", str(20 + n % 50), "FM"[n % 2]] for n in range(rows)),
    ]


def parquet(frame: pl.DataFrame | None = None, **options: Any) -> bytes:
    """The table of counts, as polars writes it."""
    out = io.BytesIO()
    table = frame if frame is not None else pl.read_csv(io.BytesIO(csv()))
    table.write_parquet(out, **options)
    return out.getvalue()


def workbook(change: Callable[[openpyxl.Workbook], object] | None = None, rows: list[list[Any]] | None = None) -> bytes:
    """The table of counts, as openpyxl writes it."""
    book = openpyxl.Workbook()
    for row in rows or [line.split(",") for line in AGGREGATE.splitlines()]:
        book.active.append([int(one) if str(one).isdigit() and len(str(one)) < 9 else one for one in row])
    if change is not None:
        change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def document(change: Callable[[Any], object] | None = None) -> bytes:
    """A short report with a table, as python-docx writes it."""
    paper = docx.Document()
    paper.add_heading("Admissions by age", 1)
    paper.add_paragraph("People admitted at least once, rounded to 5.")
    table = paper.add_table(rows=0, cols=3)
    for line in AGGREGATE.splitlines():
        for cell, text in zip(table.add_row().cells, line.split(","), strict=True):
            cell.text = text
    if change is not None:
        change(paper)
    out = io.BytesIO()
    paper.save(out)
    return out.getvalue()


def picture(kind: str = "PNG", **options: Any) -> bytes:
    """A small picture as Pillow writes it."""
    return picture_of(Image.linear_gradient("L").convert("RGB"), kind, **options)


def picture_of(drawn: Image.Image, kind: str, **options: Any) -> bytes:
    """These pixels, as Pillow writes them."""
    out = io.BytesIO()
    drawn.save(out, kind, **options)
    return out.getvalue()


def bomb() -> bytes:
    """A small file that unpacks to 256 million pixels."""
    return picture_of(Image.new("1", (16_000, 16_000)), "PNG")


def packed_bomb() -> bytes:
    """A small workbook with a part of a hundred megabytes."""
    return repacked(workbook(), lambda parts: parts.update({"xl/more.xml": bytes(100 * 1024**2)}))


def figure(kind: str = "png", points: int = 20, text: str = "Admissions", **options: Any) -> bytes:
    """A figure as matplotlib writes it."""
    drawn, axes = plt.subplots(figsize=(4, 3))
    axes.scatter(range(points), [n * 37 % 101 for n in range(points)])
    axes.set_title(text)
    out = io.BytesIO()
    drawn.savefig(out, format=kind, **options)
    plt.close(drawn)
    return out.getvalue()


def with_place() -> Image.Exif:
    """EXIF data that say where a picture was taken, and by whom."""
    exif = Image.Exif()
    exif[Base.Artist] = "Somebody"
    exif.get_ifd(IFD.GPSInfo)[GPS.GPSLatitude] = (51.0, 30.0, 0.0)
    return exif


def pdf(change: Callable[[PdfWriter], object]) -> bytes:
    """A figure's PDF, changed by pypdf."""
    writer = PdfWriter(clone_from=io.BytesIO(figure("pdf")))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def notebook(source: str = "import haven\nhaven.crosstab(rows, 'age', 'sex')", **cell: Any) -> bytes:
    """A notebook of one cell of code and one of words."""
    cells = [
        {"cell_type": "code", "id": "a1", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
        | cell,
        {"cell_type": "markdown", "id": "b2", "metadata": {}, "source": ["# Admissions\n", "Rounded to 5."]},
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}, indent=1).encode()


def results(status: str = "pass") -> bytes:
    """ACRO's record of one output."""
    record = {
        "uid": "output_0", "status": status, "type": "table", "properties": {"method": "crosstab"},
        "files": [{"name": "output_0_0.csv", "sdc": {"summary": {"suppressed": False}, "cells": {}}}],
        "outcome": {}, "command": "acro.crosstab(df.age, df.sex)", "summary": status,
        "timestamp": "2026-01-05T10:00:00", "comments": [], "exception": "",
    }  # fmt: skip
    return json.dumps({"version": "0.4.9", "results": {"output_0": record}}, indent=1).encode()


def repacked(content: bytes, change: Callable[[dict[str, bytes]], object]) -> bytes:
    """An archive with other parts."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    change(parts)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return out.getvalue()


PYTHON = b'"""Counts by age."""\nimport haven\n\ntable = haven.crosstab(rows, "age", "sex")\n'
CLEAN: dict[str, Callable[[], bytes]] = {
    "table.csv": csv,
    "table.parquet": parquet,
    "table.xlsx": workbook,
    "figure.png": figure,
    "figure.jpg": lambda: picture("JPEG"),
    "figure.pdf": lambda: figure("pdf"),
    "notes.md": lambda: b"# Admissions\n\nCounts are rounded to 5.\n\n| age | people |\n|---|---|\n| 0-39 | 255 |\n",
    "notes.txt": lambda: b"Counts are rounded to 5.\nHidden below 10.\n",
    "table.json": lambda: b'{"age": ["0-39", "40+"], "people": [255, 305]}',
    "results.json": results,
    "analysis.ipynb": notebook,
    "report.docx": document,
    "analysis.py": lambda: PYTHON,
    "analysis.R": lambda: b"library(dplyr)\nrows %>% count(age, sex)\n",
    "analysis.sql": lambda: b"SELECT age, sex, count(*) AS people FROM rows GROUP BY ALL\n",
}
