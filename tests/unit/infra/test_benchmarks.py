"""Benchmarks are measured one by one: what one meets keeps no other from its table, and is not passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra import benchmarks

MEASURED = "NAME = 'how fast'\ndef run(quick):\n    return [('seconds', 2.5, 's')]\n"
BROKEN = "NAME = 'not at all'\ndef run(quick):\n    raise ValueError('no Java here')\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two benchmarks, of which the first in the alphabet fails."""
    (tmp_path / "a.py").write_text(BROKEN)
    (tmp_path / "b.py").write_text(MEASURED)
    monkeypatch.setattr(benchmarks, "FOLDER", tmp_path)


def test_what_one_meets_keeps_no_other_from_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    """The second is printed, what the first met too, and the end names it."""
    with pytest.raises(benchmarks.BenchmarkFailed, match=r"Not measured: a\."):
        benchmarks.run_benchmarks([], quick=True)
    said = capsys.readouterr().out
    assert "no Java here" in said
    assert "2.5" in said


def test_one_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Only that; a name of none is told what there is."""
    benchmarks.run_benchmarks(["b"], quick=True)
    assert "how fast" in capsys.readouterr().out
    with pytest.raises(benchmarks.UnknownBenchmark):
        benchmarks.run_benchmarks(["c"], quick=True)
