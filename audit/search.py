"""Who did what, when? A search index beside the log: rebuilt from it at any time, never the evidence itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from audit.canonical import from_entry
from audit.model import AuditEvent
from audit.reader import LogReader

SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    log_index INTEGER PRIMARY KEY, at TEXT NOT NULL, by TEXT NOT NULL, verb TEXT NOT NULL,
    project TEXT, dataset TEXT, content BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS entry_by ON entry (by);
CREATE INDEX IF NOT EXISTS entry_project ON entry (project);
CREATE INDEX IF NOT EXISTS entry_verb ON entry (verb);
"""


EVERY = -1
"""The limit that is none."""


@dataclass(frozen=True)
class Wanted:
    """What is looked for. `by` with or without its kind (`asha`, `person:asha`); `verb` a name or its beginning."""

    by: str | None = None
    project: str | None = None
    dataset: str | None = None
    verb: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 1000


class SearchIndex:
    """The index of one log. `path` is a file of its own outside the log's folder."""

    def __init__(self, folder: Path, path: Path) -> None:
        self.reader = LogReader(folder)
        self.path = path

    def find(self, wanted: Wanted) -> Iterator[tuple[int, AuditEvent]]:
        """Index and event of each entry that fits, oldest first, the newest `limit` of them."""
        with closing(self._open()) as index:
            self._catch_up(index)
            where, values = _conditions(wanted)
            query = (
                f"SELECT log_index, content FROM (SELECT * FROM entry WHERE {where} ORDER BY log_index DESC LIMIT ?)"
                " ORDER BY log_index"
            )
            for number, content in index.execute(query, [*values, wanted.limit]):
                yield number, from_entry(content)

    def rebuild(self) -> None:
        """Forget the index; the next search makes it again from the log."""
        self.path.unlink(missing_ok=True)

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        index = sqlite3.connect(self.path, timeout=30)
        index.executescript(SCHEMA)
        return index

    def _catch_up(self, index: sqlite3.Connection) -> None:
        (known,) = index.execute("SELECT coalesce(max(log_index) + 1, 0) FROM entry").fetchone()
        rows = (_row(number, entry) for number, entry in self.reader.entries(known))
        index.executemany("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        index.commit()


def _row(number: int, entry: bytes) -> tuple[object, ...]:
    event = from_entry(entry)
    at = event.at.astimezone(UTC).isoformat()
    return number, at, event.by, event.name.value, event.project, event.dataset, entry


def _conditions(wanted: Wanted) -> tuple[str, list[object]]:
    parts: list[str] = ["1 = 1"]
    values: list[object] = []

    def add(part: str, *given: object) -> None:
        parts.append(part)
        values.extend(given)

    if wanted.by:
        add("(by = ? OR substr(by, instr(by, ':') + 1) = ?)", wanted.by, wanted.by)
    if wanted.project:
        add("project = ?", wanted.project)
    if wanted.dataset:
        add("dataset = ?", wanted.dataset)
    if wanted.verb:
        add("(verb = ? OR substr(verb, 1, length(?)) = ?)", wanted.verb, f"{wanted.verb}.", f"{wanted.verb}.")
    if wanted.since:
        add("at >= ?", wanted.since.astimezone(UTC).isoformat())
    if wanted.until:
        add("at <= ?", wanted.until.astimezone(UTC).isoformat())
    return " AND ".join(parts), values
