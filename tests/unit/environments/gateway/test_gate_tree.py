"""The gate's list of shapes: nothing in a tree escapes the walk, and nothing unknown passes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pytest

from environments.gateway.gate_tree import FAMILIES, TYPE_NAMES, How, Part
from environments.gateway.gate_walk import ascii_lower, walk_statement
from environments.gateway.gate_words import GateRefusal
from environments.gateway.parser import TREE
from tests.fakes.canary import VIEWS, statements

ORDINARY = [statement for _, statement in statements("ordinary.sql")]
Path = tuple[str | int, ...]


@pytest.fixture(scope="module")
def parser() -> duckdb.DuckDBPyConnection:
    """DuckDB's parser."""
    return duckdb.connect()


def _tree(parser: duckdb.DuckDBPyConnection, sql: str) -> Any:
    row = parser.execute(TREE, [sql]).fetchone()
    assert row is not None
    return json.loads(row[0])["statements"][0]


def _parts(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every part of a tree with the way to it."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from _parts(value, (*path, key))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _parts(value, (*path, number))


@contextmanager
def _changed(tree: Any, path: Path, part: Any) -> Iterator[Any]:
    """The tree with another part in one place, for as long as it is looked at."""
    if not path:
        yield part
        return
    node = tree
    for step in path[:-1]:
        node = node[step]
    before, node[path[-1]] = node[path[-1]], part
    yield tree
    node[path[-1]] = before


def _passes_with(tree: Any, path: Path, part: Any) -> bool:
    with _changed(tree, path, part) as changed:
        return _passes(changed)


def _passes(tree: Any) -> bool:
    try:
        walk_statement(tree, VIEWS)
    except GateRefusal:
        return False
    return True


@pytest.mark.parametrize("statement", ORDINARY)
def test_a_hostile_part_is_found_wherever_it_stands(parser: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Whatever expression or table of an ordinary statement is replaced by a hostile one: refused. None is skipped."""
    tree = _tree(parser, statement)
    call = _tree(parser, "select getenv('HOME')")["node"]["select_list"][0]
    table = _tree(parser, "select * from secret")["node"]["from_table"]
    assert _passes(tree)
    for path, part in list(_parts(tree)):
        if "class" in part:
            assert not _passes_with(tree, path, call), path
        elif "type" in part and "alias" in part:
            assert not _passes_with(tree, path, table), path


@pytest.mark.parametrize("statement", ORDINARY[::4])
def test_an_unknown_key_or_kind_is_refused_wherever_it_stands(
    parser: duckdb.DuckDBPyConnection, statement: str
) -> None:
    """A key more, a key less, or a kind that is not on the list: each refuses the statement."""
    tree = _tree(parser, statement)
    for path, part in list(_parts(tree)):
        assert not _passes_with(tree, path, {**part, "new_key": None}), path
        assert not _passes_with(tree, path, {**part, "new_key": dict(part)}), path
        for key in part:
            assert not _passes_with(tree, path, {name: value for name, value in part.items() if name != key}), path
        if isinstance(part.get("type"), str):
            assert not _passes_with(tree, path, {**part, "type": "NEW_KIND"}), path


@pytest.mark.parametrize("statement", ORDINARY[::4])
def test_a_value_of_another_sort_is_refused(parser: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Under every key, something of a sort that never stands there is refused, not passed over."""
    tree = _tree(parser, statement)
    for path, part in list(_parts(tree)):
        for key in part:
            assert not _passes_with(tree, (*path, key), {"strange": 1}), (path, key)
            assert not _passes_with(tree, (*path, key), [[{"strange": 1}]]), (path, key)


def test_every_family_that_a_shape_names_is_there() -> None:
    """The table of shapes is closed: no rule leads to a family that does not exist."""
    named = {
        rule.family
        for kinds in FAMILIES.values()
        for shape in kinds.values()
        for rule in shape.values()
        if isinstance(rule, Part)
    }
    assert named | {"statement"} == set(FAMILIES)


def test_the_ordinary_statements_use_every_kind(parser: duckdb.DuckDBPyConnection) -> None:
    """A kind on the list that no ordinary statement needs is not on it."""
    used = set()
    for statement in ORDINARY:
        for _, part in _parts(_tree(parser, statement)):
            if isinstance(part.get("type"), str):
                used.add(f"{part['class']}/{part['type']}" if "class" in part else part["type"])
    known = {kind for kinds in FAMILIES.values() for kind in kinds} - {""}
    assert known - used == set()


def test_types_are_duckdbs_own() -> None:
    """Every type that a cast may name is one of DuckDB's, or a spelling that its parser knows."""
    rows = duckdb.connect().execute("select distinct lower(type_name) from duckdb_types()").fetchall()
    assert TYPE_NAMES - {name for (name,) in rows} <= {"character varying", "double precision"}


def test_small_letters_are_ascii() -> None:
    """No sign but A to Z changes: the Kelvin sign is no k, the long s no s."""
    assert ascii_lower("GP_Patients") == "gp_patients"
    assert ascii_lower("\u212a\u017f\u0130É") == "\u212a\u017f\u0130É"


def test_how_many_is_kept() -> None:
    """One part where one is asked, a list where a list is asked."""
    assert {how.value for how in How} == {"one", "one or none", "a list", "a list of lists"}
