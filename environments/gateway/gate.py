"""Is this statement harmless? An allow-list over DuckDB's own parse tree; what is not known is refused.

Exactly one SELECT; every node kind, key, table and function known; tables are the approved views and the statement's
own common table expressions, in their scope. The engine is only asked to parse, on a connection that holds nothing and
can reach nothing (design section 4). Refusals name what was refused by its kind and place, never a value.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import duckdb

from access.decisions import Allowed, Decision, Refused
from environments.gateway.functions import ADVICE, ALLOWED_FUNCTIONS, TABLE_FUNCTIONS
from environments.gateway.gate_tree import EXPRESSIONS, KEYS, LITERAL_KINDS, NODES, TYPE_NAMES, VALUE_TYPES

LONGEST_STATEMENT = 100_000
DEEPEST = 200
NAME = re.compile(r"[a-z_][a-z0-9_]*")
SESSION_WORDS = [[word] for word in ("user", "current_user", "session_user", "current_role", "current_catalog")]
OWN_TABLES = "haven.tables() shows the tables that the approval gives."


class GateRefusal(Exception):
    """The walk found something; carries the refusal."""

    def __init__(self, code: str, reason: str, mend: str | None = None) -> None:
        super().__init__(code)
        self.refused = Refused(code, reason, mend)


class Gate:
    """Judges statements. One connection for parsing, used by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parser = duckdb.connect(
            config={
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "python_enable_replacements": False,
                "threads": 1,
            }
        )
        for setting in ("enable_external_access = false", "lock_configuration = true"):
            self._parser.execute(f"SET {setting}")

    def judge(self, sql: str, tables: Collection[str]) -> Decision:
        """May this run, given the views that the asker may name?"""
        try:
            _require_text(sql)
            walk = _Walk(frozenset(name.lower() for name in tables))
            walk.statement(self._tree(sql))
        except GateRefusal as refusal:
            return refusal.refused
        except RecursionError:
            return Refused("gate.too_deep", "The statement is nested too deeply.", "Use WITH to name its parts.")
        return Allowed()

    def _tree(self, sql: str) -> dict[str, Any]:
        """The one statement's node. Raises GateRefusal."""
        try:
            with self._lock:
                rows = self._parser.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
            answer = json.loads(rows[0][0])
        except (duckdb.Error, ValueError, UnicodeError):
            raise GateRefusal("gate.not_understood", "The statement cannot be read.", "Check its spelling.") from None
        if answer.get("error"):
            raise _not_parsed(answer)
        statements = answer.get("statements", [])
        if len(statements) != 1:
            raise GateRefusal(
                "gate.one_statement", f"There are {len(statements)} statements; one is asked.", "Ask them one by one."
            )
        _require_keys(statements[0], {"node", "named_param_map"}, "statement")
        node: dict[str, Any] = statements[0]["node"]
        return node


