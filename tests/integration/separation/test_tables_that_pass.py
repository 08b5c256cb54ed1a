"""Tables from another account: taken as the verb declares them and validated, or refused with a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pyarrow as pa
import pytest

from linkage.errors import ZoneError
from linkage.separation.passed import LINKS, OUTCOME, payload
from linkage.separation.shapes import MOST_ROWS, CheckedTables, Shapes
from linkage.separation.verbs import VERBS
from tests.fakes.installed import PACKAGES, ROOT

GOOD = {"row_key": ["k"], "subject": ["s"], "person": ["p"], "linked": [True]}


def _taken(shapes: Shapes, *tables: tuple[str, pa.Table], complete: bool = False) -> list[pa.Table]:
    given = CheckedTables([(name, table.to_reader()) for name, table in tables], shapes, complete=complete)
    return [rows.read_all() for _, rows in given]


@pytest.mark.parametrize("seed", [0, 1_000_000])
def test_a_changed_stream_is_refused_or_read_and_never_a_crash(seed: int) -> None:
    """Row counts that lie, 1,500 streams with bytes changed: each an error of the haven's, or a table of its shape."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tests.fakes.mutated_streams", str(seed), "1500"],
        cwd=ROOT,
        env={**os.environ, **PACKAGES},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    count = json.loads(done.stdout)
    assert count["refused"] > 500
    assert count["read"] > 100


@pytest.mark.parametrize(
    "columns",
    [
        {name: cells for name, cells in GOOD.items() if name != "linked"},
        GOOD | {"surname": ["x"]},
        {("given" if name == "person" else name): cells for name, cells in GOOD.items()},
        GOOD | {"linked": ["yes"]},
    ],
    ids=["missing", "extra", "renamed", "another type"],
)
def test_columns_are_those_of_the_verb(columns: dict[str, list[object]]) -> None:
    """A column too few, too many, under another name or of another type: nothing of the table is used."""
    assert LINKS.fits(pa.table(GOOD).schema)
    with pytest.raises(ZoneError, match="not those that were agreed"):
        _taken(OUTCOME, ("links", pa.table(columns)))


def test_one_column_twice_is_not_agreed() -> None:
    """Of two columns of one name nobody knows which is meant."""
    table = pa.Table.from_arrays([pa.array(["k"])] * 2 + [pa.array(["s"]), pa.array([True])],
                                 names=["row_key", "row_key", "subject", "linked"])  # fmt: skip
    with pytest.raises(ZoneError, match="not those that were agreed"):
        _taken(OUTCOME, ("links", table))


def test_tables_are_those_of_the_verb() -> None:
    """Another table, the same one twice, and one that does not come are each refused by name."""
    links = ("links", pa.table(GOOD))
    with pytest.raises(ZoneError, match="nobody asked for") as refused:
        _taken(OUTCOME, ("identity", pa.table(GOOD)))
    assert refused.value.where == "table identity"
    with pytest.raises(ZoneError, match="nobody asked for"):
        _taken(OUTCOME, links, links)
    with pytest.raises(ZoneError, match="did not come"):
        _taken(OUTCOME, links)
    with pytest.raises(ZoneError, match="did not come"):
        _taken(OUTCOME, complete=True)
    assert _taken(OUTCOME) == []


def test_a_piece_of_absurd_size_is_refused() -> None:
    """A batch of more rows than any of ours is refused before it is looked at."""
    rows = pa.nulls(MOST_ROWS + 1, pa.string())
    table = pa.table({name: rows for name in GOOD if name != "linked"} | {"linked": rows.cast(pa.bool_())})
    with pytest.raises(ZoneError, match="too large"):
        _taken(OUTCOME, ("links", table))


def test_what_a_verb_takes_of_payload_is_what_it_was_told() -> None:
    """The kinds that are named with the request are the columns, and their types the contract's."""
    shapes = payload({"kinds": {"gp_events": {"code": "code", "on": "date"}}})
    assert shapes["gp_events"].fits(pa.schema([("row_key", pa.string()), ("code", pa.string()), ("on", pa.date32())]))
    assert not shapes["gp_events"].fits(pa.schema([("row_key", pa.string()), ("code", pa.string())]))


def test_a_fault_is_told_as_it_was_through_whatever_library() -> None:
    """Where a library hides what was wrong with a table, it is raised all the same."""

    nulls = pa.nulls(MOST_ROWS + 1, pa.string())
    huge = pa.table({name: nulls for name in GOOD if name != "linked"} | {"linked": nulls.cast(pa.bool_())})
    given = CheckedTables([("links", huge.to_reader())], {"links": LINKS}, complete=True)
    with pytest.raises(ZoneError, match="too large"), given.told():
        ((_, rows),) = given
        try:
            rows.read_all()
        except ZoneError:
            raise RuntimeError("as DuckDB says it") from None


def test_every_verb_that_is_handed_tables_declares_them() -> None:
    """What is written without a declaration takes and gives no table: a row cannot pass by an oversight."""
    handed = {"identity.put", "tokens.put", "payload.put", "quarantine.put", "references.put"}
    handed |= {"research.move", "scope.build"}
    asked = {"kinds": {"t": {"code": "code"}}, "told": True}
    assert {name for name, verb in VERBS.items() if verb.takes(asked)} == handed
    given = {"linkage.outcome", "linkage.told", "review.decisions", "scope.build", "optouts.left_out"}
    assert {name for name, verb in VERBS.items() if verb.gives} == given
