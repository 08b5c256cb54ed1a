"""Which question counts the people behind each figure of a query? The query's own tree, with the people beside it.

FROM, WHERE and GROUP BY stay as they are, so that the same rows stand behind each group. Inside, a row for each group
and person: rows, and for each figure how many of them it counts and what they add to it. Outside, a row for each group:
people, rows, and for each figure its people and its two largest shares. HAVING, ORDER BY and LIMIT only leave groups
out: the evidence has those too. Shapes for which this would not be true have no evidence, and a reason.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from environments.gateway.evidence import trees
from environments.gateway.evidence.people import (
    Known,
    NoEvidence,
    known_with,
    standing,
    walk,
)
from environments.gateway.evidence.trees import Node, Tree
from environments.gateway.evidence.unlinked import counted
from environments.gateway.functions import AGGREGATES, NAMES_AN_AGGREGATE
from environments.gateway.gate_walk import ascii_lower

SUMS = frozenset({"sum", "fsum", "kahan_sum", "sumkahan"})
ADDING = SUMS | {"avg", "favg", "mean"}
"""Figures to which each person adds a share: for these the two largest shares are told (dominance)."""
CONDITIONS = frozenset({"count_if", "countif"})
"""They count the rows for which their argument holds."""
OF_ONE_VALUE = frozenset({
    "approx_quantile", "quantile", "quantile_cont", "quantile_disc", "string_agg", "group_concat", "listagg",
    "approx_top_k", "histogram", "histogram_exact", "bitstring_agg", "reservoir_quantile", "median", "mode",
})  # fmt: skip
"""Their further arguments are no data: how, how many, by what parted. Of any other each argument is of the person."""
UNREPEATABLE = frozenset({
    "random", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "reservoir_quantile", "now", "today", "ago",
    "current_date", "current_time", "current_timestamp", "current_localtime", "current_localtimestamp", "localtime",
    "localtimestamp", "get_current_time", "get_current_timestamp", "transaction_timestamp",
})  # fmt: skip
"""What may differ when it is asked twice, called or named like a column. Where it stands the evidence could differ."""
FIRST_ANY = frozenset({"first", "last", "any_value", "arbitrary"})
BY_ORDER = FIRST_ANY | frozenset({
    "arg_max", "arg_max_null", "arg_max_nulls_last", "arg_min",
    "arg_min_null", "arg_min_nulls_last", "argmax", "argmin", "max_by", "min_by", "list", "array_agg", "string_agg",
    "group_concat", "listagg", "json_group_array", "json_group_object", "json_group_structure", "mode",
    "approx_quantile", "approx_top_k", "lttb",
})  # fmt: skip
"""Aggregates that take what comes first, or keep the order: below another, the rows may fall otherwise."""
WHERE_AGGREGATES_STAND = ("select_list", "having", "qualify", "modifiers")


@dataclass(frozen=True)
class Figure:
    """One aggregate of the result: its column there (from 0), its function, and whether people add shares to it."""

    column: int
    function: str
    adding: bool


@dataclass(frozen=True)
class Key:
    """One group expression: its column in the result (from 0; None: not shown), how it is shown, and how said."""

    column: int | None
    shown: Tree
    said: Tree


@dataclass(frozen=True)
class EvidenceQuestion:
    """The statement to run. keys: for each group expression, its column in the result, None where it is not shown.

    no_evidence: why it counts the people behind the rows of FROM and WHERE alone, which is no evidence of the figures.
    """

    sql_tree: Tree
    keys: tuple[int | None, ...]
    figures: tuple[Figure, ...]
    no_evidence: str | None = None


def question_of(statement: Node, views: Collection[str]) -> EvidenceQuestion:
    """The question for a statement that the gate has allowed, as its parse tree. Raises NoEvidence."""
    try:
        return _question(statement, views)
    except NoEvidence as none:
        try:
            return replace(_question(_rows_of(statement), views), no_evidence=none.reason)
        except NoEvidence:
            raise none from None


def _rows_of(statement: Node) -> Node:
    """A count of the rows that FROM and WHERE say, before a sample is taken of them. Raises NoEvidence."""
    query = statement["node"]
    if query["type"] != "SELECT_NODE":
        raise NoEvidence("union")
    count = {
        "select_list": [trees.call("count_star", [])], "modifiers": [], "group_expressions": [], "group_sets": [],
        "aggregate_handling": "STANDARD_HANDLING", "having": None, "qualify": None, "sample": None,
        "from_table": {**query["from_table"], "sample": None},
    }  # fmt: skip
    return {**statement, "node": {**query, **count}}


def _question(statement: Node, views: Collection[str]) -> EvidenceQuestion:
    query = statement["node"]
    if query["type"] != "SELECT_NODE":
        raise NoEvidence("union")
    known = known_with(query, Known(frozenset(ascii_lower(name) for name in views)))
    figures = [
        (place, call) for place, item in enumerate(query["select_list"]) for call in _aggregates(item)
    ]  # fmt: skip
    if not figures and not query["group_expressions"]:
        raise NoEvidence("rows")
    _require_plain(query)
    person = counted(standing(query["from_table"], known, query["where_clause"]).person)
    keys = _keys(query)
    inner = _inner(query, keys, person, [call for _, call in figures])
    told = tuple(Figure(place, call["function_name"], _adds(call)) for place, call in figures)
    tree = {
        "error": False,
        "statements": [{**copy.deepcopy(dict(statement)), "node": _outer(query, inner, keys, told)}],
    }
    return EvidenceQuestion(tree, tuple(key.column for key in keys), told)


def _require_plain(query: Node) -> None:
    """Shapes in which a group's rows are not those that GROUP BY and WHERE say. Raises NoEvidence."""
    if query["sample"] is not None:
        raise NoEvidence("sampled")
    if query["qualify"] is not None or any(_windows(item) for item in query["select_list"]):
        raise NoEvidence("windows_over_groups")
    if len(query["group_sets"]) > 1:
        raise NoEvidence("grouping_sets")
    if any(item.get("class") == "STAR" for part in query["select_list"] for item in walk(part)):
        raise NoEvidence("columns_by_pattern")
    _require_no_subqueries(query)
    parts = ("from_table", "where_clause", "group_expressions", "cte_map", "select_list")
    for part in (query[name] for name in parts):
        if any(_is_unrepeatable(node) for node in walk(part)):
            raise NoEvidence("not_repeatable")
        if any(node.get("sample") is not None for node in walk(part)):
            raise NoEvidence("sampled")
    # A row number or a first value over rows without a full order may fall otherwise the second time.
    for part in (query["from_table"], query["cte_map"], query["where_clause"]):
        if any(_windows(node) or _named_function(node) in BY_ORDER or _limits(node) for node in walk(part)):
            raise NoEvidence("order_below")


