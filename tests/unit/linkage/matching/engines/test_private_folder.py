"""The folder in which engines find their tokens: private, gone afterwards, and no debris beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from linkage.matching.engines.choice import LinkageEngine
from linkage.private_folders import IN_USE, private_folder


def test_the_next_linkage_removes_it_on_whatever_engine(tmp_path: Path) -> None:
    """An administrator who goes back to DuckDB after a killed run on Spark keeps no tokens of it."""
    (tmp_path / "spark-left").mkdir()
    (tmp_path / "spark-left" / IN_USE).touch()
    LinkageEngine(exchanges=(tmp_path, tmp_path / "absent")).tidy()
    assert not list(tmp_path.iterdir())


def test_it_is_closed_to_others_and_gone_after_an_error(tmp_path: Path) -> None:
    """Only this account may look in, and nothing of it stays."""
    with pytest.raises(RuntimeError), private_folder(tmp_path / "exchange", "spark") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "evidence.parquet").write_bytes(b"tokens")
        raise RuntimeError
    assert not list((tmp_path / "exchange").iterdir())


def test_what_a_killed_run_left_goes_and_what_is_in_use_stays(tmp_path: Path) -> None:
    """Debris, of whichever engine, has a lock that nobody holds; another run's folder has one that is held."""
    for left in ("spark-left", "pieces-left", "spill-left"):
        (tmp_path / left).mkdir()
        (tmp_path / left / IN_USE).touch()
    with private_folder(tmp_path, "spark") as mine, private_folder(tmp_path, "spark") as other:
        assert {one.name for one in tmp_path.iterdir()} == {mine.name, other.name}
