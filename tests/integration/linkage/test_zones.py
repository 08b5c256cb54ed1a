"""A zone is switched, never edited: whatever stops a writer, it opens as it was, and nobody sees half a change."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from access.keys import KeyRing
from linkage.errors import ZoneBusy, ZoneError
from linkage.zones import ZonePlan, Zones, count

WRITER = """
import sys
from pathlib import Path
from access.keys import KeyRing
from linkage.zones import ZonePlan, Zones, count
home = Path(sys.argv[1])
zones = Zones(ZonePlan.under(home), KeyRing.open(home / "keys"))
while True:
    with zones.research() as zone:
        zone.execute("CREATE TABLE IF NOT EXISTS changes (number BIGINT)")
        number = count(zone, "SELECT count(*) FROM changes")
        zone.execute(f"CREATE OR REPLACE TABLE part_{number % 5} AS SELECT ? AS number FROM range(20000)", [number])
        zone.execute("INSERT INTO changes VALUES (?)", [number])
    print(number, flush=True)
"""
KILLS = 12


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    """The zones of a new home."""
    return _zones(tmp_path)


def _zones(home: Path, patience: float = 10.0) -> Zones:
    return Zones(ZonePlan.under(home), KeyRing.open(home / "keys"), patience=patience)


def test_a_killed_writer_leaves_the_zone_as_it_was(zones: Zones, tmp_path: Path) -> None:
    """kill -9 at any moment: every change that was told as made is there whole, and none by half."""
    made = -1
    for attempt in range(KILLS):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        with process:
            assert process.stdout is not None
            if attempt:
                made = max(made, int(process.stdout.readline()))
            time.sleep(0.02 * attempt)
            process.kill()
            made = max([made, *(int(line) for line in process.stdout.read().split())])
        assert made in _whole_changes(zones)
    assert made >= KILLS - 1
    with zones.research():
        pass
    assert not list((tmp_path / "zones").rglob("*.next*"))
    assert not list((tmp_path / "zones").rglob("*.wal"))


def _whole_changes(zones: Zones) -> set[int]:
    """The newest change and, as it may not have been told any more, the one before; -1 stands for none."""
    with zones.research(read_only=True) as zone:
        if not count(zone, "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'zone'"):
            return {-1}
        newest = count(zone, "SELECT max(number) FROM changes")
        assert count(zone, "SELECT count(*) FROM changes") == newest + 1
        part = f"part_{newest % 5}"
        assert count(zone, f"SELECT count(*) FROM {part} WHERE number = ?", [newest]) == 20_000
    return {newest, newest - 1}


def test_an_error_takes_back_the_whole_session(zones: Zones) -> None:
    """Two statements and an error: neither stands."""
    with zones.linkage() as zone:
        zone.execute("CREATE TABLE kept AS SELECT 1 AS number")
    with pytest.raises(RuntimeError), zones.linkage() as zone:
        zone.execute("CREATE TABLE lost AS SELECT 1 AS number")
        zone.execute("INSERT INTO kept VALUES (2)")
        raise RuntimeError
    with zones.linkage(read_only=True) as zone:
        assert zone.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("kept",)]
        assert count(zone, "SELECT count(*) FROM kept") == 1


def test_a_reader_sees_one_state_and_never_waits(zones: Zones, tmp_path: Path) -> None:
    """While a writer is at work and after it has ended, a reader that came before sees what was there."""
    with zones.research() as zone:
        zone.execute("CREATE TABLE t AS SELECT 1 AS number")
    impatient = _zones(tmp_path, patience=0.0)
    with zones.research() as writing:
        writing.execute("INSERT INTO t VALUES (2)")
        with impatient.research(read_only=True) as reading:
            assert count(reading, "SELECT count(*) FROM t") == 1
    with zones.research(read_only=True) as reading:
        with zones.research() as writing:
            writing.execute("INSERT INTO t VALUES (3)")
        assert count(reading, "SELECT count(*) FROM t") == 2
    with zones.research(read_only=True) as reading:
        assert count(reading, "SELECT count(*) FROM t") == 3


def test_a_second_writer_is_told(zones: Zones, tmp_path: Path) -> None:
    """One writer at a time in a zone; the other zone is free."""
    impatient = _zones(tmp_path, patience=0.05)
    with zones.linkage():
        with pytest.raises(ZoneBusy, match="linkage"), impatient.linkage():
            pass
        with impatient.research():
            pass


def test_what_a_killed_writer_left_is_never_taken_for_the_zone(zones: Zones, tmp_path: Path) -> None:
    """A half-written draft with its log is removed by the next writer; a reader does not look at it."""
    with zones.linkage() as zone:
        zone.execute("CREATE TABLE t AS SELECT 1 AS number")
    folder = tmp_path / "zones" / "linkage"
    for name in (".linkage.next", ".linkage.next.wal"):
        (folder / name).write_bytes(b"half")
    with zones.linkage(read_only=True) as zone:
        assert count(zone, "SELECT count(*) FROM t") == 1
    with zones.linkage() as zone:
        assert count(zone, "SELECT count(*) FROM t") == 1
    assert sorted(path.name for path in folder.iterdir()) == [".linkage.lock", "linkage.duckdb"]


def test_another_havens_key_ring_opens_nothing(zones: Zones, tmp_path: Path) -> None:
    """A wrong key is refused for reading and for writing, and the file stays as it was."""
    with zones.linkage() as zone:
        zone.execute("CREATE TABLE t AS SELECT 1 AS number")
    file = tmp_path / "zones" / "linkage" / "linkage.duckdb"
    before = file.read_bytes()
    strangers = Zones(ZonePlan.under(tmp_path), KeyRing.open(tmp_path / "other-keys"))
    for read_only in (True, False):
        with pytest.raises(ZoneError, match="key ring"), strangers.linkage(read_only=read_only):
            pass
    assert file.read_bytes() == before
    assert file.stat().st_mode & 0o777 == 0o600
