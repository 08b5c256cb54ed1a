"""How is an expression written as the engine's parse tree? The few kinds that evidence asks with."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

Node = Mapping[str, Any]
Tree = dict[str, Any]


def column_ref(names: tuple[str, ...]) -> dict[str, Any]:
    """A column as the parse tree says it."""
    return {"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "column_names": list(names)}


def operator(kind: str, children: list[dict[str, Any]]) -> dict[str, Any]:
    """An operator as the parse tree says it."""
    return {"class": "OPERATOR", "type": kind, "alias": "", "children": children}


def bare(expression: Node) -> Tree:
    """A copy without a name of its own: the columns inside are named from outside."""
    return {**copy.deepcopy(dict(expression)), "alias": ""}


def call(name: str, arguments: list[Any], where: Node | None = None) -> Tree:
    """A function of these arguments; where: its FILTER."""
    return {
        "class": "FUNCTION", "type": "FUNCTION", "alias": "", "function_name": name, "schema": "", "catalog": "",
        "qualified_name": {"path": [name]}, "filter": copy.deepcopy(where), "distinct": False, "is_operator": False,
        "order_bys": {"type": "ORDER_MODIFIER", "orders": []}, "export_state": False,
        "arguments": [{"name": "", "expression": bare(one)} for one in arguments],
    }  # fmt: skip


def number(value: int) -> Tree:
    """A whole number."""
    literal = {"kind": "INTEGER", "text": str(value)}
    return {"class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "", "literal": literal}


def nothing() -> Tree:
    """NULL."""
    return {
        "class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "", "literal": {"kind": "NULL_LITERAL", "text": ""}
    }  # fmt: skip


def greater_than_nothing(name: str) -> Tree:
    """`name > 0`."""
    return {
        "class": "COMPARISON", "type": "COMPARE_GREATERTHAN", "alias": "", "left": column_ref((name,)),
        "right": number(0),
    }  # fmt: skip


def cast(child: Node, name: str) -> Tree:
    """As a value of the type of this name."""
    kind = {
        "class": "TYPE", "type": "TYPE", "alias": "", "catalog": "", "schema": "", "type_name": name,
        "children": [], "qualified_name": {"path": [name]},
    }  # fmt: skip
    return {
        "class": "CAST", "type": "OPERATOR_CAST", "alias": "", "child": bare(child), "try_cast": False,
        "type_expr": kind,
    }  # fmt: skip
