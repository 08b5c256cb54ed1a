"""What a researcher reads of a request: its file and round, whose turn it is, and why it came back."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from haven.errors import HavenClientError
from haven.outputs import submissions, submit

from audit.model import person
from environments.airlock.states import ReleaseState
from environments.airlock.web import as_data
from tests.fakes.airlock import CARA, DEV, World

ASHA = person("asha")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An airlock of a project."""
    found = World(tmp_path)
    yield found
    found.close()


class _Door:
    """Answers as the airlock's routes do; keeps what it was sent."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sent: list[Any] = []

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        if method == "GET":
            return {"requests": [as_data(one) for one in self.world.airlock.list(viewer=ASHA)]}
        self.sent.append(body)
        return as_data(self.world.airlock.list(viewer=ASHA)[0])


def test_why_it_came_back_is_told(world: World) -> None:
    """The checkers' words, once both verdicts are in; before that nobody's. The next round names the request."""
    request, door = world.submitted(), _Door(world)
    told: Any = door
    world.airlock.decide(request, False, "Say which year it is.", by=CARA)
    (seen,) = submissions(told)
    assert (seen.state, seen.said, seen.round, seen.next) == ("checking", [], 1, "output checkers, blind to each other")
    world.airlock.decide(request, True, "", by=DEV)
    world.airlock.consolidate(request, ReleaseState.RETURNED, "We agreed: the year is missing.", by=CARA)
    (seen,) = submissions(told)
    assert seen.state == "returned"
    assert seen.said == ["cara: Say which year it is.", "We agreed: the year is missing."]
    assert seen.files[0] in repr(seen)
    assert "We agreed: the year is missing." in repr(seen)
    submit("age,people\n1,10\n", name="t.csv", context={}, request=seen.id, connection=told)
    assert door.sent[0]["request"] == request


def test_several_files_go_together(tmp_path: Path, world: World) -> None:
    """Paths, and tables with their names; as they are, each under its own name."""
    world.submitted()
    door: Any = _Door(world)
    drawn, text = tmp_path / "figure.png", tmp_path / "notes.txt"
    drawn.write_bytes(b"\x89PNG")
    text.write_bytes(b"One\nline\n")
    table = pl.DataFrame({"age": ["0-39"], "people": ["120"]})
    submit([("t.csv", table), drawn, str(text)], context={"x": 1}, connection=door)
    told = [(one["name"], base64.b64decode(one["content_base64"])) for one in door.sent[0]["files"]]
    assert told == [("t.csv", b"age,people\n0-39,120\n"), ("figure.png", b"\x89PNG"), ("notes.txt", b"One\nline\n")]
    submit(text, context={}, connection=door)
    assert [one["name"] for one in door.sent[1]["files"]] == ["notes.txt"]


def test_what_cannot_be_sent_is_said_before_it_is(tmp_path: Path, world: World) -> None:
    """A table without a name, a file or files that are too large: a sentence, and nothing is asked."""
    door: Any = _Door(world)
    large, files = tmp_path / "large.png", []
    with large.open("wb") as file:
        file.truncate(1024**3)
    for number in range(2):
        files.append(tmp_path / f"{number}.png")
        files[-1].write_bytes(bytes(12 * 1024**2))
    table = pl.DataFrame({"age": ["0-39"]})
    for output, word in ((table, "name="), ([table], "name="), ("a,b\n1,2\n", "name="), (large, "16 MB"),
                         (files, "together"), (7, "name=")):  # fmt: skip
        with pytest.raises(HavenClientError, match=word):
            submit(output, context={}, connection=door)
    with pytest.raises(HavenClientError, match="list of files"):
        submit(7, name="t.csv", context={}, connection=door)
    assert door.sent == []
