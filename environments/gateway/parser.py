"""What reads hostile text? A process of its own that holds nothing: DuckDB's parser, within a limit of time and memory.

Some short statements take the parser hours or all memory (brackets in brackets, WITH in WITH). Here the kernel ends it,
and whoever asked is refused. A request is a line of JSON, [what, text]; an answer is a frame: how it went, and a text.
Ends when its standard input ends.
"""

from __future__ import annotations

import json
import math
import resource
import struct
import sys
import time
from typing import BinaryIO

import duckdb

from environments.gateway.engine import SHUT_OFF

FRAME = struct.Struct("!BI")  # how it went, bytes that follow
DONE, REFUSED = 0, 1
SECONDS = 2  # of processor time for one text; the largest that is judged takes a quarter of one
MEMORY = 2 * 1024**3  # bytes
# Nothing is left out of the tree: a key that is not there could not be judged.
TREE = "SELECT json_serialize_sql(?::VARCHAR, skip_null := false, skip_empty := false, skip_default := false)"
TEXT = "SELECT json_deserialize_sql(?::JSON)"
ASKED = {"tree": TREE, "text": TEXT}


def main() -> None:
    """Read and answer until standard input ends."""
    for kind, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_DATA, MEMORY)):
        resource.setrlimit(kind, (most, most))
    connection = parser()
    for line in sys.stdin.buffer:
        what, text = json.loads(line)
        ends = math.ceil(time.process_time()) + SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (ends, resource.RLIM_INFINITY))
        try:
            row = connection.execute(ASKED[what], [text]).fetchone()
        except duckdb.Error:
            # DuckDB closes a database in which it met an error of its own: the next text needs another.
            connection.close()
            connection = parser()
            _answer(sys.stdout.buffer, REFUSED, "")
        else:
            _answer(sys.stdout.buffer, DONE, str(row[0]) if row else "")


def _answer(to: BinaryIO, how: int, text: str) -> None:
    content = text.encode()
    to.write(FRAME.pack(how, len(content)) + content)
    to.flush()


def parser() -> duckdb.DuckDBPyConnection:
    """A connection that holds nothing and can reach nothing."""
    connection = duckdb.connect(config={**SHUT_OFF, "threads": 1})
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


if __name__ == "__main__":
    main()
