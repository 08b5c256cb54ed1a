"""`haven linkage reference` as a data engineer uses it, in words and as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.deliveries import nhs_number

KIND = "superseded-nhs-numbers"


def _haven(*words: str | Path) -> tuple[int, str]:
    """Status and what was said, by the command line in the home that the environment names."""
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", *map(str, words)],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of one superseded number, beside a new haven with a registered data engineer."""
    monkeypatch.setenv("HAVEN_HOME", str(tmp_path / "home"))
    assert _haven("organisation", "add", "haven", "The team", "--invented")[0] == 0
    daria = ("person", "add", "daria", "--name", "Daria Novak", "--organisation", "haven", "--role", "data_engineer")
    assert _haven(*daria, "--invented")[0] == 0
    rhea = ("person", "add", "rhea", "--name", "Rhea Okafor", "--organisation", "haven", "--role", "linkage_reviewer")
    assert _haven(*rhea, "--invented")[0] == 0
    path = tmp_path / "superseded.csv"
    path.write_text(f"old_nhs_number,new_nhs_number\n{nhs_number(1)},{nhs_number(2)}\n", encoding="utf-8")
    return path


def test_a_table_is_loaded_approved_listed_and_removed(table: Path) -> None:
    """Each says what it did, and no number of the table is shown."""
    status, said = _haven("linkage", "reference", "load", KIND, table, "--as", "daria")
    assert (status, f"{KIND}, version 1" in said) == (0, True), said
    assert "waits" in _haven("linkage", "reference", "list")[1]
    status, approved = _haven("linkage", "reference", "approve", KIND, "--as", "rhea")
    assert (status, "in force" in approved) == (0, True), approved
    status, listed = _haven("linkage", "reference", "list", "--json")
    assert [(one["kind"], one["version"], one["in_force"]) for one in json.loads(listed)] == [(KIND, 1, True)]
    assert _haven("linkage", "reference", "remove", KIND, "--as", "daria")[0] != 0  # who loaded it removes it not alone
    assert _haven("linkage", "reference", "remove", KIND, "--as", "rhea")[0] == 0
    assert "No reference table" in _haven("linkage", "reference", "list")[1]
    assert nhs_number(1) not in said + listed
