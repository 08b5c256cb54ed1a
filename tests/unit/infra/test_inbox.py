"""The inbox: opaque ids in, nothing that names a person in a flow's parameters."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.inbox import Inbox, UnknownBatch


def test_a_staged_delivery_has_an_opaque_id(tmp_path: Path) -> None:
    """The id says nothing of the path, and the same path keeps its id while it waits."""
    inbox = Inbox(tmp_path / "inbox")
    delivery = tmp_path / "smith-jane"
    delivery.mkdir()
    batch = inbox.stage(delivery)
    assert "smith" not in batch
    assert inbox.stage(delivery) == batch
    assert inbox.path_of(batch) == delivery


def test_finishing_empties_only_the_inbox(tmp_path: Path) -> None:
    """What lies in the inbox is removed when it is in the haven; a path staged by hand is left."""
    inbox = Inbox(tmp_path / "inbox")
    inside, outside = inbox.folder / "gp" / "week-1", tmp_path / "elsewhere"
    for folder in (inside, outside):
        folder.mkdir(parents=True)
    assert len(inbox.waiting("gp")) == 1
    inbox.finish(inbox.waiting("gp")[0])
    inbox.finish(inbox.stage(outside))
    assert not inside.exists()
    assert outside.exists()
    assert inbox.waiting("gp") == []


@pytest.mark.parametrize("batch", ["0" * 32, "../../etc/passwd", ""])
def test_an_unknown_id_is_refused(tmp_path: Path, batch: str) -> None:
    """An id that nobody staged, or that is no id, is an error."""
    with pytest.raises(UnknownBatch):
        Inbox(tmp_path).path_of(batch)
