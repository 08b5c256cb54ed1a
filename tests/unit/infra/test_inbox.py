"""The inbox: opaque ids in, nothing that names a person in a flow's parameters."""

from __future__ import annotations

from pathlib import Path

import pytest

from access.people.policies import INBOX_SWEEP
from audit.model import person
from infra.inbox import Inbox, UnknownBatch

DARIA, ASHA = person("daria"), person("asha")


def test_a_staged_delivery_has_an_opaque_id(tmp_path: Path) -> None:
    """The id says nothing of the path, and the same path keeps its id while it waits."""
    inbox = Inbox(tmp_path / "inbox")
    delivery = tmp_path / "smith-jane"
    delivery.mkdir()
    batch = inbox.stage(delivery, by=DARIA)
    assert "smith" not in batch
    assert inbox.stage(delivery, by=DARIA) == batch
    assert inbox.path_of(batch) == delivery


def test_finishing_empties_only_the_inbox(tmp_path: Path) -> None:
    """What lies in the inbox is removed when it is in the haven; a path staged by hand is left."""
    inbox = Inbox(tmp_path / "inbox")
    inside, outside = inbox.folder / "gp" / "week-1", tmp_path / "elsewhere"
    for folder in (inside, outside):
        folder.mkdir(parents=True)
    assert len(inbox.waiting("gp")) == 1
    inbox.finish(inbox.waiting("gp")[0])
    inbox.finish(inbox.stage(outside, by=DARIA))
    assert not inside.exists()
    assert outside.exists()
    assert inbox.waiting("gp") == []


def test_it_is_kept_who_takes_a_delivery_in(tmp_path: Path) -> None:
    """Whoever staged a path last takes it in; what the sweep finds in the inbox, the sweep takes in."""
    inbox = Inbox(tmp_path / "inbox")
    outside, inside = tmp_path / "elsewhere", inbox.folder / "gp" / "week-1"
    for folder in (inside, outside):
        folder.mkdir(parents=True)
    batch = inbox.stage(outside, by=ASHA)
    assert inbox.staged_by(batch) == ASHA
    assert inbox.stage(outside, by=DARIA) == batch
    assert inbox.staged_by(batch) == DARIA
    assert [inbox.staged_by(one) for one in inbox.waiting("gp")] == [INBOX_SWEEP]


def test_a_delivery_that_nobody_is_known_to_have_staged_is_not_taken_in(tmp_path: Path) -> None:
    """An id from before it was kept who staged it is refused, with the way to stage it again."""
    inbox = Inbox(tmp_path / "inbox")
    batch = inbox.stage(tmp_path, by=DARIA)
    (inbox.folder / ".staged" / f"{batch}.json").write_text('{"path": "/"}', encoding="utf-8")
    with pytest.raises(UnknownBatch, match="not known who"):
        inbox.staged_by(batch)


@pytest.mark.parametrize("batch", ["0" * 32, "../../etc/passwd", ""])
def test_an_unknown_id_is_refused(tmp_path: Path, batch: str) -> None:
    """An id that nobody staged, or that is no id, is an error."""
    with pytest.raises(UnknownBatch):
        Inbox(tmp_path).path_of(batch)
