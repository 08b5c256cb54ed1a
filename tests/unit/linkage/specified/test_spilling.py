"""Does what exceeds memory go to disk, encrypted, and within the zone it came from? Of the engine of specified linkage."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import duckdb
import polars as pl
import pytest

from access.keys import KeyRing
from linkage.errors import ZoneUnsafe
from linkage.private_folders import EXCHANGE, Spilling
from linkage.specified.engine import SplinkEngine
from linkage.zones import ZonePlan, Zones

SPILLED = "CREATE OR REPLACE TEMP TABLE much AS SELECT range AS a, md5(range::TEXT) AS b FROM range(1500000)"


def _spills(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("SET memory_limit = '20MB'; SET threads = 1").fetchall()
    connection.execute(SPILLED).fetchall()
    assert connection.execute("SELECT sum(size) > 0 FROM duckdb_temporary_files()").fetchall() == [(True,)]
    wanted = ["autoinstall_known_extensions", "temp_file_encryption"]
    found = [connection.execute(f"SELECT current_setting('{name}')").fetchall()[0][0] for name in wanted]
    assert found == [False, True]


def test_specified_linkage_spills(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine has more rows than memory: they go to disk encrypted, and nothing is fetched for it."""
    monkeypatch.setattr(SplinkEngine, "_load", lambda *_: None)
    with closing(SplinkEngine(SimpleNamespace(), pl.DataFrame(), None)) as engine:  # type: ignore[arg-type]
        _spills(engine.con)


def _engine(spilling: Spilling | None = None) -> SplinkEngine:
    return SplinkEngine(SimpleNamespace(), pl.DataFrame(), None, spilling=spilling)  # type: ignore[arg-type]


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    """Of a haven with invented people."""
    return Zones(ZonePlan.under(tmp_path), KeyRing.open(tmp_path / "keys"))


def test_what_was_read_from_a_zone_is_spilled_within_it(zones: Zones, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's pages lie in the zone's own folder, closed to others, until it is closed."""
    monkeypatch.setattr(SplinkEngine, "_load", lambda *_: None)
    exchange = zones.folder("linkage") / EXCHANGE
    with closing(_engine(zones.spilling("linkage"))) as engine:
        _spills(engine.con)
        (folder,) = exchange.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert any(one.suffix == ".tmp" for one in folder.iterdir())
    assert not list(exchange.iterdir())


@pytest.mark.parametrize("extension", [None, "absent.duckdb_extension"])
def test_real_people_are_not_spilled_without_the_zones_cipher(
    extension: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a fit cipher nothing is loaded into the engine; the refusal is the zone's own."""
    loaded: list[object] = []
    monkeypatch.setattr(SplinkEngine, "_load", lambda *_: loaded.append(1))
    plan = replace(ZonePlan.under(tmp_path), real_data=True, duckdb_httpfs=extension and tmp_path / extension)
    zones = Zones(plan, KeyRing.open(tmp_path / "keys"))
    with pytest.raises(ZoneUnsafe, match=r"cipher|encrypts"):
        _engine(zones.spilling("linkage"))
    assert not loaded
    assert not list((zones.folder("linkage") / EXCHANGE).iterdir())


def test_files_outside_zones_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private temporary folder is used, and it goes with the engine, or with what kept it from being made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(SplinkEngine, "_load", lambda *_: None)
    with closing(_engine()) as engine:
        _spills(engine.con)
        (folder,) = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(SplinkEngine, "_load", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        _engine()
    assert not list(tmp_path.iterdir())
