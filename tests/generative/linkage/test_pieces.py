"""The ladder in pieces gives what the ladder in one piece gives, whatever the pieces' size."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.matching.engines.piece_tables import PieceSettings
from linkage.matching.engines.pieces import PIECE, in_pieces
from linkage.matching.engines.running import in_duckdb
from linkage.matching.engines.running_in_pieces import InPieces
from tests.fakes.engine_runs import left_by
from tests.fakes.evidence import DATASETS, accidental_evidence

SELECTS = (
    "SELECT a, b, min(r) AS k FROM t WHERE a IS NOT NULL GROUP BY a, b HAVING min(r) <> max(r)",
    "SELECT s.k, w.r, count(*) AS n FROM t w JOIN u s ON w.a = s.a GROUP BY s.k, w.r",
    "SELECT k, n > 1 AS good FROM (SELECT k, count(*) AS n FROM u GROUP BY k) g",
    "SELECT r, u.k FROM t LEFT JOIN u ON t.a = u.a",
    "SELECT * FROM t UNION ALL SELECT t.* FROM t SEMI JOIN u ON t.a = u.a",
    "SELECT DISTINCT a, a AS b FROM t",
    "SELECT r FROM t UNION SELECT k FROM u",
    "SELECT e.r, min(g.low) AS low FROM t e JOIN (SELECT a, min(r) AS low FROM t GROUP BY a) g ON e.a = g.a"
    " GROUP BY e.r",
    "SELECT a, c > 2 AS much FROM (SELECT a, count(*) AS c FROM (SELECT t.a, t.b FROM t JOIN u ON t.a = u.a"
    " GROUP BY t.a, t.b) x GROUP BY a) y",
)
Row = tuple[int | None, int | None]
rows = st.lists(st.tuples(st.none() | st.integers(0, 4), st.none() | st.integers(0, 4)), max_size=30)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB in memory."""
    with duckdb.connect() as con:
        yield con


@settings(max_examples=15, deadline=None)
@given(t=rows, u=rows, pieces=st.integers(1, 5))
def test_the_pieces_of_a_select_are_the_select(
    con: duckdb.DuckDBPyConnection, t: list[Row], u: list[Row], pieces: int
) -> None:
    """Every shape of SELECT of the ladder, divided, gives the rows that it gives whole, each as often."""
    con.execute("CREATE OR REPLACE TABLE t (r INT, a INT, b INT)")
    con.execute("CREATE OR REPLACE TABLE u (k INT, a INT)")
    for number, (a, b) in enumerate(t):
        con.execute("INSERT INTO t VALUES (?, ?, ?)", [number, a, b])
    for k, a in u:
        con.execute("INSERT INTO u VALUES (?, ?)", [k, a])
    for select in SELECTS:
        found = []
        for piece, whole, part in in_pieces(select, lambda _: pieces, lambda _: pieces):
            if whole is not None:
                con.execute(f"CREATE OR REPLACE VIEW {PIECE} AS FROM {whole} WHERE rowid % {pieces} = {part}")
            found += con.execute(piece).fetchall()
        assert sorted(found, key=repr) == sorted(con.execute(select).fetchall(), key=repr), select


def test_what_groups_or_reads_a_table_is_divided() -> None:
    """All of these shapes but the UNION of distinct rows are made in several pieces."""
    numbers = [len(in_pieces(select, lambda _: 3, lambda _: 3)) for select in SELECTS]
    assert numbers == [3, 3, 3, 3, 6, 3, 1, 3, 3]


@pytest.mark.slow
@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 2**32), registers=st.frozensets(st.sampled_from(DATASETS)), pieces=st.integers(2, 3))
def test_the_ladder_in_pieces_leaves_what_it_leaves_in_one(seed: int, registers: frozenset[str], pieces: int) -> None:
    """The same clusters, steps, what is known of each cluster, and doubts."""
    evidence = accidental_evidence(seed, 30, 3)
    with tempfile.TemporaryDirectory() as folder:
        ladder = InPieces(PieceSettings(Path(folder), rows_a_piece=-(-evidence.height // pieces)))
        assert left_by(ladder, evidence, registers) == left_by(in_duckdb, evidence, registers)
        assert not list(Path(folder).iterdir())
