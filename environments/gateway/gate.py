"""May this statement run? An allow-list over DuckDB's own parse tree; what is not known is refused.

Exactly one SELECT; every kind, key, table, function and type known; tables are the approved views and the statement's
own WITH names. DuckDB is only asked to parse, on a connection that holds nothing and can reach nothing. The tree's
shape stands in `gate_tree`, the walk in `gate_walk`, the functions in `functions` (design section 4).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection
from typing import Any

import duckdb

from access.decisions import Allowed, Decision, Refused
from environments.gateway import gate_words as words
from environments.gateway.brakes.likeness import Likeness, likeness_of
from environments.gateway.evidence.asking import AskedEvidence
from environments.gateway.evidence.people import NoEvidence
from environments.gateway.evidence.shape import question_of
from environments.gateway.gate_walk import ascii_lower, walk_statement
from environments.gateway.gate_words import GateRefusal

LONGEST_STATEMENT = 100_000  # bytes of UTF-8
# Nothing is left out of the tree: a key that is not there could not be judged.
TREE = "SELECT json_serialize_sql(?::VARCHAR, skip_null := false, skip_empty := false, skip_default := false)"
TEXT = "SELECT json_deserialize_sql(?::JSON)"


class Gate:
    """Judges statements without running them. One connection for parsing, used by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parser = _parser()

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
            with self._lock:  # also for the walk: the largest tree takes some hundred megabytes, so one at a time
                statement = self._statement(sql)
                walk_statement(statement, views)
                return likeness_of(statement)
        except GateRefusal as refusal:
            return refusal.told(sql)
        except RecursionError:
            return words.too_deep().told(sql)

    def evidence_of(self, sql: str, tables: Collection[str]) -> AskedEvidence:
        """The question that counts the people behind a statement's figures; the statement is one that may run.

        Raises NoEvidence with the reason where its shape has none.
        """
        try:
            with self._lock:
                question = question_of(self._statement(sql), tables)
                row = self._parser.execute(TEXT, [json.dumps(question.sql_tree)]).fetchone()
        except (GateRefusal, RecursionError, duckdb.Error):
            raise NoEvidence("not_said") from None
        return AskedEvidence.of(question, str(row[0]) if row else "")

    def _statement(self, sql: str) -> Any:
        """The tree of the one statement. Raises GateRefusal."""
        try:
            row = self._parser.execute(TREE, [sql]).fetchone()
        except duckdb.Error:
            self._renew()
            raise words.not_understood(None) from None
        answer: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
        if answer.get("error") is not False:
            raise _unparsed(answer)
        statements = answer["statements"]
        if len(statements) != 1:
            raise words.how_many(len(statements))
        return statements[0]

    def _renew(self) -> None:
        """DuckDB closes a database in which it met an error of its own: the next statement needs another."""
        self._parser.close()
        self._parser = _parser()


def _parser() -> duckdb.DuckDBPyConnection:
    """A connection that holds nothing and can reach nothing."""
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
            "threads": 1,
        }
    )
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


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
