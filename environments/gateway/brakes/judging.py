"""Does a statement judge by the pseudonym where no count of people shows whom it chose?

`max(if(pseudonym like 'x%', value, 0))` is about one person, and everybody stands behind it. What joins, groups, counts
and orders by person judges nobody, nor does whether there is one (IS NULL). By names over the whole statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from environments.gateway.brakes.naming import CONDITIONS, COUNTING, OF_VALUES, OWN, names_of, renamed, tables_of
from environments.gateway.evidence.people import PERSON, conjuncts, walk
from environments.gateway.evidence.shape import CONDITIONS as COUNT_IF
from environments.gateway.evidence.shape import FIRST_ANY, SUMS
from environments.gateway.functions import AGGREGATES
from environments.gateway.gate_walk import ascii_lower

Node = Mapping[str, Any]
BUILDING = (AGGREGATES - COUNT_IF) | {
    "row", "struct_pack", "list_value", "concat", "concat_ws", "||", "hash", "md5", "sha1", "sha256", "lower", "upper",
    "trim", "len", "length", "if", "ifnull",
}  # fmt: skip
"""Functions that make something of a pseudonym for all alike: an identifier, a list, a part that is handed on."""
PASSING_ON = frozenset({
    "OPERATOR_COALESCE", "OPERATOR_NOT", "OPERATOR_TRY", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_CAST",
    "ARRAY_CONSTRUCTOR",
})  # fmt: skip
SHOWN = ("select_list", "having", "qualify")
OF_ONE_ROW = frozenset({"first_value", "last_value", "nth_value"})
PLACES = frozenset({"row_number", "rank", "dense_rank", "rank_dense", "ntile", "percent_rank", "cume_dist"})
ASIDE = frozenset({"partitions", "filter", "filter_expr", "when_expr", "order_bys"})
"""What decides about a value and is no part of it."""
BY_ANOTHER = frozenset({"arg_max", "arg_min", "argmax", "argmin", "max_by", "min_by"}) | {
    f"arg_{one}_{rest}" for one in ("max", "min") for rest in ("null", "nulls_last")
}


class Judging:
    """A statement, read for how it judges by the pseudonym."""

    def __init__(self, statement: Node) -> None:
        self._parts = list(walk(statement))
        self._query: Node = statement["node"]
        aliases = {ascii_lower(node["alias"]) for node in self._parts if node.get("class") and node.get("alias")}
        self._rows = tables_of(self._parts) - aliases
        self._held, self._carried, self._made, self._forged = OWN, OWN | self._rows, frozenset[str](), False
        self._speaks = any(node.get("class") in ("COLUMN_REF", "STAR") and self._carries(node) for node in self._parts)
        if not self._speaks:  # as most: there is nothing to look for
            return
        self._held = names_of(self._parts, self._holding)
        self._carried = self._rows | names_of(self._parts, self._carrying)
        self._made = names_of(self._parts, self._judging, first=frozenset())
        self._forged = any(self._forges(node) for node in self._parts)

    # -- what is asked of it

    def hides(self) -> bool:
        """Does it judge by the pseudonym where evidence cannot show whom it chose?"""
        return self._speaks and any(self._hides(node) for node in self._parts)

    def chooses(self) -> bool:
        """Does a condition judge by the pseudonym, wherever it stands, or the order of the result?"""
        return self._speaks and (self._judged(_orders(self._query)) or self._chosen_in(self._query))

    def chooses_in_figures(self) -> bool:
        """Does one in what is shown, so that the people behind its rows do not tell?"""
        query = self._query
        return self._speaks and (self._judged(_orders(query)) or self._chosen_in([query.get(part) for part in SHOWN]))

    def _chosen_in(self, part: Any) -> bool:
        return any(
            self._judged([node.get(key) for key in CONDITIONS])
            or (_function(node) in COUNT_IF | {"if"} and self._judged(node["arguments"][0]))
            for node in walk(part)
        )

    def divides(self) -> bool:
        """Are the groups of its result made by judging the pseudonym?"""
        query = self._query
        return self._speaks and query["type"] == "SELECT_NODE" and _is_grouped(query) and self._judged(_keys(query))

    def aggregates(self) -> bool:
        """Are figures made of many people's rows, here or below?"""
        return any(self._sums_up(node) for node in self._parts if node.get("type") == "SELECT_NODE")

    # -- where it hides

    def _hides(self, node: Node) -> bool:
        if node.get("class") == "WINDOW":
            return _function(node) in AGGREGATES and self._judged([node["arguments"], node["filter_expr"]])
        if _function(node) in AGGREGATES:
            return not self._is_told(node) or not self._is_pure(node["filter"])
        if node.get("class") == "SUBQUERY" and not self._brings_together(node):
            return self._judged([below["where_clause"] for below in walk(node) if below.get("where_clause")])
        if node.get("type") == "JOIN":
            return self._joins_by_it(node)
        if node.get("type") == "SELECT_NODE":
            orders = [one for one in _orders(node) if _aggregates(one)]
            hidden = self._judged([node["having"], *orders])
            return hidden or not self._is_pure(node["where_clause"]) or not self._is_pure(node["qualify"])
        return False

    def _joins_by_it(self, join: Node) -> bool:
        """Of an outer join rows of everybody stay, whomever its condition chose."""
        if join["join_type"] in ("LEFT", "RIGHT", "FULL"):
            by_name = join["using_columns"] or join["ref_type"] == "NATURAL"
            return self._judged(join["condition"]) or bool(self._forged and by_name)
        return not self._is_pure(join["condition"])

    def _is_told(self, call: Node) -> bool:
        """Are those whom its argument chooses counted as the figure's people? Who is left out must give NULL."""
        arguments = [one["expression"] for one in call["arguments"]]
        if self._judges_by_order(call) or self._judged(arguments[1:]):
            return False
        if not self._judged(arguments):
            return True
        if _function(call) in COUNT_IF:
            return self._is_pure(arguments[0])
        chosen = _choice(arguments[0], nought=_function(call) in SUMS)
        return chosen is not None and self._is_pure(chosen[0]) and not self._judged(chosen[1])

    def _is_pure(self, condition: Node | None) -> bool:
        """Does each part of it that judges by the pseudonym do so by that alone? `or value < 1` would hide the few."""
        return condition is None or all(
            not self._judged(part) or self._is_alone(part) or self._equates(part) for part in conjuncts(condition)
        )

    def _is_alone(self, part: Node) -> bool:
        return all(self._is_named(node) for node in walk(part) if node.get("class") == "COLUMN_REF")

    def _equates(self, part: Node) -> bool:
        sides = [part.get("left"), part.get("right")]
        return part["type"] == "COMPARE_EQUAL" and all(one and one["class"] == "COLUMN_REF" for one in sides)

    # -- what judges

    def _judged(self, node: Any) -> bool:
        """Is anything in it decided by whose pseudonym it is?"""
        if isinstance(node, list):
            return any(self._judged(one) for one in node)
        if not isinstance(node, Mapping):
            return False
        kind = node.get("class")
        if kind == "COLUMN_REF":
            return ascii_lower(node["column_names"][-1]) in self._made
        if kind == "SUBQUERY":
            found = self._carries(node["child"]) and not self._brings_together(node)
            return found or self._judged(node["child"])
        if kind == "WINDOW" and _function(node) in OF_ONE_ROW and self._carries(node["orders"]):
            return True
        if self._judges_by_order(node) or self._decides(node):
            return True
        return any(self._judged(value) for value in node.values())

    def _decides(self, node: Node) -> bool:
        kind = node.get("class")
        if kind == "FUNCTION":
            return _function(node) not in BUILDING and self._carries(node["arguments"])
        if kind in ("COMPARISON", "BETWEEN") or (kind == "OPERATOR" and node["type"] not in PASSING_ON):
            return not self._pairs(node) and self._carries(list(node.values()))
        return False

    def _judges_by_order(self, call: Node) -> bool:
        """The value of whoever comes first by pseudonym."""
        name = _function(call)
        if call.get("class") != "FUNCTION" or name not in BY_ANOTHER | FIRST_ANY:
            return False
        by = call["arguments"][1:] if name in BY_ANOTHER else call["order_bys"]["orders"][:1]
        return self._carries(by)

    def _carries(self, node: Any) -> bool:
        """Is its value made of the pseudonym?"""
        if isinstance(node, list):
            return any(self._carries(one) for one in node)
        if not isinstance(node, Mapping):
            return False
        kind, name = node.get("class"), _function(node)
        if kind == "COLUMN_REF":
            return self._is_named(node)
        if kind == "STAR":
            return _star_may_bring_it(node)
        if kind == "SUBQUERY":
            query = node["subquery"]["node"]
            shown = node["subquery_type"] == "SCALAR" and self._carries(query.get("select_list", []))
            return shown or (self._carries(node["child"]) and not self._brings_together(node))
        if name in COUNTING or self._pairs(node) or self._asks_whether(node):
            return False
        aside = ASIDE if kind != "WINDOW" or name in PLACES else ASIDE | {"orders"}
        return any(self._carries(value) for key, value in node.items() if key not in aside)

    def _asks_whether(self, node: Node) -> bool:
        """`pseudonym is null`, after an outer join."""
        return node.get("type") in ("OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL") and self._holds(node["children"][0])

    def _pairs(self, node: Node) -> bool:
        """Two pseudonyms, side by side; one that the statement has made up is none."""
        both = node.get("class") == "COMPARISON" and self._holds(node["left"]) and self._holds(node["right"])
        return both and not self._forged

    def _holds(self, node: Node) -> bool:
        """Is it a pseudonym as it came?"""
        if node["class"] in ("CAST", "COLLATE"):
            return self._holds(node["child"])
        if node["type"] == "OPERATOR_COALESCE":
            return all(self._holds(one) for one in node["children"])
        if _function(node) in ("min", "max"):
            return self._holds(node["arguments"][0]["expression"])
        if _function(node) == "row":
            return any(self._holds(one["expression"]) for one in node["arguments"])
        return node["class"] == "COLUMN_REF" and ascii_lower(node["column_names"][-1]) in self._held - self._made

    def _brings_together(self, node: Node) -> bool:
        """`pseudonym in (select ... from t)`: rows of the same people."""
        query = node["subquery"]["node"]
        tables = query["type"] == "SELECT_NODE" and query["from_table"]["type"] not in OF_VALUES
        return bool(node["child"]) and tables and self._holds(node["child"]) and not self._forged

    # -- names

    def _is_named(self, node: Node) -> bool:
        return node.get("class") == "COLUMN_REF" and ascii_lower(node["column_names"][-1]) in self._carried

    def _holding(self, node: Node, names: frozenset[str]) -> Iterator[str]:
        self._held = names
        if node.get("class") and node.get("alias") and self._holds(node):
            yield node["alias"]
        yield from renamed(node, self._holds)

    def _carrying(self, node: Node, names: frozenset[str]) -> Iterator[str]:
        self._carried = names | self._rows
        if node.get("class") and node.get("alias") and self._carries(node):
            yield node["alias"]
        yield from renamed(node, self._carries)

    def _judging(self, node: Node, names: frozenset[str]) -> Iterator[str]:
        self._made = names
        if node.get("class") and node.get("alias") and self._judged(node):
            yield node["alias"]
        yield from renamed(node, self._judged, unknown=False)

    def _forges(self, node: Node) -> bool:
        """Does it give the name of a pseudonym to something else?"""
        if node.get("class") and node.get("alias"):
            return ascii_lower(node["alias"]) in self._held and not self._carries(node)
        given = {ascii_lower(name) for name in (*node.get("aliases", ()), *node.get("column_name_alias", ()))}
        return bool((given & self._held) - {ascii_lower(name) for name in renamed(node, self._carries)})

    def _sums_up(self, query: Node) -> bool:
        of_one = conjuncts(query["where_clause"]) if query["where_clause"] else ()
        together = any(self._pairs(part) for part in of_one) or any(self._holds(key) for key in _keys(query))
        return _is_grouped(query) and not together


