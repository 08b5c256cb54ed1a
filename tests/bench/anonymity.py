"""How fast are k, l and t measured beside pycanon, and k = 10 reached beside anjana, on the same file?

Both sides start from the CSV. pycanon's cost grows with the classes times the sensitive values: here some 7,900 classes
(age in years, sex, ethnicity, region) and 30 diagnoses. What is made coarser has six quasi-identifiers. What is found
is compared: the same k, l and t; and no greater loss than anjana's, with no more rows left out than were allowed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from environments.anonymity.generalise import generalise
from environments.anonymity.hierarchy import Hierarchy, read_hierarchy
from environments.anonymity.measure import measure_anonymity
from environments.anonymity.model import AnonymityRequirement, ColumnRoles
from environments.anonymity.reading import read_microdata
from environments.anonymity.writing import write_microdata

NAME = "anonymity: k, l and t beside pycanon, generalisation to k = 10 beside anjana"
ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "tests" / "fakes" / "anonymity_peers.py"
QUASI, SENSITIVE = ("age", "sex", "ethnicity", "region"), ("diagnosis",)
COARSE = ("age", "sex", "ethnicity", "district", "education", "marital")
K, LEFT_OUT = 10, 0.01


def run(quick: bool) -> list[tuple[str, float, str]]:
    """Seconds of both sides, from the file to the result, and the ratios."""
    rows = 100_000 if quick else 1_000_000
    python = _peers()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = _invented(folder, rows)
        files = _hierarchy_files(folder)
        measured, measured_cpu, measures = _ours(lambda: _measure(file))
        peer = _run(python, "measure", file, ",".join(QUASI), ",".join(SENSITIVE))
        _same(measures, peer)
        coarse, coarse_cpu, loss = _ours(lambda: _generalise(file, files, folder / "ours.csv"))
        given = [f"{column}={path}" for column, path in files.items()]
        out = folder / "theirs.csv"
        other = _run(python, "generalise", file, ",".join(COARSE), str(K), str(100 * LEFT_OUT), out, *given)
        their_loss = _loss(out, rows, files)
        if loss > their_loss + 1e-9:
            raise RuntimeError("The least loss is greater than anjana's.")
    return [
        ("rows", rows, "rows"),
        ("classes", measures.classes, "classes"),
        ("k, l and t: pycanon 1.3.5", peer["seconds"], "s"),
        ("k, l and t: haven", measured, "s"),
        ("k, l and t: ratio (30 asked)", peer["seconds"] / measured, "times"),
        ("k, l and t: ratio of processor time", peer["cpu"] / measured_cpu, "times"),
        (f"to k = {K}: anjana 1.2.3", other["seconds"], "s"),
        (f"to k = {K}: haven, exact, measured again and written", coarse, "s"),
        (f"to k = {K}: ratio (20 asked)", other["seconds"] / coarse, "times"),
        (f"to k = {K}: ratio of processor time", other["cpu"] / coarse_cpu, "times"),
        (f"to k = {K}: loss of anjana's", their_loss, "of 1"),
        (f"to k = {K}: loss of haven's", loss, "of 1"),
    ]


def _peers() -> Path:
    """The interpreter of the peers' environment, which is made where it is not there."""
    subprocess.run([sys.executable, str(ROOT / "scripts" / "install.py"), "pycanon"], check=True)
    return Path(os.environ.get("HAVEN_ENVIRONMENTS", ROOT / ".haven" / "envs")) / "pycanon" / "bin" / "python"


def _run(python: Path, *words: object) -> dict[str, Any]:
    done = subprocess.run([python, PEERS, *map(str, words)], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _ours(verb: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds of the clock, of the processor, and what was found."""
    started, spent = time.perf_counter(), time.process_time()
    found = verb()
    return time.perf_counter() - started, time.process_time() - spent, found


def _measure(file: Path) -> Any:
    roles = ColumnRoles(QUASI, SENSITIVE)
    return measure_anonymity(read_microdata(file, roles.columns), roles)


def _same(ours: Any, theirs: Mapping[str, Any]) -> None:
    if (ours.k, ours.l) != (theirs["k"], theirs["l"]) or abs(ours.t - theirs["t"]) > 1e-9:
        raise RuntimeError("pycanon finds another k, l or t.")


def _generalise(file: Path, files: Mapping[str, Path], out: Path) -> float:
    roles = ColumnRoles(COARSE)
    made = generalise(
        read_microdata(file, roles.columns),
        roles,
        _hierarchies(files),
        AnonymityRequirement(k=K),
        suppress=LEFT_OUT,
    )
    write_microdata(made.table, out, source=file)
    return made.generalisation.loss


def _hierarchies(files: Mapping[str, Path]) -> dict[str, Hierarchy]:
    return {column: read_hierarchy(path.read_bytes(), column) for column, path in files.items()}


def _loss(file: Path, rows: int, files: Mapping[str, Path]) -> float:
    """What the rows in a file have lost, by the same measure."""
    made = pl.read_csv(file, infer_schema=False)
    lost = float(rows - made.height) * len(COARSE)
    for column, hierarchy in _hierarchies(files).items():
        for form, count in made[column].value_counts().iter_rows():
            level = next(level for level, known in enumerate(hierarchy.weights) if form in known)
            lost += hierarchy.loss(form, level) * count
    return lost / rows / len(COARSE)


def _invented(folder: Path, rows: int) -> Path:
    """People of 18 to 90 years, with one diagnosis each; some of them are the more frequent, the older somebody is."""
    rng = np.random.default_rng(7)
    age = np.minimum(90, 18 + rng.gamma(3.2, 10, rows).astype(np.int64))
    common = rng.choice(30, rows, p=_shares(30))
    district = rng.integers(0, 126, rows)
    frame = pl.DataFrame(
        {
            "age": age,
            "sex": rng.choice(["F", "M"], rows),
            "ethnicity": rng.choice([f"E{number}" for number in range(6)], rows, p=_shares(6)),
            "region": [f"R{number // 14}" for number in district.tolist()],
            "district": [f"A{number}" for number in district.tolist()],
            "education": [f"Q{number}" for number in rng.choice(16, rows, p=_shares(16)).tolist()],
            "marital": [f"M{number}" for number in rng.choice(7, rows, p=_shares(7)).tolist()],
            "diagnosis": [f"D{number}" for number in np.where(age > 60, common // 2, common).tolist()],
        }
    )
    file = folder / "microdata.csv"
    frame.write_csv(file)
    return file


def _shares(many: int) -> Any:
    weights = 1 / np.arange(1, many + 1)
    return weights / weights.sum()


def _hierarchy_files(folder: Path) -> dict[str, Path]:
    levels = {
        "age": [f"{age},{age // 5 * 5}+5,{age // 10 * 10}+10,{age // 20 * 20}+20,any" for age in range(18, 91)],
        "sex": ["F,any", "M,any"],
        "ethnicity": ["E0,most,any", *(f"E{number},others,any" for number in range(1, 6))],
        "district": [f"A{number},R{number // 14},{'north' if number < 56 else 'south'},any" for number in range(126)],
        "education": [f"Q{number},{number // 4}..,any" for number in range(16)],
        "marital": [f"M{number},{'alone' if number % 2 else 'together'},any" for number in range(7)],
    }
    for column, lines in levels.items():
        (folder / f"{column}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {column: folder / f"{column}.csv" for column in levels}