@dataclass(frozen=True)
class _Walk:
    """Goes through the tree with the names that may stand as tables where it is."""

    names: frozenset[str]
    depth: int = 0

    def statement(self, node: Any) -> None:
        """A node that is a query: its common table expressions first, in order, then the rest with their names."""
        self._require_depth()
        _require_known(node)
        within = self
        for entry in node.get("cte_map", {}).get("map", []):
            within = within._with_expression(entry)
        if node["type"] == "RECURSIVE_CTE_NODE":
            within = within._named(node["cte_name"])
        within._deeper()._children({key: value for key, value in node.items() if key != "cte_map"})

    def _with_expression(self, entry: Any) -> _Walk:
        """One `name AS (query)`: its query is walked, and its name stands from here on."""
        _require_keys(entry, {"key", "value"}, "common table expression")
        value = entry["value"]
        _require_keys(value, KEYS, "common table expression")
        query = value.get("query_node") or (value.get("query") or {}).get("node")
        if query is None:
            raise _unknown("a common table expression without a query")
        self._deeper().statement(query)
        self._children({k: v for k, v in value.items() if k not in ("query_node", "query")})
        return self._named(entry["key"])

    def _named(self, name: Any) -> _Walk:
        if not isinstance(name, str) or not NAME.fullmatch(name.lower()):
            raise GateRefusal(
                "gate.name", "A name after WITH must be letters, digits and underscores.", "Choose a plain name."
            )
        return _Walk(self.names | {name.lower()}, self.depth)

    def _children(self, part: Any) -> None:
        """Everything below: dictionaries with a class or type are judged, others only gone through."""
        if isinstance(part, list):
            for item in part:
                self._children(item)
            return
        if not isinstance(part, dict):
            return
        for key, value in part.items():
            if key not in KEYS:
                raise _unknown(f"the part '{key}'")
            if key != "literal":
                self._one(value)

    def _one(self, value: Any) -> None:
        if isinstance(value, list):
            for item in value:
                self._one(item)
        elif isinstance(value, dict):
            self._judged(value)

    def _judged(self, node: dict[str, Any]) -> None:
        self._require_depth()
        if "class" in node or isinstance(node.get("type"), str):
            _require_known(node)
        kind, group = node.get("type"), node.get("class")
        if group is None and "cte_map" in node:
            self.statement(node)
            return
        if group is None and kind == "BASE_TABLE":
            self._table(node)
        if group is None and kind == "TABLE_FUNCTION":
            _require_function(node["function"], TABLE_FUNCTIONS, "as a table")
            self._deeper()._children({k: v for k, v in node["function"].items() if k not in ("type", "class")})
            node = {k: v for k, v in node.items() if k != "function"}
        if group in ("FUNCTION", "WINDOW"):
            _require_function(node, ALLOWED_FUNCTIONS, "")
        if group == "CONSTANT":
            _require_literal(node)
        if group == "COLUMN_REF" and [str(name).lower() for name in node.get("column_names", [])] in SESSION_WORDS:
            raise GateRefusal("gate.session", f"A query may not ask of the session{_at(node)}.", "Name a column.")
        if group == "TYPE":
            _require_type(node)
        if "id" in node and node["id"] not in VALUE_TYPES:
            raise _unknown("the type of a value")
        if node.get("pivot_enum"):
            raise GateRefusal(
                "gate.pivot", "PIVOT over a named type is refused.", "Name the values: ON column IN (...)."
            )
        self._deeper()._children({k: v for k, v in node.items() if k not in ("type", "class", "id")})

    def _table(self, node: dict[str, Any]) -> None:
        """A name in FROM: an approved view, or a common table expression in scope; no schema but `main`."""
        path = node.get("qualified_name", {}).get("path", [])
        name, schema, catalog = node.get("table_name"), node.get("schema_name"), node.get("catalog_name")
        if not isinstance(name, str) or not path or path[-1] != name or len(path) > 2:
            raise _no_table()
        if (
            node.get("at_clause") is not None
            or catalog not in ("", None)
            or str(schema or "").lower() not in ("", "main")
        ):
            raise GateRefusal(
                "gate.schema",
                "Tables are named without a catalogue, schema or version.",
                "Write the name alone.",
            )
        if len(path) == 2 and str(path[0]).lower() != "main":
            raise _no_table()
        if name.lower() not in self.names:
            raise _no_table()

    def _require_depth(self) -> None:
        if self.depth > DEEPEST:
            raise GateRefusal("gate.too_deep", "The statement is nested too deeply.", "Use WITH to name its parts.")

    def _deeper(self) -> _Walk:
        return _Walk(self.names, self.depth + 1)


def _require_text(sql: str) -> None:
    if len(sql) > LONGEST_STATEMENT:
        raise GateRefusal("gate.too_long", f"A statement may have {LONGEST_STATEMENT:,} characters.", "Ask in parts.")
    if "\x00" in sql or any(0xD800 <= ord(sign) <= 0xDFFF for sign in sql):
        raise GateRefusal("gate.not_text", "The statement holds signs that are no text.", "Type it anew.")
    if not sql.strip():
        raise GateRefusal("gate.one_statement", "There is no statement.", "Write one SELECT.")


