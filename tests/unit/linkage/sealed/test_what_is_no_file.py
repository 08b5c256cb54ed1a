"""What lies where a sealed delivery should lie is opened once, as a file, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from access.keys import KeyRing
from linkage.intake.reasons import Fault
from linkage.sealed.door import AGE_HEADER, SealedDoor, is_sealed


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "nothing"])
def test_what_is_no_file_is_neither_sealed_nor_waited_for(tmp_path: Path, kind: str) -> None:
    """A pipe without a writer would hold the intake for ever; a link could lead anywhere."""
    path = tmp_path / "delivery.age"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        (tmp_path / "other.age").write_bytes(AGE_HEADER)
        path.symlink_to(tmp_path / "other.age")
    elif kind == "folder":
        path.mkdir()
    assert not is_sealed(path)
    door = SealedDoor(KeyRing.open(tmp_path / "keys"))
    with pytest.raises(Fault) as refused, door.opened(path, tmp_path / "work"):
        pass
    assert refused.value.code == "delivery.not_found"
