"""Whose row is this? For each table in FROM, the expression that names the person, or why there is none.

A table of the approval has a person in `pseudonym`. A query in FROM or WITH has one when it hands `pseudonym` on. A
join of two tables with people has one only where it joins them by it: else a row is about two people, and counting
either would hide the other. What is not known to be so has no evidence (fail closed).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from environments.gateway.gate_walk import ascii_lower

PERSON = "pseudonym"
Node = Mapping[str, Any]


class NoEvidence(Exception):
    """The shape is one for which people cannot be counted. reason: a stable word (docs/reference/evidence.md)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Standing:
    """What stands in FROM: the columns that name the person, all of the same one; none: rows of nobody."""

    columns: tuple[tuple[str, ...], ...] = ()

    @property
    def person(self) -> dict[str, Any]:
        """The person as an expression of the parse tree. Raises NoEvidence."""
        if not self.columns:
            raise NoEvidence("no_people")
        columns = [column_ref(names) for names in self.columns]
        return columns[0] if len(columns) == 1 else operator("OPERATOR_COALESCE", columns)


@dataclass(frozen=True)
class Known:
    """Which names are tables here: the approval's with people, and the WITH names with people or without."""

    views: frozenset[str]
    own: Mapping[str, bool] = field(default_factory=dict)

    def hands_on(self, name: str) -> bool:
        """Has each row of this table a person in `pseudonym`?"""
        return self.own.get(name, name in self.views)


def standing(table: Node, known: Known, where: Node | None = None) -> Standing:
    """What stands in FROM; where: conditions that hold for each of its rows. Raises NoEvidence where people cannot be
    counted through it."""
    if table["sample"] is not None:
        raise NoEvidence("sampled")
    kind = table["type"]
    if kind == "JOIN":
        return _joined(table, known, where)
    if kind == "BASE_TABLE":
        name = ascii_lower(table["table_name"])
        return _named(table, table["alias"] or table["table_name"]) if known.hands_on(name) else Standing()
    if kind == "SUBQUERY":
        query = table["subquery"]["node"]
        if not hands_person_on(query, known):
            return Standing()
        if not table["alias"]:
            raise NoEvidence("unnamed_query")
        return _named(table, table["alias"])
    if kind in ("EMPTY", "EXPRESSION_LIST", "TABLE_FUNCTION"):
        return Standing()
    raise NoEvidence("pivot")


def known_with(query: Node, known: Known) -> Known:
    """With the query's own WITH names. Raises NoEvidence for a recursive one."""
    own = dict(known.own)
    for entry in query["cte_map"]["map"]:
        body = entry["value"]["query_node"]
        if body["type"] == "RECURSIVE_CTE_NODE":
            raise NoEvidence("recursive")
        renamed = bool(entry["value"]["aliases"])
        own[ascii_lower(entry["key"])] = not renamed and hands_person_on(body, Known(known.views, own))
    return Known(known.views, own)


def hands_person_on(query: Node, known: Known) -> bool:
    """Does each row of this query have its person in `pseudonym`, as it came?"""
    return _place_handed_on(query, known) is not None


def _place_handed_on(query: Node, known: Known) -> int | None:
    """At which place of the result the person stands; None: nowhere. Raises NoEvidence."""
    inner = known_with(query, known)
    if query["type"] == "SET_OPERATION_NODE":
        parts = [part for part in (query["left"], query["right"], *query["children"]) if part is not None]
        places = {_place_handed_on(part, inner) for part in parts}
        # By position, so that a person must stand at one place in all; by name any place would do, but is not worth it.
        return places.pop() if len(places) == 1 else None
    if query["type"] != "SELECT_NODE":
        return None
    people = standing(query["from_table"], inner, query["where_clause"])
    if not people.columns:
        return None
    for place, item in enumerate(query["select_list"]):
        if _hands_on(item, people):
            return place
        if _is_star(item):
            return None  # how many columns it stands for is not known here
    return None


def _hands_on(item: Node, people: Standing) -> bool:
    """Is this column of the result the person, under the name `pseudonym`?"""
    if _is_star(item):
        return _whole_star(item, people)
    if item["type"] != "COLUMN_REF" or ascii_lower(item["alias"] or item["column_names"][-1]) != PERSON:
        return False
    names = tuple(ascii_lower(name) for name in item["column_names"])
    return names == (PERSON,) or any(names == tuple(ascii_lower(part) for part in one) for one in people.columns)


def _is_star(item: Node) -> bool:
    return bool(item["class"] == "STAR")


def _whole_star(item: Node, people: Standing) -> bool:
    """`*` or `t.*` that leaves the person where it is."""
    if item["columns"] or item["expr"] is not None or item["replace_list"] or item["rename_list"]:
        return False
    excluded = {ascii_lower(name) for name in item["exclude_list"]}
    if PERSON in excluded or item["qualified_exclude_list"]:
        return False
    relation = ascii_lower(item["relation_name"])
    return not relation or any(ascii_lower(one[0]) == relation for one in people.columns)


def _named(table: Node, alias: str) -> Standing:
    if table["column_name_alias"]:
        raise NoEvidence("renamed_columns")
    return Standing(((alias, PERSON),))


def _joined(table: Node, known: Known, where: Node | None) -> Standing:
    inside = where if table["join_type"] == "INNER" else None  # else a row may stand for which it does not hold
    left, right = standing(table["left"], known, inside), standing(table["right"], known, inside)
    if table["join_type"] in ("SEMI", "ANTI"):
        return left
    if not left.columns or not right.columns:
        if table["join_type"] in ("FULL", "RIGHT" if left.columns else "LEFT") and (left.columns or right.columns):
            raise NoEvidence("rows_of_nobody")
        return left if left.columns else right
    if not _same_person(table, left, right, inside):
        raise NoEvidence("two_people_in_a_row")
    return Standing(left.columns + right.columns)


def _same_person(table: Node, left: Standing, right: Standing, where: Node | None) -> bool:
    """Does the join hold only between rows of one person?"""
    if PERSON in {ascii_lower(name) for name in table["using_columns"]} or table["ref_type"] == "NATURAL":
        return True
    conditions = [part for condition in (table["condition"], where) if condition for part in conjuncts(condition)]
    return any(_equates(part, left, right) for part in conditions)


def conjuncts(condition: Node) -> list[Node]:
    """The conditions that all hold where this one does."""
    if condition["type"] == "CONJUNCTION_AND":
        return [part for child in condition["children"] for part in conjuncts(child)]
    return [condition]


def _equates(part: Node, left: Standing, right: Standing) -> bool:
    if part["type"] != "COMPARE_EQUAL" or any(part[side]["class"] != "COLUMN_REF" for side in ("left", "right")):
        return False
    one, other = (_lowered(part[side]["column_names"]) for side in ("left", "right"))
    lefts, rights = ({_lowered(names) for names in people.columns} for people in (left, right))
    return (one in lefts and other in rights) or (one in rights and other in lefts)


def _lowered(names: Any) -> tuple[str, ...]:
    return tuple(ascii_lower(name) for name in names)


def column_ref(names: tuple[str, ...]) -> dict[str, Any]:
    """A column as the parse tree says it."""
    return {"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "column_names": list(names)}


def operator(kind: str, children: list[dict[str, Any]]) -> dict[str, Any]:
    """An operator as the parse tree says it."""
    return {"class": "OPERATOR", "type": kind, "alias": "", "children": children}
