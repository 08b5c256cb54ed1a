"""Does every part of a parse tree stand where it may? Follows `gate_tree`, with the names that are tables there.

Scope of names, never wider than DuckDB's: a WITH name stands after its own definition, in the query that it belongs to
and below; the name of a recursive one also inside its recursive half. Refusals name kinds and places, never values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from environments.gateway import gate_words as words
from environments.gateway.functions import AGGREGATES, ALLOWED_FUNCTIONS, NAMES_AN_AGGREGATE, TABLE_FUNCTIONS, WINDOWS
from environments.gateway.gate_tree import FAMILIES, SESSION_NAMES, TYPE_NAMES, How, Nothing, OneOf, Part, Plain, Rule

DEEPEST = 200
COLLATION = re.compile(r"[a-z_]+(\.[a-z_]+)*")
SCHEMAS = frozenset({"main", "material", "pg_catalog", "information_schema", "temp", "system", "memory", "scope"})

Node = Mapping[str, Any]


def ascii_lower(name: str) -> str:
    """As DuckDB compares names: only A to Z have a small letter, so no other sign can turn into one."""
    return "".join(chr(ord(sign) + 32) if "A" <= sign <= "Z" else sign for sign in name)


@dataclass(frozen=True)
class Names:
    """What may stand as a table: the approved views, and the statement's own WITH names where we are."""

    views: frozenset[str]
    own: frozenset[str] = frozenset()

    def named(self, name: str) -> Names:
        """With one more WITH name."""
        return replace(self, own=self.own | {ascii_lower(name)})


def walk_statement(statement: Any, views: frozenset[str]) -> None:
    """Judge the whole tree. Raises words.GateRefusal."""
    _part("statement", statement, Names(views), 0)


def _part(family: str, node: Any, names: Names, depth: int) -> None:
    """One part: its kind known, its keys exactly those of the kind, each holding what it may."""
    if depth > DEEPEST:
        raise words.too_deep()
    kinds = FAMILIES[family]
    kind = "" if "" in kinds else kind_of(node)
    shape = kinds.get(kind)
    if shape is None:
        raise words.unknown_kind(family, kind, node)
    if not isinstance(node, dict) or node.keys() != shape.keys():
        raise words.unknown_part(family)
    if family == "query":
        _query(node, shape, names, depth + 1)
        return
    for key, rule in shape.items():
        _key(rule, node[key], names, depth + 1, key, node)
    _check(family, kind, node, names)  # last: what it reads has its shape by now


def kind_of(node: Any) -> str:
    """`CLASS/TYPE` of an expression, the `type` of anything else."""
    if not isinstance(node, dict):
        return "nothing"
    return f"{node['class']}/{node.get('type')}" if "class" in node else str(node.get("type"))


def _key(rule: Rule, value: Any, names: Names, depth: int, key: str, node: Node) -> None:
    if isinstance(rule, Part):
        for part in _parts(rule.how, value, key):
            _part(rule.family, part, names, depth)
    elif not _holds(rule, value):
        raise words.unknown_value(key, node)


def _parts(how: How, value: Any, key: str) -> list[Any]:
    """The parts under a key, as a list."""
    if how is How.ONE:
        return [value]
    if how is How.OPTIONAL:
        return [] if value is None else [value]
    if isinstance(value, list) and how is How.MANY:
        return value
    if isinstance(value, list) and all(isinstance(row, list) for row in value):
        return [part for row in value for part in row]
    raise words.unknown_part(key)


def _holds(rule: Rule, value: Any) -> bool:
    if isinstance(rule, OneOf):
        return isinstance(value, str) and value in rule.values
    if isinstance(rule, Nothing):
        return value is None or value is False or value in ("", [])
    if rule is Plain.TEXT:
        return isinstance(value, str)
    if rule is Plain.FLAG:
        return isinstance(value, bool)
    if rule is Plain.NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if rule is Plain.TEXTS:
        return isinstance(value, list) and all(isinstance(text, str) for text in value)
    return isinstance(value, list) and all(isinstance(row, list) and all(type(n) is int for n in row) for row in value)


def _query(node: Node, shape: Mapping[str, Rule], names: Names, depth: int) -> None:
    """A query: first its WITH names, each seen by those after it, then the rest, which sees them all."""
    entries = node["cte_map"]
    if not isinstance(entries, dict) or entries.keys() != {"map"}:
        raise words.unknown_part("with")
    for entry in _parts(How.MANY, entries["map"], "with"):
        _part("named_query", entry, names, depth)
        _require_own_name(entry)
        names = names.named(entry["key"])
    for key, rule in shape.items():
        if key != "cte_map":
            recursive = node["type"] == "RECURSIVE_CTE_NODE" and key == "right"
            _key(rule, node[key], names.named(node["cte_name"]) if recursive else names, depth, key, node)


