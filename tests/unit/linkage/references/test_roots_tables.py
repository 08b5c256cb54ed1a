"""Where accounts are apart, only root says whose NHS number took another's place."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import Mock

import pytest

from linkage.references.door import LOAD, LoadedReference, ReferencesAtTheDoor
from linkage.references.errors import ReferenceRefused
from linkage.separation.ports import Asker

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
KIND, SOMEBODY = "superseded-nhs-numbers", 54321


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of root's in a folder of root's."""
    path = tmp_path / "zones" / "table.csv"
    path.parent.mkdir(mode=0o755)
    path.touch(0o640)
    return path


def _asked(path: Path) -> Mock:
    here = Mock()
    here.load.return_value = LoadedReference(KIND, 1, "digest", 1, {})
    told = {"kind": KIND, "path": str(path), "at": "2026-11-26T12:00:00", "by": "person:daria"}
    ReferencesAtTheDoor(here).do(LOAD, Asker.ORCHESTRATOR, told, iter(()))
    return here


def test_roots_table_is_read_from_where_it_really_is(table: Path, tmp_path: Path) -> None:
    """Named by a link, the file itself is read, so that the link cannot be turned to another meanwhile."""
    (tmp_path / "link.csv").symlink_to(table)
    assert _asked(table).load.call_args.args[1] == table.resolve()
    assert _asked(tmp_path / "link.csv").load.call_args.args[1] == table.resolve()


@pytest.mark.parametrize("spoil", ["file's owner", "folder's owner", "file's mode", "folder's mode", "folder", "gone"])
def test_a_table_that_another_account_could_have_written_is_refused(table: Path, spoil: str) -> None:
    """Its owner, its mode and those of the folders above it count; the mend is a command for root."""
    place = table if spoil.startswith("file") else table.parent
    if spoil == "gone":
        table.unlink()
    elif spoil.endswith("owner"):
        os.chown(place, SOMEBODY, SOMEBODY)
    elif spoil.endswith("mode"):
        place.chmod(0o775)
    with pytest.raises(ReferenceRefused, match="root's alone") as refused:
        _asked(place if spoil == "folder" else table)
    assert "install -m 0640 -g haven-intake" in str(refused.value.mend)
