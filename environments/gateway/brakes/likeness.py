"""What does a statement look like, apart from its values? By its parse tree: is it a look-up, does it resemble another?

Two statements that differ in values only, or in one more condition, and are about nearly the same people: the
difference of their results is about the few who are in one and not in the other (differencing).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from environments.gateway.brakes.judging import Judging
from environments.gateway.brakes.naming import VALUES, looks_up, singles_out
from environments.gateway.evidence.people import conjuncts, walk

LEFT_OUT = frozenset({"query_location", "query_location_length", "alias", "named_param_map"})
Node = Mapping[str, Any]


@dataclass(frozen=True)
class Likeness:
    """digest: of the tree without values. source, conditions: what it reads from, and the parts of its WHERE.

    frame: of the tree without values and WHERE; shown: of the values outside WHERE.

    look_up: it asks for one pseudonym, or judges by it where nobody can count whom it chose. singles_out: a condition
    of it speaks of the pseudonym in some other way. judges: by more than whether there is one. in_figures, divides: it
    does so in what it shows, or by what it groups by. aggregates: its figures are of many people's rows. filtered: it
    has a condition at all.
    """

    digest: str
    source: str
    conditions: frozenset[str]
    look_up: bool
    singles_out: bool
    filtered: bool
    frame: str = ""
    shown: str = ""
    judges: bool = False
    in_figures: bool = False
    divides: bool = False
    aggregates: bool = False

    @property
    def needs_people(self) -> bool:
        """Must the people behind its rows be counted, where its figures' cannot be?"""
        return self.aggregates or self.singles_out or self.judges

    def near(self, other: Likeness) -> bool:
        """Do they differ in values only, or in conditions of which one has all of the other's?"""
        if self.digest == other.digest:
            return True
        one, two = self.conditions, other.conditions
        return self.source == other.source and (one < two or two < one)


def likeness_of(statement: Node) -> Likeness:
    """Of a statement's parse tree."""
    parts = list(walk(statement))
    query = statement["node"]
    where = query.get("where_clause")
    judging = Judging(statement)
    divides = judging.divides()
    judges = divides or judging.chooses()
    rest = {**statement, "node": {**query, "where_clause": None}}
    frame = _digest(_plain(rest, values=False))
    return Likeness(
        _digest([frame, _plain(where, values=False)]),
        _digest(_plain([query.get("from_table"), query["cte_map"]], values=True)),
        frozenset(_digest(_plain(part, values=True)) for part in (conjuncts(where) if where else ())),
        look_up=looks_up(statement) or judging.hides(),
        singles_out=judges or singles_out(statement),
        filtered=any(node.get("where_clause") or node.get("having") or node.get("qualify") for node in parts),
        frame=frame,
        shown=_digest([_plain(node, values=True) for node in walk(rest) if node.get("type") in VALUES]),
        judges=judges,
        in_figures=judging.chooses_in_figures(),
        divides=divides,
        aggregates=judging.aggregates(),
    )


def _plain(node: Any, *, values: bool) -> Any:
    """Without places and names; without values too, where they are not wanted."""
    if isinstance(node, Mapping):
        if not values and node.get("type") in VALUES:
            return "value"
        return {key: _plain(value, values=values) for key, value in node.items() if key not in LEFT_OUT}
    if isinstance(node, list):
        return [_plain(value, values=values) for value in node]
    return node


def _digest(tree: Any) -> str:
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()
