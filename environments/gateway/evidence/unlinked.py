"""Whom does a row count that could not be joined to a person? All such rows together count as one.

Each stands under a pseudonym of its own, so several may be one person's. Counted as one, people are never more than
there are, and the largest share of a sum is never smaller than it is. A scope's file lists these pseudonyms in a table
of the house's own, which no query can name.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from environments.gateway.evidence.people import PERSON
from environments.gateway.evidence.trees import Tree, call, column_ref

SCHEMA, TABLE = "house", "unlinked"  # linkage.scopes.steps writes it


def counted(person: Mapping[str, Any]) -> Tree:
    """The person, or one in place of all whose rows could not be linked; NULL stays NULL."""
    unlinked = _query(column_ref((PERSON,)), "ANY", copy.deepcopy(dict(person)))
    least = call("min", [column_ref((PERSON,))])
    checks = [{"when_expr": unlinked, "then_expr": _query(least, "SCALAR", None)}]
    return {
        "class": "CASE", "type": "CASE_EXPR", "alias": "", "case_checks": checks,
        "else_expr": copy.deepcopy(dict(person)),
    }  # fmt: skip


def _query(shown: Tree, kind: str, child: Tree | None) -> Tree:
    """`person IN (SELECT ... FROM house.unlinked)`, or the one value of it."""
    table: Tree = {
        "type": "BASE_TABLE", "alias": "", "sample": None, "schema_name": SCHEMA, "table_name": TABLE,
        "column_name_alias": [], "catalog_name": "", "at_clause": None, "qualified_name": {"path": [SCHEMA, TABLE]},
    }  # fmt: skip
    node: Tree = {
        "type": "SELECT_NODE", "modifiers": [], "cte_map": {"map": []}, "select_list": [shown], "from_table": table,
        "where_clause": None, "group_expressions": [], "group_sets": [], "aggregate_handling": "STANDARD_HANDLING",
        "having": None, "sample": None, "qualify": None,
    }  # fmt: skip
    return {
        "class": "SUBQUERY", "type": "SUBQUERY", "alias": "", "subquery_type": kind, "child": child,
        "subquery": {"node": node, "named_param_map": []},
        "comparison_type": "COMPARE_EQUAL" if child is not None else "INVALID",
    }  # fmt: skip
