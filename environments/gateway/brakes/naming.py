"""Under which names does a statement speak of the pseudonym, and do its conditions single people out by it?

By names over the whole statement, whatever they stand for where they are used: it may say yes too often, and the counts
have room for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from environments.gateway.evidence.people import PERSON, walk
from environments.gateway.gate_walk import ascii_lower

Node = Mapping[str, Any]
VALUES = ("VALUE_CONSTANT", "VALUE_PARAMETER")
CONDITIONS = ("where_clause", "having", "qualify", "condition", "filter", "filter_expr", "when_expr")
COUNTING = frozenset({"count", "count_star", "approx_count_distinct"})
NAMING = ("alias", "aliases", "column_name_alias")
OWN = frozenset({PERSON})
OF_VALUES = ("EMPTY", "EXPRESSION_LIST", "TABLE_FUNCTION")  # what stands in FROM and is no table


def looks_up(statement: Node) -> bool:
    """Is anywhere `pseudonym = value`, or `pseudonym in (value, ...)`? The value could stand on either side."""
    parts = list(walk(statement))
    names = names_of(parts, _bare_aliases)
    return any(_asks_for_one(node, names) for node in parts)


def singles_out(statement: Node) -> bool:
    """Does a condition speak of the pseudonym in any way but to bring together rows of one person?"""
    parts = list(walk(statement))
    names = names_of(parts, _aliases) | tables_of(parts)
    conditions = [node[key] for node in parts for key in CONDITIONS if isinstance(node.get(key), Mapping)]
    if any(node.get("type") in OF_VALUES for node in parts):
        used = {ascii_lower(name) for node in parts for name in node.get("using_columns", ())}
        natural = any(node.get("ref_type") == "NATURAL" for node in parts)
        return natural or bool(used & names) or any(_mentions(condition, names) for condition in conditions)
    return any(_judges_person(condition, names) for condition in conditions)


def names_of(
    parts: list[Node], aliases: Callable[[Node, frozenset[str]], Iterator[str]], first: frozenset[str] = OWN
) -> frozenset[str]:
    """`pseudonym`, and the aliases that stand for it."""
    names, before = first, None
    naming = [node for node in parts if any(node.get(key) for key in NAMING)]
    while names != before:
        before = names
        for node in naming:
            if found := frozenset(ascii_lower(alias) for alias in aliases(node, names)) - names:
                names |= found
        naming.reverse()  # one may stand for the next, whichever stands first
    return names


def _bare_aliases(node: Node, names: frozenset[str]) -> Iterator[str]:
    """Those that hold it as it is."""
    if node.get("class") and node.get("alias") and _is_bare(node, names):
        yield node["alias"]
    yield from renamed(node, lambda item: _is_bare(item, names))


def _aliases(node: Node, names: frozenset[str]) -> Iterator[str]:
    """Also those that hold what is made of it."""
    if node.get("class") and node.get("alias") and _mentions(node, names):
        yield node["alias"]
    yield from renamed(node, lambda item: _mentions(item, names))


def renamed(node: Node, holds: Callable[[Node], bool], *, unknown: bool = True) -> Iterator[str]:
    """Columns named anew behind a table or a query, at the places that hold it; unknown: whether at all where places
    are not known."""
    if node.get("aliases") and "query_node" in node:
        names, query = node["aliases"], node["query_node"]
    elif node.get("column_name_alias") and node.get("type") not in OF_VALUES:
        names, query = node["column_name_alias"], node["subquery"]["node"] if "subquery" in node else None
    else:
        return
    for part in _selects(query) if query else ():
        items = part["select_list"]
        if part["from_table"]["type"] in OF_VALUES and any(item["class"] == "STAR" for item in items):
            continue
        if any(item["class"] == "STAR" for item in items):
            yield from names if unknown or any(holds(item) for item in items) else ()
        yield from (name for name, item in zip(names, items, strict=False) if holds(item))
    if query is None and unknown:
        yield from names


def _selects(query: Node) -> Iterator[Node]:
    """The queries that give its rows."""
    if query["type"] == "SELECT_NODE":
        yield query
    for part in (query.get("left"), query.get("right"), *query.get("children", ())):
        if part:
            yield from _selects(part)


def tables_of(parts: list[Node]) -> frozenset[str]:
    """A table's name stands for its whole row, the pseudonym in it."""
    found = [node["alias"] or node.get("table_name", "") for node in parts if "sample" in node and "alias" in node]
    return frozenset(ascii_lower(name) for name in found if name)


def _asks_for_one(node: Node, names: frozenset[str]) -> bool:
    if node.get("type") in ("COMPARE_EQUAL", "COMPARE_NOT_DISTINCT_FROM"):
        sides = [node["left"], node["right"]]
        return any(_is_bare(one, names) and _is_value(other) for one, other in (sides, sides[::-1]))
    if node.get("type") == "COMPARE_IN":
        first, *others = node["children"]
        return _is_bare(first, names) and bool(others) and all(_is_value(one) for one in others)
    return False


def _judges_person(node: Any, names: frozenset[str]) -> bool:
    """Does the pseudonym stand in it, but for `pseudonym = pseudonym` and `pseudonym in (select ... from t)`?"""
    if isinstance(node, list):
        return any(_judges_person(one, names) for one in node)
    if not isinstance(node, Mapping):
        return False
    if _is_column(node, names) or node.get("class") == "STAR":
        return True
    if node.get("type") in ("COMPARE_EQUAL", "COMPARE_NOTEQUAL") and all(
        _is_column(node[side], names) for side in ("left", "right")
    ):
        return False
    if node.get("class") == "SUBQUERY" and _is_column(node.get("child"), names) and _from_tables(node):
        return False  # its own conditions are looked at by themselves
    if node.get("class") == "SUBQUERY":
        return _judges_person(node.get("child"), names) or _selects_person(node, names)
    return any(_judges_person(value, names) for key, value in node.items() if key != "partitions")


def _from_tables(node: Node) -> bool:
    query = node["subquery"]["node"]
    return query["type"] == "SELECT_NODE" and query["from_table"]["type"] not in OF_VALUES


def _selects_person(node: Node, names: frozenset[str]) -> bool:
    """A value that a query finds: of the pseudonyms?"""
    query = node["subquery"]["node"]
    return query["type"] != "SELECT_NODE" or any(_mentions(item, names) for item in query["select_list"])


def _mentions(node: Any, names: frozenset[str]) -> bool:
    """Does the pseudonym stand in it? That people are counted, or rows numbered within a person, does not say so."""
    if isinstance(node, list):
        return any(_mentions(one, names) for one in node)
    if not isinstance(node, Mapping):
        return False
    if _is_column(node, names) or node.get("class") == "STAR":
        return True
    if node.get("class") == "FUNCTION" and ascii_lower(node["function_name"]) in COUNTING:
        return False
    return any(_mentions(value, names) for key, value in node.items() if key != "partitions")


def _is_bare(node: Any, names: frozenset[str]) -> bool:
    while isinstance(node, Mapping) and node.get("class") in ("CAST", "COLLATE"):
        node = node["child"]
    return _is_column(node, names)


def _is_column(node: Any, names: frozenset[str]) -> bool:
    return (
        isinstance(node, Mapping)
        and node.get("class") == "COLUMN_REF"
        and ascii_lower(node["column_names"][-1]) in names
    )


def _is_value(node: Node) -> bool:
    while node["class"] == "CAST":
        node = node["child"]
    return node["type"] in VALUES
