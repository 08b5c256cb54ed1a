"""The line that a query shows while it runs: not for a short one, one place for a long one, and nothing left behind."""

from __future__ import annotations

import io
import sys
import threading
from types import SimpleNamespace

import pyarrow as pa
import pytest
from haven import progress
from haven.progress import Shown, shown_progress


class Watched:
    """A place that keeps what it is shown."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.last: str | None = None
        self.changed = threading.Event()

    def change(self, line: str) -> None:
        """Keep the line."""
        self.lines.append(line)
        self.changed.set()

    def finish(self, line: str) -> None:
        """Keep the last word."""
        self.last = line


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Where the next query shows its progress, at once."""
    place = Watched()
    monkeypatch.setattr(progress, "_where", lambda _: place)
    monkeypatch.setattr(progress, "FIRST_SECONDS", 0.001)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN", 0.001)
    return place


def test_a_running_query_says_how_long_and_how_much(watched: Watched) -> None:
    """First the seconds alone, then rows and bytes; the last word has them all."""
    batch = pa.record_batch({"n": list(range(1000))})
    with shown_progress(None) as shown:
        assert watched.changed.wait(10)
        assert watched.lines[0].startswith("Running for 0 s")
        assert shown.came(batch) is batch
        shown.came(batch)
    assert watched.last is not None
    assert watched.last.startswith("2,000 rows, 0.0 MiB")


def test_a_short_query_shows_nothing(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends within the first second leaves no line."""
    monkeypatch.setattr(progress, "FIRST_SECONDS", 3600.0)
    with shown_progress(None):
        pass
    assert watched.lines == []


def test_a_query_that_fails_ends_its_line(watched: Watched) -> None:
    """The thread that shows it ends with the query, whatever happens in it."""
    with pytest.raises(RuntimeError), shown_progress(None):
        raise RuntimeError
    assert watched.last is not None
    assert not [one for one in threading.enumerate() if getattr(one, "_target", None) == Shown.run]


def test_a_terminal_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is written over itself, and goes at the end."""
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    place = progress._where(True)
    place.change("Running")
    place.finish("done")
    assert screen.getvalue() == "\rRunning\x1b[K\r\x1b[K"


@pytest.mark.parametrize(("wanted", "kind"), [(False, "_Nowhere"), (None, "_Nowhere"), (True, "_Terminal")])
def test_nobody_is_shown_what_nobody_sees(wanted: bool | None, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Output that goes to a file or a program has no progress in it unless that is asked for."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert type(progress._where(wanted)).__name__ == kind


def test_a_notebook_has_one_output_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line makes the output, the others change it."""
    told: list[str] = []

    class Output:
        def update(self, content: dict[str, str], raw: bool) -> None:
            assert raw
            told.append("changed: " + content["text/plain"])

    def display(content: dict[str, str], raw: bool, display_id: bool) -> Output:
        assert raw
        assert display_id
        told.append("made: " + content["text/plain"])
        return Output()

    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=object))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    place = progress._where(None)
    for line in ("a", "b"):
        place.change(line)
    place.finish("c")
    assert told == ["made: a", "changed: b", "changed: c"]