def _require_own_name(entry: Node) -> None:
    """A WITH name that no engine could take for a file; the recursive query below it answers to the same name."""
    if words.FILE.search(ascii_lower(entry["key"])):
        raise words.file("A name after WITH looks like a file's.")
    body = entry["value"]["query_node"]
    if body["type"] == "RECURSIVE_CTE_NODE" and body["cte_name"] != entry["key"]:
        raise words.unknown_part("with")


def _check(family: str, kind: str, node: Node, names: Names) -> None:
    """What a shape cannot say: names of tables, functions, types, collations and of the session."""
    if kind == "BASE_TABLE":
        _require_table(node, names)
    elif family == "table_function":
        _require_table_function(node)
    elif kind == "FUNCTION/FUNCTION":
        _require_function(node, ALLOWED_FUNCTIONS)
    elif kind.startswith("WINDOW/"):
        _require_function(node, AGGREGATES | WINDOWS)
    elif kind == "TYPE/TYPE":
        _require_type(node)
    elif kind == "COLUMN_REF/COLUMN_REF":
        _require_column(node)
    elif kind == "COLLATE/COLLATE" and not COLLATION.fullmatch(ascii_lower(str(node["collation"]))):
        raise words.collation(node)


def _require_table(node: Node, names: Names) -> None:
    """A view of the approval, alone or after `main.`; or a WITH name in scope, alone."""
    catalog, schema, table = (str(node[key]) for key in ("catalog_name", "schema_name", "table_name"))
    if node["qualified_name"] != {"path": [part for part in (catalog, schema, table) if part]} or not table:
        raise words.unknown_part("table's name")
    if node["at_clause"] is not None:
        raise words.version(node)
    name = ascii_lower(table)
    if catalog or schema:
        if catalog or ascii_lower(schema) != "main":
            raise words.schema(node)
        if name not in names.views:
            raise words.table(node, name, names.views)
    elif name not in names.views and name not in names.own:
        raise words.table(node, name, names.views | names.own)


def _require_table_function(node: Node) -> None:
    name = ascii_lower(str(node["function_name"]))
    if node["schema"] or node["catalog"] or node["qualified_name"] != {"path": [node["function_name"]]}:
        raise words.schema(node)
    if name not in TABLE_FUNCTIONS:
        raise words.table_function(node, name)


def _require_function(node: Node, allowed: frozenset[str]) -> None:
    """A reviewed function without a schema. `column.upper()` reads the column as a schema: no harm in that."""
    name = ascii_lower(str(node["function_name"]))
    *before, last = node["qualified_name"].get("path") or [None]
    if last != node["function_name"] or bool(before) != bool(node["schema"] or node["catalog"]):
        raise words.unknown_part("function's name")
    if any(ascii_lower(str(part)) in SCHEMAS for part in (*before, node["schema"], node["catalog"])):
        raise words.schema(node)
    if name not in allowed:
        raise words.function(node, name)
    if name in NAMES_AN_AGGREGATE:
        _require_named_aggregate(node, name)


def _require_named_aggregate(node: Node, name: str) -> None:
    """list_aggregate(list, 'sum'): the name is a function too, so it must be there to read, and reviewed."""
    arguments = node["arguments"]
    chained = 0 if node["schema"] else 1
    if len(arguments) <= chained:
        raise words.function(node, name)
    named = arguments[chained].get("expression", {})
    literal = named.get("literal") if isinstance(named, dict) else None
    if not isinstance(literal, dict) or literal.get("kind") != "STRING":
        raise words.unnamed_aggregate(node, name)
    if ascii_lower(str(literal.get("text"))) not in AGGREGATES:
        raise words.unnamed_aggregate(node, name)


def _require_type(node: Node) -> None:
    if ascii_lower(str(node["type_name"])) not in TYPE_NAMES:
        raise words.cast_type(node)
    if node["qualified_name"] != {"path": [node["type_name"]]}:
        raise words.schema(node)


def _require_column(node: Node) -> None:
    columns = node["column_names"]
    if isinstance(columns, list) and len(columns) == 1 and ascii_lower(str(columns[0])) in SESSION_NAMES:
        raise words.session(node, ascii_lower(str(columns[0])))
