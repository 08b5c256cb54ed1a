"""What does the gate say when it refuses? Which rule, where in the text, and how to say it instead; never a value.

A name is repeated only if it is a reviewed function's or an approved view's: anything else in a statement could be a
person's. Codes are stable: `gate.table`, `gate.function` and so on (docs/reference/gate.md).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from typing import Any

from access.decisions import Refused
from environments.gateway.functions import ALLOWED_FUNCTIONS, TABLE_FUNCTIONS
from environments.gateway.functions_refused import SHOWN, why_refused

FILE = re.compile(r"[/\\*?]|\.[a-z0-9]{2,8}$")
LONGEST_PLACE = 1_000_000
Node = Mapping[str, Any]


class GateRefusal(Exception):
    """The walk met something that may not stand there; carries the refusal."""

    def __init__(self, code: str, reason: str, mend: str | None = None) -> None:
        super().__init__(code)
        self.refused = Refused(code, reason, mend)


def at(node: Any) -> str:
    """Where in the text, if the parser said so: ` at character 12`."""
    place = node.get("query_location") if isinstance(node, Mapping) else None
    return f" at character {place + 1}" if isinstance(place, int) and 0 <= place < LONGEST_PLACE else ""


def too_long(most: int) -> GateRefusal:
    return GateRefusal(
        "gate.too_long", f"A statement may have {most:,} bytes.", "Ask in parts, or give lists as a parameter."
    )


def too_deep() -> GateRefusal:
    return GateRefusal(
        "gate.too_deep",
        "The statement is nested too deeply to be judged.",
        "Name its parts with WITH, and use IN (...) or a list instead of long chains.",
    )


def not_text() -> GateRefusal:
    return GateRefusal(
        "gate.not_text", "The statement holds a character that is not text (NUL or half a sign).", "Type it anew."
    )


def how_many(statements: int) -> GateRefusal:
    if statements == 0:
        return GateRefusal("gate.one_statement", "There is no statement.", "Write one SELECT.")
    return GateRefusal(
        "gate.one_statement", f"There are {statements} statements; one is judged and run.", "Ask them one by one."
    )


def select_only() -> GateRefusal:
    return GateRefusal(
        "gate.select_only",
        "Only SELECT may be asked; not EXPLAIN, COPY, ATTACH, SET, PRAGMA, CREATE, INSERT, or PIVOT without values.",
        "Write one SELECT. For PIVOT name the values, PIVOT t ON column IN ('a', 'b') USING sum(x), or use FILTER.",
    )


def not_understood(place: int | None) -> GateRefusal:
    where = f" near character {place + 1}" if place is not None else ""
    return GateRefusal(
        "gate.not_understood",
        f"The statement is not SQL as DuckDB reads it{where}.",
        "Check commas, brackets, quotes and the order SELECT, FROM, WHERE, GROUP BY, HAVING, QUALIFY, ORDER BY, LIMIT.",
    )


def unknown_kind(family: str, kind: str, node: Any) -> GateRefusal:
    """A part of a kind that is not on the list; some have a better sentence."""
    if kind == "SHOW_REF":
        return GateRefusal(
            "gate.describe",
            f"DESCRIBE, SHOW and SUMMARIZE are not asked in SQL{at(node)}.",
            f"{SHOWN} Or select the aggregates.",
        )
    if kind.endswith("_QUERY_NODE"):
        return select_only()
    if kind == "DEFAULT/VALUE_DEFAULT":
        return GateRefusal("gate.unknown_construct", f"DEFAULT has no meaning in a SELECT{at(node)}.", "Leave it out.")
    return GateRefusal(
        "gate.unknown_construct",
        f"The statement has a part{at(node)} that the gate does not know as {_spoken(family)}.",
        "Say it with SELECT, FROM, JOIN, WHERE, GROUP BY, WITH, window functions or UNION.",
    )


def unknown_part(what: str) -> GateRefusal:
    return GateRefusal(
        "gate.unknown_construct",
        f"The statement's {_spoken(what)} has a part that the gate does not know.",
        "Say it with SELECT, FROM, JOIN, WHERE, GROUP BY, WITH, window functions or UNION.",
    )


def unknown_value(key: str, node: Node) -> GateRefusal:
    """A key that holds what it may not; some have a better sentence."""
    if key == "at_clause":
        return version(node)
    if key == "pivot_enum":
        return GateRefusal(
            "gate.pivot", "PIVOT over a named type is refused.", "Name the values: PIVOT t ON column IN ('a', 'b')."
        )
    if key == "export_state":
        return GateRefusal("gate.function", f"EXPORT_STATE is refused{at(node)}.", "Write the aggregate alone.")
    if key in ("schema", "catalog"):
        return schema(node)
    return GateRefusal(
        "gate.unknown_construct",
        f"The gate does not know this {_spoken(key)}{at(node)}.",
        "Say it with SELECT, FROM, JOIN, WHERE, GROUP BY, WITH, window functions or UNION.",
    )


def version(node: Node) -> GateRefusal:
    return GateRefusal(
        "gate.schema", f"A table is asked as it is now; AT (...) is refused{at(node)}.", "Leave AT (...) out."
    )


def schema(node: Node) -> GateRefusal:
    return GateRefusal(
        "gate.schema",
        f"A name with a catalogue or schema before it stands{at(node) or ' in the statement'}; only main is known.",
        "Write the name alone.",
    )


def table(node: Node, name: str, known: Collection[str]) -> GateRefusal:
    if FILE.search(name):
        return file(f"A file stands as a table{at(node)}.")
    near = difflib.get_close_matches(name[:64], list(known), 1, 0.75)
    hint = f"Did you mean {near[0]}? " if near else ""
    return GateRefusal(
        "gate.table",
        f"The name{at(node)} is neither an approved table nor one that WITH has named before.",
        f"{hint}{SHOWN}",
    )


def file(what: str) -> GateRefusal:
    return GateRefusal("gate.file", what, f"Files are not read through SQL. {SHOWN}")


def table_function(node: Node, name: str) -> GateRefusal:
    review = why_refused(name)
    why = f": {review.reason}" if review else ""
    named = f"The function {name}" if review or name in ALLOWED_FUNCTIONS else "This function"
    return GateRefusal(
        "gate.function",
        f"{named} may not stand as a table{at(node)}{why}.",
        review.mend if review else f"As tables there are {', '.join(sorted(TABLE_FUNCTIONS))}. {SHOWN}",
    )


def function(node: Node, name: str) -> GateRefusal:
    review = why_refused(name)
    if review:
        return GateRefusal("gate.function", f"The function {name}{at(node)} is refused: {review.reason}.", review.mend)
    if name in ALLOWED_FUNCTIONS:
        return GateRefusal(
            "gate.function",
            f"The function {name}{at(node)} may not be called so.",
            "Check what stands in its brackets.",
        )
    near = difflib.get_close_matches(name[:64], ALLOWED_FUNCTIONS, 1, 0.75)
    hint = f"Did you mean {near[0]}? " if near else ""
    return GateRefusal(
        "gate.function",
        f"The function{at(node)} is not on the reviewed list.",
        f"{hint}The reference of the gate lists the functions that may be called; others are reviewed on request.",
    )


def unnamed_aggregate(node: Node, name: str) -> GateRefusal:
    return GateRefusal(
        "gate.function",
        f"The aggregate in {name}{at(node)} is not on the reviewed list, or not written as a text.",
        "Write a text such as 'sum' as the second argument, or call list_sum, list_avg, list_max directly.",
    )


def cast_type(node: Node) -> GateRefusal:
    return GateRefusal(
        "gate.type",
        f"The type{at(node)} is not one of DuckDB's own plain types.",
        "Cast to integer, bigint, double, decimal, varchar, boolean, date, timestamp, interval, uuid or a list.",
    )


def collation(node: Node) -> GateRefusal:
    return GateRefusal(
        "gate.collation", f"The collation{at(node)} is not known.", "Use nocase, noaccent or a language."
    )


def session(node: Node, name: str) -> GateRefusal:
    return GateRefusal(
        "gate.function",
        f"The name {name}{at(node)} is a function of the session.",
        f"Leave it out. If it is a column, write it with its table: t.{name}.",
    )


def _spoken(word: str) -> str:
    return word.replace("_", " ")
