"""The demo as its reader sees it: it ends well, everything it claims held, and its report and log say so."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.canaries import canaries_of, files_that_hold

ROOT = Path(__file__).resolve().parents[2]
LOWEST_PRECISION, LOWEST_RECALL = 0.999, 0.985


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The demo with few people; its home and what it printed."""
    home = tmp_path_factory.mktemp("d") / "h"
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", "demo", "--people", "3000", "--home", str(home)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    yield home, done.stdout
    for scope in home.glob("scopes/*"):
        scope.chmod(0o700)


def _haven(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.cli", *words], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_every_claim_of_the_demo_held(played: tuple[Path, str]) -> None:
    """Each attack is refused or detected, each promise kept, in a real workspace."""
    _, text = played
    assert "FAILED" not in text
    assert text.count("  held  ") >= 13
    for claim in (
        "A socket opened from the notebook: refused",
        "The notebook that each workspace begins with runs, its one refusal included",
        "The author approves her own output: refused",
        "./haven why asha diabetes-admissions query, before it. Yes.",
        "The same question to the records, at once after one controller withdrew: refused",
        "./haven why asha diabetes-admissions query, after it: refused or detected."
        " Error [refused]: Withdrawn by: council. where: rule project.withdrawn",
        "A query after one controller withdrew: refused",
        "Who opted out is not in the project's file",
        "The same data once more without opt-outs: refused",
        "One byte of the log, changed: refused or detected",
        "The log's end, cut off: refused or detected",
        "the log is whole",
        "Everything held.",
    ):
        assert claim in text


def test_the_doctor_finds_the_homes_folders_closed(played: tuple[Path, str]) -> None:
    """After everything that the demo put there, nothing of the home is open to others."""
    home, _ = played
    told = json.loads(_haven("doctor", "--json", "--home", str(home)).stdout)["findings"]
    of_the_home = [one for one in told if one["area"] == "Home"]
    assert of_the_home
    assert [one["what"] for one in of_the_home if one["standing"] in ("wrong", "doubtful")] == []


def test_the_people_are_linked_as_well_as_is_asked(played: tuple[Path, str]) -> None:
    """Over the pairs of the truth, and between no two datasets far below; read from what it writes for programs."""
    home, _ = played
    every, *between = json.loads((home / "reports" / "demo-link-quality.json").read_text(encoding="utf-8"))
    assert every["left"] == "all"
    assert every["true_pairs"] > 3_000
    assert every["precision"] == every["right_pairs"] / every["found_pairs"]
    assert every["precision"] >= LOWEST_PRECISION
    assert every["recall"] >= LOWEST_RECALL
    assert len(between) == 6
    assert all(one["precision"] >= 0.99 and one["recall"] >= 0.95 for one in between)


def test_its_report_is_one_page_with_its_pictures(played: tuple[Path, str]) -> None:
    """A self-contained page: plots inside, nothing fetched, no script."""
    home, _ = played
    page = (home / "reports" / "demo.html").read_text(encoding="utf-8")
    assert page.count("<svg") >= 3
    assert "<script" not in page
    assert 'src="http' not in page
    assert "Asha, researcher" in page


def test_its_log_verifies_and_tells_the_place_of_a_change(played: tuple[Path, str]) -> None:
    """`haven audit verify` says whole; after one byte is changed it says not whole, with the place."""
    home, _ = played
    whole = _haven("audit", "verify", "--home", str(home), "--json")
    assert json.loads(whole.stdout)["whole"] is True
    entries = next(
        path for path in sorted((home / "audit" / "tile").rglob("*")) if path.is_file() and "entries" in str(path)
    )
    content = entries.read_bytes()
    mode = entries.stat().st_mode
    entries.chmod(0o600)
    entries.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    try:
        broken = _haven("audit", "verify", "--home", str(home))
        assert broken.returncode == 1
        assert "entr" in broken.stdout
    finally:
        entries.write_bytes(content)
        entries.chmod(mode)


def test_every_step_can_be_asked_of_the_log(played: tuple[Path, str]) -> None:
    """The search finds who did what, in words and as data."""
    home, _ = played
    refused = json.loads(_haven("audit", "search", "--home", str(home), "--verb", "query.refused", "--json").stdout)
    assert len(refused) >= 2
    assert {entry["by"] for entry in refused} == {"person:asha"}
    words = _haven("audit", "search", "--home", str(home), "--by", "council").stdout
    assert "withdr" in words or "took" in words


def test_no_identifier_and_no_key_stands_where_it_must_not(played: tuple[Path, str]) -> None:
    """Logs, Prefect's store, the workspace, zones, scopes, reports, the outbox: none holds one in the clear."""
    home, _ = played
    wanted = canaries_of(home, home / "controllers" / "gp" / "patients.csv", "diabetes-admissions")
    assert len(wanted) > 200
    assert files_that_hold(home, wanted, ("keys", "controllers")) == []
    assert any((home / "workspaces").rglob("*"))
    assert any((home / "prefect").rglob("*.db"))


def test_the_released_files_verify_against_their_signed_manifest(played: tuple[Path, str]) -> None:
    """Whoever receives a release can check it; a changed file is told."""
    home, _ = played
    manifests = sorted((home / "outbox").rglob("*manifest*.json"))
    assert len(manifests) == 2
    for manifest in manifests:
        good = _haven("release", "verify", str(manifest.parent), "--home", str(home))
        assert good.returncode == 0, good.stdout + good.stderr
    table = next(manifests[0].parent.rglob("*.csv"))
    content = table.read_bytes()
    table.chmod(0o600)
    table.write_bytes(content.replace(b"*", b"7", 1) if b"*" in content else content + b"\n")
    bad = _haven("release", "verify", str(manifests[0].parent), "--home", str(home))
    assert bad.returncode != 0
