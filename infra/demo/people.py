"""What do four controllers deliver about the demo's people, and who is who? Invented deliveries with known truth.

Nobody is real: see generator_people for whom, generator_errors for what goes wrong in recording and how often,
generator_records and illness for what happens, generator_files for the shapes (the shipped contracts').
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from audit.progress import Progress, silent
from infra.demo.generator_files import write_care, write_deaths, write_gp, write_hospital
from infra.demo.generator_people import People, make_people

WRITERS: tuple[tuple[str, Callable[[People, Path], pl.DataFrame]], ...] = (
    ("gp", write_gp),
    ("hospital", write_hospital),
    ("social_care", write_care),
    ("deaths", write_deaths),
)


def make_deliveries(folder: Path, *, people: int, seed: int = 1, progress: Progress = silent) -> Path:
    """Write folder/{gp,hospital,social_care,deaths}/ without manifests, and folder/truth.csv; the truth's path.

    The same number of people and seed give the same bytes. truth.csv: dataset, record, person. A million people take
    about half a minute and 2 GB of memory.
    """
    total = len(WRITERS) + 1
    progress("people", 0, total)
    population = make_people(people, np.random.default_rng(seed))
    truth = []
    for done, (dataset, write) in enumerate(WRITERS, 1):
        progress(f"delivery of {dataset}", done, total)
        place = folder / dataset
        place.mkdir(parents=True, exist_ok=True)
        truth.append(write(population, place))
    path = folder / "truth.csv"
    pl.concat(truth).write_csv(path)
    progress("truth", total, total)
    return path
