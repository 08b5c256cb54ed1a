"""Gives each test an airlock of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.airlock import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A haven of one project, two members and three checkers."""
    made = World(tmp_path)
    yield made
    made.close()
