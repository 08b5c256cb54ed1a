"""Who stands behind each figure of a query? The evidence's own question, which names the people instead of counting.

Only the release ledger asks it, when a table is submitted (infra.person_sets); nobody is shown its answer. Rows that
could not be joined to a person are people of their own here: two tables that differ by many of them differ by many.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from environments.gateway.evidence import trees
from environments.gateway.evidence.people import NoEvidence
from environments.gateway.evidence.shape import EvidenceQuestion
from environments.gateway.evidence.trees import Node, Tree

COUNTED = "counted"
OF_A_FIGURE = 3  # columns that the evidence has of each


def listing_of(question: EvidenceQuestion) -> EvidenceQuestion:
    """A row for each group: its keys, a list of its people, and for each figure a list of the people behind it; then
    the counts that the evidence has, people, rows, and people of each figure, so that both can be held together.

    Raises NoEvidence where the question counts rows alone.
    """
    if question.no_evidence:
        raise NoEvidence(question.no_evidence)
    tree = copy.deepcopy(question.sql_tree)
    (statement,) = tree["statements"]
    outer = statement["node"]
    inner, keys = outer["from_table"]["subquery"]["node"], len(question.keys)
    _name_the_unlinked(inner, 2 * keys)
    outer["from_table"]["column_name_alias"].append(COUNTED)
    rows, figures = outer["select_list"][keys + 1], outer["select_list"][keys + 2 :: OF_A_FIGURE]
    lists = [_listed(()), *(_listed([one["filter"]]) for one in figures)]
    counts = [_counted(None), rows, *(_counted(one["filter"]) for one in figures)]
    outer["select_list"] = [*outer["select_list"][:keys], *lists, *counts]
    return replace(question, sql_tree=tree)


def _name_the_unlinked(inner: Tree, place: int) -> None:
    """Each under the pseudonym of its own, where the evidence counts them as one; and beside it that one."""
    counted = inner["select_list"][place]
    person = counted["else_expr"]
    inner["select_list"][place] = inner["group_expressions"][-1] = person
    inner["select_list"].append(counted)
    inner["group_expressions"].append(copy.deepcopy(counted))
    inner["group_sets"] = [list(range(len(inner["group_expressions"])))]


def _counted(condition: Node | None) -> Tree:
    return {**trees.call("count", [trees.column_ref((COUNTED,))], condition), "distinct": True}


def _listed(conditions: Sequence[Node]) -> Tree:
    person = trees.column_ref(("person",))
    there = trees.operator("OPERATOR_IS_NOT_NULL", [person])
    children: list[Any] = [*(trees.bare(one) for one in conditions), there]
    both = {"class": "CONJUNCTION", "type": "CONJUNCTION_AND", "alias": "", "children": children}
    return trees.call("list", [trees.cast(person, "blob")], there if len(children) == 1 else both)
