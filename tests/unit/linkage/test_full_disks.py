"""A full disk is told as one, whichever library met it and whoever wrapped its error; all else stays what it is."""

from __future__ import annotations

import errno
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from splink.internals.exceptions import SplinkException
from sqlalchemy import create_engine, text

from flows.steps import StepFailed, contained
from infra.cli.common import show_fault
from linkage.errors import NoRoom, ZoneBusy, ZoneError
from linkage.full_disks import is_no_room, no_room, no_room_told
from linkage.zones import WorkFiles, ZonePlan
from tests.fakes.little_disk import no_file_above


def _of_the_system() -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "/somewhere")


def _within_splink() -> None:
    """As its database_api raises it."""
    try:
        with duckdb.connect() as connection:
            connection.execute("SET memory_limit = '8MB'")
            connection.execute("SET temp_directory = ''")
            connection.execute("CREATE TABLE t AS SELECT range AS n, md5(range::TEXT) AS m FROM range(3000000)")
    except duckdb.Error as error:
        raise SplinkException("Error executing the following sql") from error


def _of_the_records() -> None:
    """SQLite's own, as SQLAlchemy raises it."""
    with create_engine("sqlite://").begin() as connection:
        connection.execute(text("PRAGMA max_page_count = 2"))
        for number in range(9):
            connection.execute(text(f"CREATE TABLE t{number} (content TEXT)"))


def _in_words_only() -> None:
    """As Polars raises it."""
    raise OSError("No space left on device (os error 28)")


def _of_the_engine() -> None:
    """As DuckDB raises it, whatever it writes."""
    with tempfile.TemporaryDirectory() as folder, no_file_above(0), duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 1) TO '{folder}/x.parquet'")


def _of_memory() -> None:
    raise MemoryError


def _of_the_systems_memory() -> None:
    raise OSError(errno.ENOMEM, "Cannot allocate memory")


def _no_such_file() -> None:
    with duckdb.connect() as connection:
        connection.execute("COPY (SELECT 1) TO '/nowhere/x.parquet'")


def _held_by_another() -> None:
    """A lock that another process has."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/x.duckdb"
        holding = f"import duckdb; held = duckdb.connect({path!r}); print(flush=True); input()"
        with subprocess.Popen([sys.executable, "-c", holding], stdin=-1, stdout=-1) as other:
            assert other.stdout is not None
            other.stdout.readline()
            try:
                duckdb.connect(path)
            finally:
                other.kill()


def _for_another_reason() -> None:
    raise PermissionError(errno.EACCES, "Permission denied")


def _of_another_statement() -> None:
    with create_engine("sqlite://").begin() as connection:
        connection.execute(text("SELECT nothing"))


FULL = (
    _of_the_system,
    _in_words_only,
    _within_splink,
    _of_the_records,
    _of_the_engine,
    _of_memory,
    _of_the_systems_memory,
)
OTHERS = (_for_another_reason, _of_another_statement, _no_such_file, _held_by_another)


def _raised(by: Callable[[], None]) -> Exception:
    with pytest.raises(Exception) as told:
        by()
    return told.value


@pytest.mark.parametrize("by", FULL)
def test_a_full_disk_is_told_wherever_it_is_met(by: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> None:
    """In a block, by a flow's step, and at the command line: the same sentence, with how to mend it."""
    assert is_no_room(_raised(by))
    with pytest.raises(NoRoom), no_room_told(no_room):
        by()
    with pytest.raises(NoRoom):
        contained(by)()
    assert show_fault(_raised(by)) == NoRoom.exit_status
    said = capsys.readouterr().err
    assert "The disk or the memory is full. What was complete is kept" in said
    assert "Make room there" in said
    assert "report the place" not in said


@pytest.mark.parametrize("by", OTHERS)
def test_another_error_is_what_it_was(by: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> None:
    """It is raised as it is, and at the edges it is a fault."""
    error = _raised(by)
    assert not is_no_room(error)
    with pytest.raises(type(error)), no_room_told(no_room):
        by()
    with pytest.raises(StepFailed):
        contained(by)()
    assert show_fault(error) == 70
    assert "report the place" in capsys.readouterr().err


def test_what_says_more_is_not_replaced() -> None:
    """The haven's own errors pass, also one that a full disk led to."""
    with pytest.raises(ZoneBusy), no_room_told(no_room):
        try:
            _of_the_system()
        except OSError as error:
            raise ZoneBusy("Another process is working.") from error


@pytest.mark.parametrize("limit", [0, 1_000, 5_000])
def test_a_zone_that_cannot_be_begun_is_not_called_damaged(limit: int, tmp_path: Path) -> None:
    """The work file of a receipt, on a disk without room for its first bytes."""
    files = WorkFiles(ZonePlan.under(tmp_path))
    with no_file_above(limit), pytest.raises(ZoneError, match="no room"):  # noqa: SIM117 - as a receipt does it
        with files.one_delivery_at_a_time(), files.scratch():
            pass
