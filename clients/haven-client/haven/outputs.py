"""How does a result leave? It is submitted to the airlock with its context; people decide, and the author cannot."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from haven.asking import query_of
from haven.connection import Connection
from haven.errors import HavenClientError

MOST_BYTES = 16 * 1024**2  # of one file
MOST_TOGETHER = 22 * 1024**2  # what the gateway takes at a time


@dataclass(frozen=True)
class Submission:
    """A request at the airlock: its number and state, its files, what the check found, and what people said of it.

    said: of this round, a sentence each; verdicts stand in it once everybody's are in. moved: when its state changed.
    """

    id: str
    state: str
    problems: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    round: int = 1
    next: str = ""
    moved: str = ""
    said: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        first = f"Request {self.id}: {self.state}"
        if self.files:
            first += f" ({', '.join(self.files)}; round {self.round}, {self.moved[:16].replace('T', ' ')})"
        if self.next:
            first += f". Next: {self.next}"
        return "\n".join([first, *(f"  - {one}" for one in (*self.problems, *self.said))])


def submit(
    output: Any,
    *,
    name: str | None = None,
    context: dict[str, Any],
    queries: Sequence[Any] = (),
    request: str | None = None,
    connection: Connection | None = None,
) -> Submission:
    """Submit a table of counts (an Arrow, polars or pandas table, CSV text, or the path of a file), or several files.

    Several: a list of paths, and of (name, table); they pass together or not at all. A CSV is a table of counts;
    figures, reports and code are looked into by the inspector of their type. name: the file's name, if it is one.
    context: `purpose`, `description`, `count_column` and what else the project's disclosure profile asks for; under
    `files`, by name, what is said of each file that is no table: its `description`, and under `counts` the tables with
    the people behind it. queries: the results of `haven.sql` that the tables were made from, or their queries' numbers:
    their cells are then held against what was counted behind them. request: the number of one that came back, which
    goes on with these files as its next round. The check runs at once. Raises Refused.
    """
    if queries:
        context = {**context, "queries": [query_of(one) for one in queries]}
    if name is not None:
        output = [(name, output)]
    files = [_file(*_named(one)) for one in (output if isinstance(output, list) else [output])]
    if sum(len(content) for _, content in files) > MOST_TOGETHER:
        raise HavenClientError(f"These files are more than {MOST_TOGETHER // 1024**2} MB together: submit fewer.")
    told = [{"name": one, "content_base64": base64.b64encode(content).decode("ascii")} for one, content in files]
    body: dict[str, Any] = {"files": told, "context": context}
    if request is not None:
        body["request"] = request
    return _submission((connection or Connection()).ask("POST", "/v1/releases", body))


def submissions(connection: Connection | None = None) -> list[Submission]:
    """Your project's requests and their states."""
    answer = (connection or Connection()).ask("GET", "/v1/releases")
    return [_submission(one) for one in answer["requests"]]


def _submission(answer: dict[str, Any]) -> Submission:
    return Submission(
        answer["id"],
        answer["state"],
        list(answer["problems"]),
        [one["name"] for one in answer["files"]],
        answer["round"],
        answer["whose_turn"],
        answer["moved"],
        _said(answer),
    )


def _said(answer: dict[str, Any]) -> list[str]:
    """What people wrote of this round, and why it is where it is."""
    verdicts = [one for one in answer["verdicts"] if one["round"] == answer["round"] and one["comment"]]
    found = [f"{one['by'].partition(':')[2]}: {one['comment']}" for one in verdicts]
    last = answer["moves"][-1]["reason"] if answer["moves"] else None
    return found + [one for one in (last, answer["held"]) if one and not any(one in known for known in found)]


def _named(one: Any) -> tuple[str, Any]:
    if isinstance(one, tuple) and len(one) == 2:
        return one
    if isinstance(one, Path) or (isinstance(one, str) and "\n" not in one):
        return Path(one).name, one
    raise HavenClientError("Give a table its file's name: name='table.csv', or in a list ('table.csv', table).")


def _file(name: str, output: Any) -> tuple[str, bytes]:
    content = _content(output)
    if len(content) > MOST_BYTES:
        raise HavenClientError(f"{name} is larger than {MOST_BYTES // 1024**2} MB: submit less of it.")
    return name, content


def _content(table: Any) -> bytes:
    if isinstance(table, bytes):
        return table
    if isinstance(table, Path) or (isinstance(table, str) and "\n" not in table):
        with Path(table).open("rb") as file:
            return file.read(MOST_BYTES + 1)  # of a larger one enough to tell
    if isinstance(table, str):
        return table.encode()
    if hasattr(table, "write_csv"):  # polars
        return str(table.write_csv()).encode()
    if hasattr(table, "to_csv"):  # pandas
        return str(table.to_csv(index=False)).encode()
    if hasattr(table, "schema"):  # pyarrow
        from pyarrow import csv

        out = io.BytesIO()
        csv.write_csv(table, out)
        return out.getvalue()
    raise HavenClientError(
        "submit takes an Arrow, polars or pandas table, CSV text, the path of a file, or a list of files."
    )
