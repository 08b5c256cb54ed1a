"""May this statement run? An allow-list over DuckDB's own parse tree; what is not known is refused.

Exactly one SELECT; every kind, key, table, function and type known; tables are the approved views and the statement's
own WITH names. DuckDB is only asked to parse, in a process that holds nothing and is ended where it takes too long
(`parser`). The tree's shape stands in `gate_tree`, the walk in `gate_walk`, the functions in `functions` (design
section 4).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection
from typing import Any

from access.decisions import Allowed, Decision, Refused
from environments.gateway import gate_words as words
from environments.gateway.brakes.likeness import Likeness, likeness_of
from environments.gateway.evidence.asking import AskedEvidence
from environments.gateway.evidence.listing import listing_of
from environments.gateway.evidence.people import NoEvidence
from environments.gateway.evidence.shape import question_of
from environments.gateway.gate_walk import ascii_lower, walk_statement
from environments.gateway.gate_words import GateRefusal
from environments.gateway.parsing import NotParsed, Parser, TooHard

LONGEST_STATEMENT = 100_000  # bytes of UTF-8
_WALKING = threading.Lock()
"""The largest tree takes some hundred megabytes, and its walk a third of a second: one at a time in a process."""


class Gate:
    """Judges statements without running them. One parser, used by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parser = Parser()

    @property
    def last_used(self) -> float:
        """When it judged last, on the monotonic clock."""
        return self._parser.last_used

    def close(self) -> None:
        """End its parser; the next statement starts another."""
        self._parser.close()

    def judge(self, sql: str, tables: Collection[str]) -> Decision:
        """May this run, given the views that the asker may name?

        Refused carries a code `gate.…`, the rule and place, and what to write instead. Raises nothing for any text.
        """
        judged = self.judged(sql, tables)
        return judged if isinstance(judged, Refused) else Allowed()

    def judged(self, sql: str, tables: Collection[str]) -> Likeness | Refused:
        """The same; of a statement that may run, what it looks like."""
        try:
            _require_text(sql)
            views = frozenset(ascii_lower(name) for name in tables)
            with self._lock:
                tree = self._tree(sql)
                with _WALKING:
                    statement = _statement(tree)
                    walk_statement(statement, views)
                    return likeness_of(statement)
        except GateRefusal as refusal:
            return refusal.told(sql)
        except RecursionError:
            return words.too_deep().told(sql)

    def evidence_of(self, sql: str, tables: Collection[str], *, listed: bool = False) -> AskedEvidence:
        """The question that counts the people behind a statement's figures; the statement is one that may run.

        listed: the question that names them instead. Raises NoEvidence with the reason where its shape has none.
        """
        try:
            with self._lock:
                tree = self._tree(sql)
                with _WALKING:
                    question = question_of(_statement(tree), tables)
                    question = listing_of(question) if listed else question
                text = self._parser.text(json.dumps(question.sql_tree))
        except (GateRefusal, RecursionError, NotParsed, TooHard):
            raise NoEvidence("not_said") from None
        return AskedEvidence.of(question, text)

    def _tree(self, sql: str) -> str:
        """The tree as DuckDB writes it. Raises GateRefusal."""
        try:
            return self._parser.tree(sql)
        except NotParsed:
            raise words.not_understood(None) from None
        except TooHard:
            raise words.too_deep() from None


def _statement(tree: str) -> Any:
    """The one statement of a tree. Raises GateRefusal."""
    answer: dict[str, Any] = json.loads(tree) if tree else {"error": True}
    if answer.get("error") is not False:
        raise _unparsed(answer)
    statements = answer["statements"]
    if len(statements) != 1:
        raise words.how_many(len(statements))
    return statements[0]


def _require_text(sql: str) -> None:
    """Text of a length that can be judged. DuckDB would end the statement at a NUL, and not see what follows."""
    if "\x00" in sql or any("\ud800" <= sign <= "\udfff" for sign in sql):
        raise words.not_text()
    if len(sql.encode()) > LONGEST_STATEMENT:
        raise words.too_long(LONGEST_STATEMENT)
    if not sql.strip():
        raise words.how_many(0)


def _unparsed(answer: dict[str, Any]) -> GateRefusal:
    """Why there is no tree: another kind of statement, too deep, or no SQL. Its text may quote a literal: not shown."""
    if answer.get("error_type") == "not implemented":
        return words.select_only()
    if str(answer.get("error_message", "")).startswith("Max expression depth"):
        return words.too_deep()
    place = str(answer.get("position", ""))
    return words.not_understood(int(place) if place.isdigit() else None, str(answer.get("error_message", "")))
