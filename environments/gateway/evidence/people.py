"""Whose row is this? For each table in FROM, the expression that names the person, or why there is none.

A table of the approval has a person in `pseudonym`. A query in FROM or WITH has one when it hands `pseudonym` on. A
join of two tables with people has one only where it joins them by it: else a row is about two people, and counting
either would hide the other. What is not known to be so has no evidence (fail closed).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from environments.gateway.evidence.trees import Node, column_ref, operator
from environments.gateway.gate_walk import ascii_lower

PERSON = "pseudonym"


class NoEvidence(Exception):
    """The shape is one for which people cannot be counted. reason: a stable word (docs/reference/evidence.md)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Standing:
    """What stands in FROM: the columns that name the person, all of the same one; none: rows of nobody.

    below: made of people whom it does not name, such as counts. whole: every table in it names the person.
    """

    columns: tuple[tuple[str, ...], ...] = ()
    below: bool = False
    whole: bool = False

    @property
    def person(self) -> dict[str, Any]:
        """The person as an expression of the parse tree. Raises NoEvidence."""
        if not self.columns:
            raise NoEvidence("no_people")
        columns = [column_ref(names) for names in self.columns]
        return columns[0] if len(columns) == 1 else operator("OPERATOR_COALESCE", columns)


PEOPLE = Standing(((PERSON,),), whole=True)


@dataclass(frozen=True)
class Known:
    """Which names are tables here: the approval's with people, and what each WITH name stands for."""

    views: frozenset[str]
    own: Mapping[str, Standing] = field(default_factory=dict)

    def table(self, node: Node) -> Standing:
        """What a name in FROM stands for, before it is named there."""
        name = ascii_lower(node["table_name"])
        if not node["schema_name"] and name in self.own:
            return self.own[name]
        return PEOPLE if name in self.views else Standing()

    def query(self, node: Node) -> Standing:
        """What a query in FROM or WITH stands for, before it is named there. Raises NoEvidence."""
        if hands_person_on(node, self):
            return PEOPLE
        return Standing(below=_reads_people(node, self))


def standing(table: Node, known: Known, where: Node | None = None) -> Standing:
    """What stands in FROM; where: conditions that hold for each of its rows. Raises NoEvidence where people cannot be
    counted through it."""
    if table["sample"] is not None:
        raise NoEvidence("sampled")
    kind = table["type"]
    if kind == "JOIN":
        return _joined(table, known, where)
    if kind == "BASE_TABLE":
        return _named(table, known.table(table), table["alias"] or table["table_name"])
    if kind == "SUBQUERY":
        return _named(table, known.query(table["subquery"]["node"]), table["alias"])
    if kind in ("EMPTY", "EXPRESSION_LIST", "TABLE_FUNCTION"):
        return Standing(below=any(node.get("class") == "SUBQUERY" for node in walk(table)))
    raise NoEvidence("pivot")


def known_with(query: Node, known: Known) -> Known:
    """With the query's own WITH names. Raises NoEvidence for a recursive one."""
    own = dict(known.own)
    for entry in query["cte_map"]["map"]:
        body = entry["value"]["query_node"]
        if body["type"] == "RECURSIVE_CTE_NODE":
            raise NoEvidence("recursive")
        found = Known(known.views, own).query(body)
        renamed = bool(entry["value"]["aliases"])
        own[ascii_lower(entry["key"])] = Standing(below=True) if renamed and found.columns else found
    return Known(known.views, own)


def _reads_people(query: Node, known: Known) -> bool:
    """Does it read, anywhere below, from people, or what is made of them? By names: it may say yes too often."""
    made = {name for name, one in known.own.items() if one.columns or one.below}
    return any(ascii_lower(node["table_name"]) in made | known.views for node in walk(query) if "table_name" in node)


def hands_person_on(query: Node, known: Known) -> bool:
    """Does each row of this query have its person in `pseudonym`, as it came?"""
    return _place_handed_on(query, known) is not None


def _place_handed_on(query: Node, known: Known) -> int | None:
    """At which place of the result the person stands; None: nowhere. Raises NoEvidence."""
    inner = known_with(query, known)
    if query["type"] == "SET_OPERATION_NODE":
        parts = [part for part in (query["left"], query["right"], *query["children"]) if part is not None]
        # Columns meet by their places: a person must stand at one place in all, and a star has no place that is known.
        starred = any(_is_star(item) for part in parts for item in part.get("select_list", ()))
        places = {_place_handed_on(part, inner) for part in parts}
        return places.pop() if len(places) == 1 and not starred else None
    if query["type"] != "SELECT_NODE":
        return None
    people = standing(query["from_table"], inner, query["where_clause"])
    named = [place for place, item in enumerate(query["select_list"]) if _may_be_named_so(item)]
    if not people.columns or len(named) != 1:  # of two columns of one name the engine takes either
        return None
    return named[0] if _hands_on(query["select_list"][named[0]], people) else None


def _may_be_named_so(item: Node) -> bool:
    """Could this be a column called `pseudonym`, or bring one?"""
    if _is_star(item) or ascii_lower(item["alias"]) == PERSON:
        return True
    return item["type"] == "COLUMN_REF" and not item["alias"] and ascii_lower(item["column_names"][-1]) == PERSON


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
    return any(ascii_lower(one[0]) == relation for one in people.columns) if relation else people.whole


def _named(table: Node, found: Standing, alias: str) -> Standing:
    """Under the name that it has in FROM. Raises NoEvidence where its person cannot be called by it."""
    if not found.columns:
        return found
    if table["column_name_alias"]:
        raise NoEvidence("renamed_columns")
    if not alias:
        raise NoEvidence("unnamed_query")
    return Standing(((alias, PERSON),), whole=True)


def _joined(table: Node, known: Known, where: Node | None) -> Standing:
    inside = where if table["join_type"] == "INNER" else None  # else a row may stand for which it does not hold
    left, right = standing(table["left"], known, inside), standing(table["right"], known, inside)
    if table["join_type"] in ("SEMI", "ANTI"):
        return left
    if left.below or right.below:  # figures of other people would be counted as this one's
        raise NoEvidence("people_below")
    if not left.columns or not right.columns:
        if table["join_type"] in ("FULL", "RIGHT" if left.columns else "LEFT") and (left.columns or right.columns):
            raise NoEvidence("rows_of_nobody")
        return replace(left if left.columns else right, whole=False)
    if not _same_person(table, left, right, inside):
        raise NoEvidence("two_people_in_a_row")
    return Standing(left.columns + right.columns, whole=left.whole and right.whole)


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


def walk(node: Any) -> Iterator[Node]:
    """Every part below, in the order of the statement, queries in it too. Of a parse tree: dictionaries and lists."""
    ahead = [node]
    while ahead:
        one = ahead.pop()
        if isinstance(one, dict):
            yield one
            ahead.extend([value for value in one.values() if isinstance(value, (dict, list))][::-1])
        elif isinstance(one, list):
            ahead.extend(one[::-1])
