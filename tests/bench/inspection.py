"""How fast is each type looked into? Megabytes a second of files about as large as they come, and the process apart.

Of what unpacks (xlsx, docx, parquet, png) the megabytes are those of the file as it lies there.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import polars as pl
from PIL import Image

from environments.inspection.enclosed import inspect_apart
from environments.inspection.inspect import inspect_file
from tests.fakes.leaving_files import csv, document, figure, notebook, parquet, picture_of, workbook

NAME = "inspection: megabytes a second that each type's inspector looks into"
MEGABYTE = 1e6
WORD = "Admissions of people by age and area, rounded to five. "


def run(quick: bool) -> list[tuple[str, float, str]]:
    """MB a second of the processor of each type in this process, and the seconds that a process apart adds."""
    lines = []
    for name, content in _files(1 if quick else 4).items():
        spent = _median(lambda name=name, content=content: inspect_file(name, content), time.process_time)
        lines.append((f"{name}, {len(content) / MEGABYTE:.2f} MB", len(content) / MEGABYTE / spent, "MB/CPU-s"))
    lines.append(
        (
            "a process apart for a table of 56 bytes",
            _median(lambda: inspect_apart("a.csv", csv()), time.perf_counter),
            "s",
        )
    )
    return lines


def _files(times: int) -> dict[str, bytes]:
    """One file of each type; `times` for how large, within what may leave."""
    rows = 1_250 * times
    areas = [f"E{n:08}" for n in range(rows)]
    counts = pl.DataFrame({"area": areas, "people": [5 * (n % 900 + 2) for n in range(rows)]})
    wide = counts.with_columns(**{f"n_{k}": pl.col("people") + 5 * k for k in range(40)})
    lines = "".join(f"{WORD}\n" for _ in range(4_900))
    pixels = np.random.default_rng(1).integers(0, 256, (500 * times, 1_000, 3), dtype=np.uint8)
    code = "".join(f"# {WORD}\ntable = count(rows)\n" for _ in range(2_400))
    return {
        "a.csv": wide.write_csv().encode(),
        "a.parquet": parquet(wide),
        "a.xlsx": workbook(rows=[wide.columns, *map(list, wide.rows())]),
        "a.docx": document(lambda paper: [paper.add_paragraph(WORD * 5) for _ in range(500 * times)]),
        "a.png": picture_of(Image.fromarray(pixels), "PNG"),
        "a.jpg": picture_of(Image.fromarray(pixels), "JPEG"),
        "a.pdf": figure("pdf", points=1_000),
        "a.txt": lines.encode(),
        "a.md": lines.encode(),
        "a.json": wide.write_json().encode(),
        "a.ipynb": notebook(code),
        "a.py": code.encode(),
        "a.sql": code.replace("#", "--").encode(),
    }


def _median(work: Callable[[], object], clock: Callable[[], float]) -> float:
    spent = []
    for _ in range(3):
        start = clock()
        work()
        spent.append(clock() - start)
    return statistics.median(spent)