def _require_no_subqueries(query: Node) -> None:
    """A subquery that gives a value, or stands among what is shown, could tell of other people. Raises NoEvidence."""
    for node in walk(query):
        if node.get("class") == "SUBQUERY" and node["subquery_type"] == "SCALAR":
            raise NoEvidence("subquery_value")
        for part in (node.get("select_list", ()), node.get("group_expressions", ())):
            if any(below.get("class") == "SUBQUERY" for item in part for below in walk(item)):
                raise NoEvidence("subquery_shown")


def _keys(query: Node) -> list[Key]:
    """Each group expression with its column in the result. Raises NoEvidence."""
    items = query["select_list"]
    if query["aggregate_handling"] == "FORCE_AGGREGATES":
        plain = [(place, item) for place, item in enumerate(items) if not list(_aggregates(item))]
        return [Key(place, trees.bare(item), trees.bare(item)) for place, item in plain]
    return [_key(expression, items) for expression in query["group_expressions"]]


def _key(expression: Node, items: list[Node]) -> Key:
    """A group expression: by its number in the result, by a name that the result gives, or as it is."""
    place = _place_of(expression, items)
    if place is None:
        return Key(None, trees.bare(expression), trees.bare(expression))
    if _is_place(expression):
        return Key(place, trees.bare(items[place]), trees.bare(items[place]))
    # Name and expression stay side by side, as in the query: the engine reads the name as it did there.
    return Key(place, copy.deepcopy(dict(items[place])), trees.bare(expression))


def _place_of(expression: Node, items: list[Node]) -> int | None:
    """The column of the result that shows a group expression: by its number, its text, or its name alone."""
    if _is_place(expression):
        place = int(expression["literal"]["text"]) - 1
        if not 0 <= place < len(items):
            raise NoEvidence("group_place")
        return place
    for place, item in enumerate(items):
        if _said(item) == _said(expression):
            return place
    name = _last_name(expression) if len(expression.get("column_names", ())) == 1 else ""
    return next((place for place, item in enumerate(items) if name and name in _names_of(item)), None)


def _is_place(expression: Node) -> bool:
    return bool(expression["type"] == "VALUE_CONSTANT" and expression["literal"]["kind"] == "INTEGER")


def _last_name(expression: Node) -> str:
    """The column that an expression is, without its table."""
    return ascii_lower(expression["column_names"][-1]) if expression["type"] == "COLUMN_REF" else ""


def _names_of(item: Node) -> set[str]:
    """By which names GROUP BY could mean this column of the result. Where it means another, none is bound."""
    return {ascii_lower(item["alias"]), _last_name(item)} - {""}


def _inner(query: Node, keys: list[Key], person: Tree, calls: list[Node]) -> Tree:
    """A row for each group and person."""
    columns = [key.shown for key in keys] + [copy.deepcopy(key.said) for key in keys]
    columns += [person, trees.call("count_star", [])]
    for call in calls:
        columns += _shares(call)
    groups = [key.said for key in keys] + [copy.deepcopy(person)]
    return {
        **copy.deepcopy(dict(query)),
        "modifiers": [],
        "select_list": columns,
        "group_expressions": groups,
        "group_sets": [list(range(len(groups)))],
        "aggregate_handling": "STANDARD_HANDLING",
        "having": None,
        "qualify": None,
    }


