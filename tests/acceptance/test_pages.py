"""The pages' commands, run as a reader would run them: a page whose command fails is a wrong page."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.demo.people import make_deliveries
from tests.acceptance.canaries import canaries_of, files_that_hold
from tests.acceptance.docs_runner import ROOT, Outcome, commands_of, run_commands

REAL_SHAPED = ROOT.parent / "shared" / "data" / "deliveries"
WALK = ROOT / "docs" / "walk-through.md"
OTHERS = sorted(page for page in (ROOT / "docs").glob("*.md") if page != WALK and commands_of(page))
# A walk-through's recall on the data that nobody here made, and on the demo's own people in the same shapes.
LOWEST_PRECISION, LOWEST_RECALL = 0.999, 0.985


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A reader's folder: the repository's docs in it, the deliveries beside it."""
    top = tmp_path_factory.mktemp("r")
    deliveries = top / "shared" / "data" / "deliveries"
    if REAL_SHAPED.is_dir():
        shutil.copytree(REAL_SHAPED, deliveries)
    else:
        make_deliveries(deliveries, people=1_600, seed=7)
        warnings.warn(f"no deliveries in {REAL_SHAPED}: the pages were walked on the demo's own people", stacklevel=1)
    reader = top / "h"
    reader.mkdir()
    (reader / "docs").symlink_to(ROOT / "docs")
    yield reader
    for scope in reader.glob("*/scopes/*"):
        scope.chmod(0o700)


@pytest.fixture(scope="module")
def walked(folder: Path) -> Outcome:
    """The walk-through, from its first line to its last."""
    return run_commands(commands_of(WALK), folder, {})


def test_the_walk_through_runs_from_its_first_line_to_its_last(walked: Outcome) -> None:
    """Every command of the page ends well."""
    assert walked.statuses == [0] * len(walked.commands), walked.printed[-3000:]


def test_the_walk_through_shows_what_it_promises(walked: Outcome, folder: Path) -> None:
    """Good pairs against the truth, a repetition that changes nothing, refusals with a rule, a file that left."""
    everything = next(line for line in walked.printed.splitlines() if line.startswith("all - all"))
    precision, recall, _ = (float(word) for word in everything.split()[-5:-2])
    assert precision >= LOWEST_PRECISION
    assert recall >= LOWEST_RECALL
    for sentence in (
        "nothing was changed",
        "rule gate.function",
        "rule gate.table",
        "The log is whole",
    ):
        assert sentence in walked.printed
    (released,) = (folder / "haven-home" / "outbox").rglob("people_by_age.csv")
    assert released.read_text(encoding="utf-8").startswith("age_band,sex,people")


@pytest.mark.parametrize("page", OTHERS, ids=lambda page: page.name)
def test_a_pages_commands_work(page: Path, walked: Outcome, folder: Path, tmp_path: Path) -> None:
    """Each other page, on the haven that the walk-through left."""
    assert walked.statuses[-1] == 0
    home = tmp_path / "h"
    shutil.copytree(folder / "haven-home", home, ignore=shutil.ignore_patterns("run", "*.sock"))
    place = tmp_path / "r"
    place.mkdir()
    (place / "docs").symlink_to(ROOT / "docs")
    shutil.copytree(folder / "walk", place / "walk")
    (place / "counts.csv").write_text("age,sex,people\n20,F,104\n20,M,96\n40,F,233\n40,M,7\n", encoding="utf-8")
    try:
        done = run_commands(commands_of(page), place, {"HAVEN_HOME": str(home)})
    finally:
        for scope in home.glob("scopes/*"):
            scope.chmod(0o700)
    assert done.statuses == [0] * len(done.commands), done.printed[-3000:]


def test_no_key_and_no_identifier_of_the_walk_through_stands_anywhere_in_the_clear(
    walked: Outcome, folder: Path
) -> None:
    """Byte search over the whole home, the services' logs and Prefect's store included: names, numbers and keys.

    Only what the walk printed for its reader, and the keys' own folder, are left out.
    """
    assert walked.statuses[-1] == 0
    home = folder / "haven-home"
    wanted = canaries_of(home, folder / "walk" / "gp" / "patients.csv", "blood-pressure")
    assert len(wanted) > 200
    assert files_that_hold(home, wanted, ("keys",)) == []
