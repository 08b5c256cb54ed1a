"""What a researcher reads of a request: its file and round, whose turn it is, and why it came back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
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
