"""The ladder on a real Apache Spark of this machine leaves what DuckDB leaves, and its failures are said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import polars as pl
import pytest

from infra.demo.people import make_deliveries
from infra.settings import ROOT
from linkage.contracts.registry import find_contract
from linkage.intake.pack import pack
from linkage.matching.engines import spark_process
from linkage.matching.engines.errors import EngineFailed, EngineMissing
from linkage.matching.engines.running import in_duckdb
from linkage.matching.engines.spark_process import OnSpark, SparkPlace
from linkage.matching.ladder import LADDER
from tests.fakes.engine_runs import Left, left_by, zone_with
from tests.fakes.evidence import DATASETS, accidental_evidence, demo_evidence, evidence_of_each_key

PEOPLE, ACCIDENTAL, WORLDS = 1_000, 20, 20
"""A job costs its queries and hardly its records, so it is given many small worlds of accidents."""
APART = 1 << 40
REGISTERS = frozenset({"gp"})


def _strangers(evidence: pl.DataFrame, world: int) -> pl.DataFrame:
    """The same records in a world of their own: no token of another world is theirs, nor any number of a record."""
    tokens = [name for name in evidence.columns if name not in ("record", "dataset")]
    return evidence.with_columns(
        pl.col("record") + world * APART,
        *((pl.col(name) + world * APART).cast(pl.UInt64) for name in tokens),
    )


@pytest.fixture(scope="module")
def everybody() -> pl.DataFrame:
    """The demo's people, a pair for each key, and many accidental populations, of one linkage: Java starts once."""
    accidents = [
        _strangers(accidental_evidence(seed, ACCIDENTAL, len(DATASETS)), seed) for seed in range(1, WORLDS + 1)
    ]
    renamed = [one.with_columns(pl.col("dataset").replace({"one": "gp", "two": "hospital"})) for one in accidents]
    return pl.concat(
        [demo_evidence(PEOPLE, ("gp", "hospital")), _strangers(evidence_of_each_key(), WORLDS + 1), *renamed]
    )


def test_spark_leaves_what_duckdb_leaves(everybody: pl.DataFrame, place: SparkPlace) -> None:
    """The same clusters, steps, knowledge of clusters, doubts and types, with a register; nothing is left behind."""
    here: Left = left_by(in_duckdb, everybody, REGISTERS)
    there: Left = left_by(OnSpark(place), everybody, REGISTERS)
    steps = {step for _, _, step, *_ in here["work"]}
    assert steps == {None, *(step.number for step in LADDER)}, "a step is not met: the test shows nothing of it"
    assert here["doubts"], "nobody is in doubt: the test shows little"
    numbered = set(everybody.filter(pl.col("n").is_not_null())["record"])
    assert any(record in numbered and low is None for record, _, _, low, *_ in here["work"]), "no number was contested"
    for name in here:
        assert here[name] == there[name], name
    assert not list(place.folder.iterdir())


def test_a_job_that_is_killed_leaves_the_zone_as_it_was(place: SparkPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says so in a sentence, `work` is not there, and neither is the folder nor the process."""
    started: list[subprocess.Popen[str]] = []
    real = spark_process.subprocess.Popen

    def starting(*words: object, **named: object) -> subprocess.Popen[str]:
        job: subprocess.Popen[str] = real(*words, **named)  # type: ignore[call-overload]
        started.append(job)
        threading.Thread(target=lambda: (time.sleep(0.2), job.send_signal(signal.SIGKILL))).start()
        return job

    monkeypatch.setattr(spark_process.subprocess, "Popen", starting)
    with zone_with(accidental_evidence(1, 10, 2)) as zone, pytest.raises(EngineFailed, match="was killed"):
        before = zone.execute("FROM evidence ORDER BY record").fetchall()
        try:
            OnSpark(place)(zone)
        finally:
            assert zone.execute("FROM evidence ORDER BY record").fetchall() == before
            assert not zone.execute("FROM duckdb_tables() WHERE table_name IN ('work', 'doubts')").fetchall()
    assert started[0].returncode is not None
    assert not list(place.folder.iterdir())


def test_a_master_that_is_none_is_told_by_its_kind(place: SparkPlace) -> None:
    """Not in Java's words; the master is named, as it stands in the settings."""
    wrong = SparkPlace(place.python, place.folder, "nonsense", place.memory)
    with zone_with(accidental_evidence(1, 10, 2)) as zone, pytest.raises(EngineFailed) as caught:
        OnSpark(wrong)(zone)
    assert caught.value.where == "master nonsense"
    assert "\n" not in str(caught.value)


def test_without_java_or_the_environment_nothing_is_begun(place: SparkPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is told with the way to get it, before any token is written."""
    bare = SparkPlace(place.python.with_name("python-of-nowhere"), place.folder)
    with zone_with(accidental_evidence(1, 10, 2)) as zone:
        with pytest.raises(EngineMissing, match=r"scripts/install\.py spark"):
            OnSpark(bare)(zone)
        monkeypatch.setenv("PATH", "/nowhere")
        monkeypatch.delenv("JAVA_HOME", raising=False)
        with pytest.raises(EngineMissing, match="Java 17"):
            OnSpark(place)(zone)
    assert not place.folder.exists()


def test_the_job_ends_when_the_haven_dies(place: SparkPlace, tmp_path: Path) -> None:
    """A job whose input closes ends by itself, before it has done anything."""
    job = subprocess.Popen(
        [str(place.python), "-m", spark_process.JOB],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        text=True,
    )
    assert job.stdin is not None
    job.stdin.write(f'{{"folder": "{tmp_path}", "master": "local", "memory": "1g", "rows": 1}}\n')
    job.stdin.close()
    assert job.wait(60) != 0


def test_a_linkage_of_a_haven_runs_on_spark(tmp_path: Path) -> None:
    """Chosen in haven.toml: the run succeeds, its report names the engine, and no token is left outside the zone."""
    make_deliveries(tmp_path, people=40)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    chosen = '[linkage]\nengine = "spark"\n[linkage.spark]\nmaster = "local[2]"\nmemory = "1g"\n'
    (home / "haven.toml").write_text(chosen, encoding="utf-8")
    _haven(home, "organisation", "add", "haven", "Haven", "--invented")
    _haven(home, "person", "add", "daria", "--organisation", "haven", "--role", "data_engineer", "--invented")
    for dataset in ("gp", "hospital"):
        pack(tmp_path / dataset, find_contract(dataset), name=f"{dataset}-first")
        _haven(home, "delivery", "receive", str(tmp_path / dataset), "--as", "daria")
    assert "people on the spine" in _haven(home, "linkage", "run")
    assert json.loads(_haven(home, "linkage", "report", "--json"))["engine"] == "spark"
    assert not list((home / "zones" / "linkage" / ".exchange").iterdir())


def _haven(home: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", *words],
        env={**os.environ, "HAVEN_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
