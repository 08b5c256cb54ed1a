"""The worker processes of the ladder in pieces: nothing secret in sight, and a killed one leaves the zone as it was."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from linkage.matching.engines.errors import EngineFailed
from linkage.matching.engines.piece_tables import PieceSettings
from linkage.matching.engines.piece_workers import WORKER
from linkage.matching.engines.running_in_pieces import InPieces
from tests.fakes.engine_runs import zone_with
from tests.fakes.evidence import accidental_evidence
from tests.fakes.failing_piece import fail_a_piece


def _workers() -> list[int]:
    """The processes of this one that make pieces."""
    children = [
        int(pid)
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text(encoding="ascii").split()
    ]
    return [pid for pid in children if WORKER.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_a_killed_worker_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    """The error says so in a sentence; no table, no file and no process stays."""

    def killing(makes: Mapping[str, Callable[[], int]]) -> list[int]:
        for pid in _workers():
            os.kill(pid, signal.SIGKILL)
        return [make() for make in makes.values()]

    with zone_with(accidental_evidence(1, 10, 2)) as zone:
        with pytest.raises(EngineFailed, match="was killed"):
            InPieces(PieceSettings(tmp_path, run=killing))(zone)
        assert not zone.execute("FROM duckdb_tables() WHERE table_name IN ('work', 'doubts')").fetchall()
    assert not list(tmp_path.iterdir())
    assert not _workers()


def test_a_failed_piece_ends_the_run(tmp_path: Path) -> None:
    """Its failure is what is told; what ran ends, what waited never begins, and the folder goes last."""
    happened = fail_a_piece(tmp_path, None)
    assert "failed (InvalidInputException)" in happened.told
    assert 1 <= happened.begun <= 2
    assert happened.there == [True] * happened.begun
    assert not list(tmp_path.iterdir())
    assert not _workers()


def test_no_key_and_no_plain_table_is_in_sight(tmp_path: Path) -> None:
    """The files are not readable as they lie; the workers' arguments and variables hold no key."""
    seen: list[bytes] = []
    variables: set[bytes] = set()

    def looking(makes: Mapping[str, Callable[[], int]]) -> list[int]:
        rows = [make() for make in makes.values()]
        seen.extend(path.read_bytes() for path in tmp_path.rglob("*.parquet"))
        for pid in _workers():
            assert Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1:5] == [b"-P", b"-s", b"-m", WORKER.encode()]
            variables.update(
                one.split(b"=")[0] for one in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if one
            )
        raise EngineFailed(f"enough was seen: {len(rows)}")

    with zone_with(accidental_evidence(1, 10, 2)) as zone, pytest.raises(EngineFailed, match="enough was seen: 1"):
        InPieces(PieceSettings(tmp_path, run=looking))(zone)
    assert len(seen) >= 2
    assert not [one for one in seen if b"dataset" in one or not one.endswith(b"PARE")]
    assert variables <= {b"PATH", b"PYTHONPATH", b"PYTHONDONTWRITEBYTECODE", b"LC_CTYPE"}