def _shares(call: Node) -> list[Tree]:
    """How many rows of a person a figure counts, and what they add to it."""
    arguments = [argument["expression"] for argument in call["arguments"]]
    name, where = ascii_lower(call["function_name"]), call["filter"]
    if name in CONDITIONS:
        return [trees.call("count_star", [], _both([*([where] if where else []), *arguments])), trees.nothing()]
    needed = arguments[:1] if name in OF_ONE_VALUE else arguments
    there = [trees.operator("OPERATOR_IS_NOT_NULL", [trees.bare(one)]) for one in needed]
    counted = trees.call("count_star", [], _both([*([where] if where else []), *there]))
    if not _adds(call):
        return [counted, trees.nothing()]
    return [counted, trees.call("sum", [trees.call("abs", [trees.cast(arguments[0], "double")])], where)]


def _both(conditions: list[Node]) -> Node | None:
    """The conditions, all of them."""
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    children = [trees.bare(one) for one in conditions]
    return {"class": "CONJUNCTION", "type": "CONJUNCTION_AND", "alias": "", "children": children}


def _outer(query: Node, inner: Tree, keys: list[Key], figures: tuple[Figure, ...]) -> Tree:
    """A row for each group, by what GROUP BY says; what is shown of it follows from that.

    The WITH names stay inside: they are the inner query's.
    """
    names = [f"{one}{place}" for one in "kg" for place in range(len(keys))] + ["person", "n"]
    for place in range(len(figures)):
        names += [f"c{place}", f"s{place}"]
    shown = [trees.call("any_value", [trees.column_ref((name,))]) for name in names[: len(keys)]]
    key_columns = [trees.column_ref((name,)) for name in names[len(keys) : 2 * len(keys)]]
    columns = [
        *shown,
        trees.call("count", [trees.column_ref(("person",))]),
        trees.call("sum", [trees.column_ref(("n",))]),
    ]
    for place, figure in enumerate(figures):
        # Who adds nothing to a sum stands behind no part of it.
        counts = trees.greater_than_nothing(
            f"{'s' if ascii_lower(figure.function) in SUMS and figure.adding else 'c'}{place}"
        )
        columns.append(trees.call("count", [trees.column_ref(("person",))], counts))
        columns.append(
            trees.call("max", [trees.column_ref((f"s{place}",)), trees.number(2)]) if figure.adding else trees.nothing()
        )
        columns.append(trees.call("sum", [trees.column_ref((f"s{place}",))]) if figure.adding else trees.nothing())
    table = {
        "type": "SUBQUERY", "alias": "e", "sample": None, "subquery": {"node": inner, "named_param_map": []},
        "column_name_alias": names,
    }  # fmt: skip
    return {
        **copy.deepcopy(dict(query)),
        "modifiers": [],
        "cte_map": {"map": []},
        "select_list": columns,
        "from_table": table,
        "where_clause": None,
        "group_expressions": copy.deepcopy(key_columns),
        "group_sets": [list(range(len(keys)))] if keys else [],
        "aggregate_handling": "STANDARD_HANDLING",
        "having": None,
        "qualify": None,
    }


# -- reading a tree


def _aggregates(item: Node) -> Iterator[Node]:
    """The aggregates of an expression, not those of a query in it, nor those over a window."""
    if item.get("class") in ("SUBQUERY", "WINDOW"):
        return
    if item.get("class") == "FUNCTION" and ascii_lower(item["function_name"]) in AGGREGATES:
        yield item
        return
    for value in item.values():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, Mapping):
                yield from _aggregates(part)


def _windows(item: Node) -> bool:
    return any(node.get("class") == "WINDOW" for node in walk(item))


def _limits(node: Node) -> bool:
    return node.get("type") == "LIMIT_MODIFIER" or (
        node.get("type") == "DISTINCT_MODIFIER" and bool(node["distinct_on_targets"])
    )


def _is_unrepeatable(node: Node) -> bool:
    """By chance or by the clock: called, named without brackets, or named to a function that calls it."""
    name = _named_function(node)
    if name == "age":
        return len(node["arguments"]) == 1  # until today
    if name in NAMES_AN_AGGREGATE:
        said = [one["expression"].get("literal", {}).get("text") for one in node["arguments"]]
        return any(ascii_lower(one) in UNREPEATABLE for one in said if isinstance(one, str))
    if node.get("class") == "COLUMN_REF" and len(node["column_names"]) == 1:
        return _last_name(node) in UNREPEATABLE
    return name in UNREPEATABLE


def _named_function(node: Node) -> str:
    return ascii_lower(node["function_name"]) if isinstance(node.get("function_name"), str) else ""


def _adds(call: Node) -> bool:
    return ascii_lower(call["function_name"]) in ADDING and not call["distinct"]


def _said(node: Any) -> Any:
    """An expression without its places and its name: equal where the same is said."""
    if isinstance(node, Mapping):
        left_out = ("query_location", "query_location_length", "alias")
        return tuple((key, _said(value)) for key, value in sorted(node.items()) if key not in left_out)
    if isinstance(node, list):
        return tuple(_said(value) for value in node)
    return node
