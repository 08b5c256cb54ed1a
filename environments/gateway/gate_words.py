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

FILE = re.compile(r"[/\\*]|\.[a-z0-9]{2,8}$")
PLAIN_SQL = "Say it with SELECT, FROM, JOIN, WHERE, GROUP BY, WITH, window functions or UNION."
AT = "{at}"  # where the place in the text will stand in a sentence
Node = Mapping[str, Any]


class GateRefusal(Exception):
    """The walk met something that may not stand there: which rule, what to say, and the part that it met."""

    def __init__(self, code: str, reason: str, mend: str | None = None, node: object = None) -> None:
        super().__init__(code)
        self.code, self.reason, self.mend, self.node = code, reason, mend, node

    def told(self, sql: str) -> Refused:
        """The refusal as the asker reads it, with the line and column in their text."""
        return Refused(self.code, self.reason.replace(AT, _spoken_place(sql, self.node)), self.mend)


def _spoken_place(sql: str, node: object) -> str:
    """` at line 2, column 5`; nothing where the parser gave no place (it counts bytes)."""
    place = node.get("query_location") if isinstance(node, Mapping) else node
    raw = sql.encode("utf-8", "surrogatepass")
    if not isinstance(place, int) or not 0 <= place <= len(raw):
        return ""
    before = raw[:place].decode("utf-8", "ignore")
    return f" at line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"


def too_long(most: int) -> GateRefusal:
    """The statement has more bytes than one may have."""
    return GateRefusal(
        "gate.too_long", f"A statement may have {most:,} bytes.", "Ask in parts, or give lists as a parameter."
    )


def too_deep() -> GateRefusal:
    """It is nested more deeply than can be judged."""
    return GateRefusal(
        "gate.too_deep",
        "The statement is nested too deeply to be judged.",
        "Name its parts with WITH, and use IN (...) or a list instead of long chains.",
    )


def not_text() -> GateRefusal:
    """It holds what is no text."""
    return GateRefusal(
        "gate.not_text", "The statement holds a character that is not text (NUL or half a sign).", "Type it anew."
    )


def how_many(statements: int) -> GateRefusal:
    """There is not exactly one statement."""
    if statements == 0:
        return GateRefusal("gate.one_statement", "There is no statement.", "Write one SELECT.")
    return GateRefusal(
        "gate.one_statement", f"There are {statements} statements; one is judged and run.", "Ask them one by one."
    )


def select_only() -> GateRefusal:
    """It is another kind of statement than SELECT."""
    return GateRefusal(
        "gate.select_only",
        "Only SELECT may be asked; not EXPLAIN, COPY, ATTACH, SET, PRAGMA, CREATE, INSERT, or PIVOT without values.",
        "Write one SELECT. For PIVOT name the values, PIVOT t ON column IN ('a', 'b') USING sum(x), or use FILTER.",
    )


# What DuckDB's parser says of some statements, and what one may do; the text itself may quote a name: not shown.
_PARSER_SAYS = {
    "Duplicate CTE name": "Give each query in WITH a name of its own; capitals make no difference.",
    "LIMIT or OFFSET in a recursive query": "Put LIMIT after the recursive query, where it is read.",
    "window functions are not allowed in window": "Compute the inner OVER (...) in a WITH query, then use its column.",
}


def not_understood(place: int | None, said: str = "") -> GateRefusal:
    """No SQL; `said` is the parser's own text, of which only the sort is used."""
    mend = next((advice for start, advice in _PARSER_SAYS.items() if said.startswith(start)), None)
    usual = (
        "Check commas, brackets, quotes and the order SELECT, FROM, WHERE, GROUP BY, HAVING, QUALIFY, ORDER BY, LIMIT."
    )
    reason = f"The statement is not SQL as DuckDB reads it{AT}."
    return GateRefusal("gate.not_understood", reason, mend or usual, place)


def unknown_kind(family: str, kind: str, node: Any) -> GateRefusal:
    """A part of a kind that is not on the list; some have a better sentence."""
    if kind == "SHOW_REF":
        reason = "DESCRIBE, SHOW and SUMMARIZE are not asked in SQL."
        return GateRefusal("gate.describe", reason, f"{SHOWN} Or select the aggregates.")
    if kind.endswith("_QUERY_NODE"):
        return select_only()
    reason = f"The statement has a part{AT} that the gate does not know as {_spoken(family)}."
    return GateRefusal("gate.unknown_construct", reason, PLAIN_SQL, node)


def unknown_part(what: str) -> GateRefusal:
    """The tree holds a part that nobody has reviewed."""
    reason = f"The statement's {_spoken(what)} has a part that the gate does not know."
    return GateRefusal("gate.unknown_construct", reason, PLAIN_SQL)


def unknown_value(key: str, node: Node) -> GateRefusal:
    """A key that holds what it may not; some have a better sentence."""
    if key == "at_clause":
        return version(node)
    if key == "pivot_enum":
        mend = "Name the values: PIVOT t ON column IN ('a', 'b')."
        return GateRefusal("gate.pivot", "PIVOT over a named type is refused.", mend)
    if key == "export_state":
        return GateRefusal("gate.function", f"EXPORT_STATE{AT} is refused.", "Write the aggregate alone.", node)
    if key in ("schema", "catalog"):
        return schema(node)
    reason = f"The gate does not know this {_spoken(key)}{AT}."
    return GateRefusal("gate.unknown_construct", reason, PLAIN_SQL, node)


