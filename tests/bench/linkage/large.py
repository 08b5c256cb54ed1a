"""Five and ten million people on each side: what the haven's linkage takes of one machine's memory and CPU.

Nothing else is run beside it: whole-file Splink takes hours here. The model is trained on fewer people, as a haven's is
on a sample. The generator of people takes about half a minute a million, and a gigabyte.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.bench.linkage.people import Measured, outcome, run_method, write

NAME = "many people: the haven's linkage alone (asked: within 16 GB)"
TRAINED_ON = 200_000


def run(quick: bool) -> list[Measured]:
    """For each size: CPU by phase, the peak of memory, what was missed and what is wrong."""
    sizes = (20_000, 40_000) if quick else (5_000_000, 10_000_000)
    with tempfile.TemporaryDirectory() as scratch:
        sample = Path(scratch) / "sample"
        sample.mkdir()
        write(sample, min(TRAINED_ON, sizes[0]))
        run_method("train", sample)
        return [row for size in sizes for row in _measured(size, Path(scratch) / str(size), sample / "model.json")]


def _measured(size: int, folder: Path, model: Path) -> list[Measured]:
    folder.mkdir()
    minority = write(folder, size)
    shutil.copy(model, folder)
    one = outcome("haven", folder, run_method("haven", folder), minority)
    shutil.rmtree(folder)
    named = f"{size:,} a side"
    return [
        *((f"{named}: {phase}", seconds, "CPU s") for phase, seconds in one.seconds.items()),
        (f"{named}: memory, peak", one.gigabytes, "GiB (asked: 16)"),
        (f"{named}: missed", one.missed, "%"),
        (f"{named}: false links", float(one.false_links), ""),
    ]
