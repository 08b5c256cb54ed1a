"""A Spark of this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.settings import ROOT
from linkage.matching.engines.spark_process import SparkPlace


@pytest.fixture
def place(tmp_path: Path) -> SparkPlace:
    """Spark in this process's environments, two threads of this machine."""
    environments = Path(os.environ.get("HAVEN_ENVIRONMENTS", ROOT / ".haven" / "envs"))
    return SparkPlace(environments / "spark" / "bin" / "python", tmp_path / "exchange", "local[2]", "1g")
