"""The rules of access and of opt-outs, told on SQLite in tests/spec: the same stories on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.postgres import STORIES_DATABASE, postgresql, prepare_template, stories_told

pytestmark = pytest.mark.needs_postgresql

ROOT = Path(__file__).resolve().parents[3]
STORIES = {"tests/spec/access": 100, "tests/spec/optouts": 20}
"""Folders, and how many databases at least their stories need: fewer, and they were told elsewhere."""


@pytest.mark.timeout(1200)
def test_the_stories_are_the_same_on_postgresql() -> None:
    """Every one passes there, each in a database of its own; side by side, as they take none from another."""
    with postgresql() as url:
        prepare_template(url)
        for folder, fewest in STORIES.items():
            before = stories_told(url)
            done = subprocess.run(
                [sys.executable, "-m", "pytest", folder, "--numprocesses", "2", "-p", "no:cacheprovider"],
                cwd=ROOT, env={**os.environ, STORIES_DATABASE: url}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout[-6000:]
            assert stories_told(url) - before >= fewest
