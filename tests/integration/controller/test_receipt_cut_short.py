"""A receipt in mode B that a full disk or kill -9 ends: nothing of it counts, and received again it is there whole."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

import pytest

from linkage.errors import ZoneError
from linkage.sealed.tables import ROWS as SEALED
from linkage.store import all_deliveries, received_deliveries
from tests.fakes.little_disk import no_file_above
from tests.fakes.receiving_process import records_at
from tests.integration.controller.conftest import BY, TODAY, Haven, Origin, Sources

IN_ZONES, SERVICE = "linkage.intake.in_zones", "linkage.intake.service"
MOMENTS = {
    "while it is opened": "linkage.sealed.door:unseal:1",
    "at the second file": "linkage.sealed.receipt:SealedRows._load:2",
    "before tokens are written": f"{IN_ZONES}:_insert:1",
    "between the two zones": f"{IN_ZONES}:_insert:2",
    "before the record": f"{SERVICE}:Receipt.record:1",
}
QUICK = {"while it is opened", "between the two zones", "before the record"}
RECEIVES = """
import sys
from pathlib import Path
from tests.fakes.receiving_process import die_at, records_at
from tests.integration.controller.conftest import TODAY, Haven
home = Path(sys.argv[1])
haven = Haven(home, records=records_at(home, TODAY))
die_at(sys.argv[3])
haven.receive(Path(sys.argv[2]))
"""


@pytest.fixture
def haven(haven: Haven, sources: Sources) -> Haven:
    """The same home, with records that outlive a process."""
    lasting = Haven(haven.home, records=records_at(haven.home, TODAY))
    path = sources.folder / "deaths.yaml"
    lasting.contracts.install(path.read_text(encoding="utf-8"), path.name, by=BY)
    return lasting


def _content(haven: Haven) -> tuple[list[Any], list[Any], int]:
    """Tokens and payload without what is random, and how many deliveries there are of them."""
    with haven.zones.linkage(read_only=True) as zone:
        tokens = zone.execute(f"SELECT * EXCLUDE (delivery, row_key) FROM {SEALED} ORDER BY ALL").fetchall()
        (keys,) = zone.execute(f"SELECT count(DISTINCT row_key) FROM {SEALED}").fetchall()[0]
    with haven.zones.research(read_only=True) as zone:
        payload = zone.execute("SELECT * EXCLUDE (delivery, row_key) FROM incoming_deaths ORDER BY ALL").fetchall()
        assert zone.execute("SELECT count(DISTINCT row_key), count(*) FROM incoming_deaths").fetchall() == [
            (keys, keys)
        ]
    with haven.records.read() as session:  # type: ignore[attr-defined]
        assert [one.name for one in received_deliveries(session)] == ["deaths-first"]
    return tokens, payload, keys


def _received(haven: Haven) -> int:
    with haven.records.read() as session:  # type: ignore[attr-defined]
        return len(all_deliveries(session))


def _is_whole(haven: Haven, origin: Origin) -> None:
    """Received now, it is there once and whole, no debris lies about, and its rows are linked."""
    received = haven.receive(origin.sealed)
    tokens, payload, keys = _content(haven)
    assert len(tokens) == len(payload) == keys == received.rows["deaths"] > 30
    assert not [path for path in haven.home.rglob("*") if ".next" in path.name or path.name.startswith("scratch-")]
    assert not haven.linker.link(by=BY).nothing_new


@pytest.mark.parametrize("moment", [pytest.param(m, marks=() if m in QUICK else pytest.mark.slow) for m in MOMENTS])
def test_a_killed_receipt_in_mode_b_is_simply_run_again(haven: Haven, origin: Origin, moment: str) -> None:
    """Killed at any moment nothing of it is received; what it had put into a zone goes before it comes again."""
    command = [sys.executable, "-c", RECEIVES, str(haven.home), str(origin.sealed), MOMENTS[moment]]
    died = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert _received(haven) == 0
    assert haven.linker.link(by=BY).nothing_new, "rows of a delivery that was not received were linked"
    _is_whole(haven, origin)


@pytest.mark.parametrize("limit", [1_000, 100_000], ids=["as it is opened", "as its rows are kept"])
def test_a_full_disk_is_told_and_nothing_is_received(haven: Haven, origin: Origin, limit: int) -> None:
    """What was wrong, where, and how to mend it, and not that the file is damaged; with room again it comes in."""
    with no_file_above(limit), pytest.raises(ZoneError, match="no room") as told:
        haven.receive(origin.sealed)
    assert str(haven.home) in str(told.value.where)
    assert "Make room on this disk" in str(told.value.mend)
    assert _received(haven) == 0
    _is_whole(haven, origin)
