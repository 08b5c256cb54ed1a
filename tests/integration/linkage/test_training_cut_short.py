"""A training that a full disk or kill -9 ends: a sentence, nothing lost, no half model, and the next try learns it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from linkage.errors import ZoneError
from linkage.matching.residual.models import TRAINING_FLOW
from linkage.private_folders import EXCHANGE
from linkage.specified.engine import SplinkEngine
from linkage.zones import count
from tests.fakes.little_disk import no_file_above
from tests.fakes.people_to_learn_from import deliver_people
from tests.fakes.receiving_process import records_at
from tests.fakes.zones import LinkageBench

MOMENTS = {
    "while it learns": "linkage.specified.engine:SplinkEngine._one_session:2",
    "before the zone with the model takes its place": "linkage.zones:_switch:1",
    "between the zone and the record": "audit.records:Records.change:1",
    "after the record": "linkage.matching.residual.models:LinkageModels.get:1",
}
RECORDED = {"after the record"}
QUICK = {"while it learns", "between the zone and the record"}


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home with people to learn from; and the model that is learned of them undisturbed."""
    home = tmp_path_factory.mktemp("received") / "home"
    deliver_people(LinkageBench(home, records_at(home)))
    shutil.copytree(home, home.with_name("undisturbed"))
    return home, _bench(home.with_name("undisturbed")).linker.models.train(by=TRAINING_FLOW).id


@pytest.fixture
def home(received: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of its own."""
    return Path(shutil.copytree(received[0], tmp_path / "home"))


def _bench(home: Path) -> LinkageBench:
    return LinkageBench(home, records_at(home))


def _zone_file(home: Path) -> Path:
    return home / "zones" / "linkage" / "linkage.duckdb"


def _holds_just(home: Path, model: str) -> None:
    """One model, in the zone and in the records, and no debris."""
    bench = _bench(home)
    assert [one.id for one in bench.linker.models.all()] == [model]
    with bench.zones.linkage(read_only=True) as zone:
        assert zone.execute("SELECT digest FROM models").fetchall() == [(model,)]
        assert count(zone, "SELECT count(*) FROM identity") == 800
    assert not list(_zone_file(home).parent.glob(".*.next*"))
    assert not list((_zone_file(home).parent / EXCHANGE).iterdir())


@pytest.mark.parametrize("memory", ["24MB", "40MB"], ids=["that spills", "whose model is kept"])
def test_a_full_disk_is_told_and_the_next_try_learns(
    home: Path, received: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, memory: str
) -> None:
    """Where memory is spilled, and where the zone is written: no model, the zone to the byte as it was; then whole."""
    before, load = _zone_file(home).read_bytes(), SplinkEngine._load

    def in_little_memory(engine: SplinkEngine, *given: Any) -> None:
        engine.con.execute(f"SET memory_limit = '{memory}'").fetchall()
        engine.con.execute("SET threads = 1").fetchall()
        load(engine, *given)

    with monkeypatch.context() as patched:
        patched.setattr(SplinkEngine, "_load", in_little_memory)
        with no_file_above(1_000), pytest.raises(ZoneError) as told:
            _bench(home).linker.models.train(by=TRAINING_FLOW)
    assert ("no room" if memory == "24MB" else "cannot be copied") in told.value.what
    assert "stays as it was" in told.value.what
    assert told.value.where == str(_zone_file(home).parent)
    assert "Make room" in str(told.value.mend)
    assert _zone_file(home).read_bytes() == before
    assert _bench(home).linker.models.all() == []
    _bench(home).linker.models.train(by=TRAINING_FLOW)
    _holds_just(home, received[1])


@pytest.mark.parametrize("moment", [pytest.param(m, marks=() if m in QUICK else pytest.mark.slow) for m in MOMENTS])
def test_a_killed_training_is_simply_run_again(home: Path, received: tuple[Path, str], moment: str) -> None:
    """Killed at any moment there is the whole model or none; run again, it is the one that is learned undisturbed."""
    command = [sys.executable, "-m", "tests.fakes.training_process", str(home), MOMENTS[moment]]
    died = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    known = [one.id for one in _bench(home).linker.models.all()]
    assert known == ([received[1]] if moment in RECORDED else [])
    assert _bench(home).linker.models.in_force() is None
    _bench(home).linker.models.train(by=TRAINING_FLOW)
    _holds_just(home, received[1])
