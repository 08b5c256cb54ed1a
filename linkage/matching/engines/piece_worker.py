"""The process that makes pieces of the ladder's tables: encrypted Parquet of tokens in, encrypted Parquet out.

Started by piece_process; told by lines of JSON on standard input, tells by lines of JSON, and ends when its input
closes. The key of the files is made for one run, comes on standard input, and is nowhere else. Of a failure only the
kind is told.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import duckdb

FAILED = 70


def main() -> int:
    """Serve until the input closes."""
    con = _connection(json.loads(sys.stdin.readline()))
    views: dict[str, list[str]] = {}
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = {"done": _make(con, views, json.loads(line))}
        except duckdb.Error as error:
            answer = {"failed": type(error).__name__}
        print(json.dumps(answer), flush=True)  # noqa: T201 - this is the protocol
    return 0


def _connection(told: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"autoinstall_known_extensions": False, "threads": told["threads"]})
    con.execute("SET temp_directory = ?", [told["spill"]])
    con.execute("SET temp_file_encryption = true")
    con.execute("SET preserve_insertion_order = false")
    if told["memory"]:
        con.execute("SET memory_limit = ?", [told["memory"]])
    if told["cipher"]:
        con.execute(f"LOAD '{told['cipher']}'")
    else:
        con.execute("SET force_mbedtls_unsafe = 'true'")
    # DuckDB takes this key as text only; what is executed here is shown and logged nowhere.
    con.execute(f"PRAGMA add_parquet_key('run', '{told['key']}')")
    return con


def _make(con: duckdb.DuckDBPyConnection, views: dict[str, list[str]], told: dict[str, Any]) -> list[int]:
    """Read `tables` (name: files), make what the SELECT gives: into the file `to`, or as its one row of numbers."""
    for name, files in told["tables"].items():
        if views.get(name) == files:
            continue
        places = ", ".join(f"'{file}'" for file in files)
        con.execute(
            f"CREATE OR REPLACE TEMP VIEW {name} AS"
            f" FROM read_parquet([{places}], encryption_config = {{footer_key: 'run'}})"
        ).fetchall()
        views[name] = files
    if told["to"] is None:
        return [int(number) for number in con.execute(told["select"]).fetchall()[0]]
    written = con.execute(
        f"COPY ({told['select']}) TO '{told['to']}' (FORMAT parquet, ENCRYPTION_CONFIG {{footer_key: 'run'}})"
    ).fetchall()
    return [int(written[0][0])]


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
