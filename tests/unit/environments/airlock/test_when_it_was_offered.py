"""Since when a request holds what it holds: the day of each file's content, not of its round."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from environments.airlock.model import Gate, ReleaseFile, ReleaseRequest
from environments.airlock.states import ReleaseState

DAY = datetime(2026, 11, 2, tzinfo=UTC)


def _file(name: str, round_: int, content: str) -> ReleaseFile:
    at = DAY + timedelta(days=round_)
    return ReleaseFile(f"{name}{round_}", round_, name, "sha", content, 1, "asha", {}, (), at)


def _request(round_: int, *files: ReleaseFile) -> ReleaseRequest:
    return ReleaseRequest(
        id="r", project="p", gate=Gate.TO_RESEARCHER, recipient=None, state=ReleaseState.SUBMITTED,
        author="person:asha", round=round_, profile="x", scope_version=1, members=frozenset(), checkers=frozenset(),
        vetoes=frozenset(), held=None, created=DAY, moved=DAY, every_file=files,
    )  # fmt: skip


def test_what_is_offered_again_unchanged_is_as_old_as_before() -> None:
    """A retry, or the same table in a later round, was made when it was first offered; a changed one was not."""
    first = _file("a", 1, "one")
    assert _request(2, first, _file("a", 2, "one")).offered == first.at
    assert _request(2, first, _file("a", 2, "two")).offered == DAY + timedelta(days=2)
    assert _request(3, first, _file("a", 3, "one"), _file("b", 3, "new")).offered == DAY + timedelta(days=3)
    assert replace(_request(1, first, _file("a", 2, "one")), round=1).offered == first.at
