"""Does what exceeds memory go to disk, encrypted? Of the engine of specified linkage."""

from __future__ import annotations

from contextlib import closing
from types import SimpleNamespace

import duckdb
import polars as pl
import pytest

from linkage.specified.engine import SplinkEngine

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