def _choice(node: Node, *, nought: bool) -> tuple[Node, Node] | None:
    """Of `case when CONDITION then VALUE end` and `if(CONDITION, VALUE, NULL)`: the two."""
    if node["class"] == "CASE" and len(node["case_checks"]) == 1:
        check = node["case_checks"][0]
        condition, value, other = check["when_expr"], check["then_expr"], node["else_expr"]
    elif _function(node) == "if" and len(node["arguments"]) == 3:
        condition, value, other = (one["expression"] for one in node["arguments"])
    else:
        return None
    literal = other.get("literal", {})
    left_out = literal.get("kind") == "NULL_LITERAL" or (nought and literal.get("text") == "0")
    return (condition, value) if left_out else None


def _star_may_bring_it(star: Node) -> bool:
    """All columns, or those of a pattern that fits the pseudonym."""
    pattern = (star["expr"] or {}).get("literal", {})
    if pattern.get("kind") == "STRING":
        try:
            return re.search(str(pattern["text"]), PERSON, re.IGNORECASE) is not None
        except re.error:
            return True
    return PERSON not in {ascii_lower(name) for name in star["exclude_list"]}


def _function(node: Any) -> str:
    name = node.get("function_name") if isinstance(node, Mapping) else None
    return ascii_lower(name) if isinstance(name, str) else ""


def _keys(query: Node) -> list[Node]:
    """By what it groups: what it says, and what it shows that is no figure."""
    return [*query["group_expressions"], *(item for item in query["select_list"] if not _aggregates(item))]


def _is_grouped(query: Node) -> bool:
    return bool(query["group_expressions"]) or _aggregates([query["select_list"], query["having"]])


def _orders(query: Node) -> list[Node]:
    return [order["expression"] for one in query["modifiers"] for order in one.get("orders", ())]


def _aggregates(node: Any) -> bool:
    """Does an aggregate stand in it, of this query and not over a window?"""
    if isinstance(node, list):
        return any(_aggregates(one) for one in node)
    if not isinstance(node, Mapping) or node.get("class") in ("SUBQUERY", "WINDOW"):
        return False
    return _function(node) in AGGREGATES or any(_aggregates(value) for value in node.values())