def _require_known(node: Any) -> None:
    """Kind and class on the list, and every key of it."""
    if not isinstance(node, dict):
        raise _unknown("a part that is none")
    group, kind = node.get("class"), node.get("type")
    if group is not None:
        if f"{group}/{kind}" not in EXPRESSIONS:
            raise _refused_kind(str(kind), node)
    elif kind not in NODES:
        raise _refused_kind(str(kind), node)
    for key in node:
        if key not in KEYS:
            raise _unknown(f"the part '{key}'")


def _require_keys(part: Any, keys: Collection[str], what: str) -> None:
    if not isinstance(part, dict) or not set(part) <= set(keys):
        raise _unknown(f"a part of a {what}")


def _require_function(node: dict[str, Any], allowed: frozenset[str], place: str) -> None:
    name = str(node.get("function_name", "")).lower()
    path = [str(part).lower() for part in node.get("qualified_name", {}).get("path", [name])]
    if node.get("schema") not in ("", "main", None) or node.get("catalog") not in ("", None) or path[-1:] != [name]:
        raise GateRefusal("gate.schema", "Functions are named without a schema.", "Write the function's name alone.")
    if len(path) > 1 and path[:-1] != ["main"]:
        raise GateRefusal("gate.schema", "Functions are named without a schema.", "Write the function's name alone.")
    if name not in allowed:
        shown = f"'{name}'" if NAME.fullmatch(name) else "of this sign"
        raise GateRefusal(
            "gate.function",
            f"The function {shown} may not be called {place}".rstrip() + _at(node) + ".",
            ADVICE.get(name, "The reference of the gate lists the functions that may be called."),
        )


def _require_literal(node: dict[str, Any]) -> None:
    literal = node.get("literal", node.get("value"))
    if not isinstance(literal, dict) or (("kind" in literal) and literal["kind"] not in LITERAL_KINDS):
        raise _unknown("a literal")


def _require_type(node: dict[str, Any]) -> None:
    if (
        node.get("schema") != ""
        or node.get("catalog") != ""
        or str(node.get("type_name", "")).lower() not in TYPE_NAMES
    ):
        raise GateRefusal(
            "gate.type",
            f"The cast names a type that is not known{_at(node)}.",
            "Use integer, bigint, double, decimal, varchar, boolean, date, timestamp, interval, lists or structs.",
        )


def _refused_kind(kind: str, node: dict[str, Any]) -> GateRefusal:
    if kind == "SHOW_REF":
        return GateRefusal("gate.describe", "DESCRIBE, SHOW and SUMMARIZE are refused.", OWN_TABLES)
    return _unknown(f"a {kind.replace('_', ' ').lower()}{_at(node)}")


def _no_table() -> GateRefusal:
    return GateRefusal("gate.table", "The statement names a table that the approval does not give.", OWN_TABLES)


def _unknown(what: str) -> GateRefusal:
    return GateRefusal(
        "gate.unknown_construct",
        f"The gate does not know {what}, and refuses what it does not know.",
        "Say it with SELECT, FROM, JOIN, WHERE, GROUP BY, WITH, window functions or UNION.",
    )


def _not_parsed(answer: dict[str, Any]) -> GateRefusal:
    """Why the parser gave no tree: another kind of statement, or no SQL. Its text may quote a literal: not shown."""
    if answer.get("error_type") == "not implemented":
        return GateRefusal(
            "gate.select_only",
            "Only SELECT may be asked; EXPLAIN, PRAGMA, SET, COPY, ATTACH, CREATE, dynamic PIVOT are not.",
            "Write one SELECT. For PIVOT name the values: PIVOT t ON column IN (...), or use FILTER.",
        )
    place = answer.get("position")
    where = f" near character {place}" if isinstance(place, str | int) and str(place).isdigit() else ""
    return GateRefusal(
        "gate.not_understood", f"The statement is no SQL as DuckDB reads it{where}.", "Check its spelling."
    )


def _at(node: dict[str, Any]) -> str:
    place = node.get("query_location")
    return f" (character {place + 1})" if isinstance(place, int) and place < LONGEST_STATEMENT else ""