def version(node: Node) -> GateRefusal:
    """A table is asked for as it was at another time."""
    reason = f"A table is asked as it is now; AT (...){AT} is refused."
    return GateRefusal("gate.schema", reason, "Leave AT (...) out.", node)


def schema(node: Node) -> GateRefusal:
    """A name has a catalogue or schema before it."""
    reason = f"The name{AT} has a catalogue or schema before it; only main is known, and only before a table."
    return GateRefusal("gate.schema", reason, "Write the name alone.", node)


def table(node: Node, name: str, known: Collection[str]) -> GateRefusal:
    """A name in FROM is neither an approved view nor named by WITH."""
    if FILE.search(name):
        return file(f"A file stands as a table{AT}.", node)
    reason = f"The name{AT} is neither an approved table nor one that WITH has named before."
    return GateRefusal("gate.table", reason, _nearest(name, known) + SHOWN, node)


def file(what: str, node: Node | None = None) -> GateRefusal:
    """A name in FROM is a file or an address."""
    return GateRefusal("gate.file", what, f"Files are not read through SQL. {SHOWN}", node)


def table_function(node: Node, name: str) -> GateRefusal:
    """A function stands where a table stands, and may not."""
    review = why_refused(name)
    why = f": {review.reason}" if review else ""
    mend = review.mend if review else f"As tables there are {', '.join(sorted(TABLE_FUNCTIONS))}. {SHOWN}"
    return GateRefusal("gate.function", f"{_named(name)}{AT} may not stand as a table{why}.", mend, node)


_ELSEWHERE = {
    "add_months dateadd": "date + INTERVAL (n) MONTH",
    "charindex locate": "strpos(text, part)",
    "convert": "cast(x AS type), or try_cast(x AS type)",
    "div": "a // b",
    "getdate sysdate curdate": "current_date",
    "iif": "if(condition, a, b), or CASE",
    "initcap": "upper(left(x, 1)) || lower(substr(x, 2))",
    "isnumeric": "try_cast(x AS double) IS NOT NULL",
    "isnull nvl zeroifnull": "coalesce(x, 0)",
    "months_between": "date_diff('month', a, b)",
    "percentile": "quantile_cont(x, 0.9)",
    "rand": "random()",
    "soundex": "levenshtein(a, b), or jaro_winkler_similarity(a, b)",
    "stdev": "stddev(x)",
    "to_char": "strftime(date, '%Y-%m')",
    "to_date": "strptime(text, '%d/%m/%Y')::date",
    "to_number": "try_cast(x AS double)",
    "width_bucket": "floor((x - low) / width), or histogram(x, [10, 20, 30])",
}
"""What other engines have and DuckDB has not, and how DuckDB says it."""
_ELSEWHERE_BY_NAME = {name: said for names, said in _ELSEWHERE.items() for name in names.split()}


def function(node: Node, name: str) -> GateRefusal:
    """A function may not be called."""
    review = why_refused(name)
    if review:
        return GateRefusal("gate.function", f"{_named(name)}{AT} is refused: {review.reason}.", review.mend, node)
    if name in ALLOWED_FUNCTIONS:
        reason = f"{_named(name)}{AT} may not be called so."
        return GateRefusal("gate.function", reason, "Check what stands in its brackets, and OVER.", node)
    mend = (
        f"{_nearest(name, ALLOWED_FUNCTIONS)}The gate's reference lists the functions; others are reviewed on request."
    )
    if name in _ELSEWHERE_BY_NAME:
        mend = f"Write {_ELSEWHERE_BY_NAME[name]}."
    return GateRefusal("gate.function", f"The function{AT} is not on the reviewed list.", mend, node)


def unnamed_aggregate(node: Node, name: str) -> GateRefusal:
    """An aggregate is called without a name."""
    reason = f"The aggregate in {name}{AT} is not on the reviewed list, or not written as a text."
    mend = "Write a text such as 'sum' as the second argument, or call list_sum, list_avg, list_max directly."
    return GateRefusal("gate.function", reason, mend, node)


def cast_type(node: Node) -> GateRefusal:
    """A cast names a type that is not known."""
    mend = "Cast to integer, bigint, double, decimal, varchar, boolean, date, timestamp, interval, uuid or a list."
    return GateRefusal("gate.type", f"The type{AT} is not one of DuckDB's own plain types.", mend, node)


def collation(node: Node) -> GateRefusal:
    """A collation is not known."""
    mend = "Use nocase, noaccent or a language such as de."
    return GateRefusal("gate.collation", f"The collation{AT} is not known.", mend, node)


def session(node: Node, name: str) -> GateRefusal:
    """A column is a word that asks of the session."""
    mend = f"Leave it out. If it is a column, write it with its table: t.{name}."
    return GateRefusal("gate.function", f"The name {name}{AT} is a function of the session.", mend, node)


def _named(name: str) -> str:
    """A reviewed function by its name; any other without, for its name could be anything."""
    review = why_refused(name)
    known = name in ALLOWED_FUNCTIONS or (review is not None and name in review.names)
    return f"The function {name}" if known else "This function"


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name[:64], list(known), 1, 0.75)
    return f"Did you mean {near[0]}? " if near else ""


def _spoken(word: str) -> str:
    return word.replace("_", " ")
