"""What commands write where a person says: whole or not at all, so that the same command can be run again."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from access.errors import AccessError
from infra.cli.common import write_new
from infra.cli.main import asked_for
from infra.settings import ROOT
from linkage.errors import NoRoom
from tests.fakes.little_disk import no_file_above

FILES = [str(ROOT / "docs" / "examples" / "linkage" / name) for name in ("left.csv", "right.csv")]
TRUTH = ["--truth", str(ROOT / "docs" / "examples" / "linkage" / "truth.csv")]


@pytest.mark.parametrize(
    ("command", "option", "name"),
    [
        (["spec", *FILES], "--out", "people.yaml"),
        (["files", *FILES], "--out", "links.csv"),
        (["evaluate", *FILES, *TRUTH], "--save-model", "model.json"),
        (["evaluate", *FILES, *TRUTH], "--report", "page.html"),
    ],
)
def test_no_half_file_is_left(tmp_path: Path, command: list[str], option: str, name: str) -> None:
    """The sentence names the file; with room again the same command writes all of it."""
    path = tmp_path / name
    words = ["linkage", *command, option, str(path)]
    with no_file_above(50):
        full = CliRunner().invoke(asked_for(["linkage"]), words)
    assert isinstance(full.exception, NoRoom), full.output
    assert (full.exception.where, full.exception.mend) == (str(path), "Make room there, and run it again.")
    assert list(tmp_path.iterdir()) == []
    again = CliRunner().invoke(asked_for(["linkage"]), words)
    assert again.exit_code == 0, again.output
    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert path.stat().st_size > 50


def test_what_may_be_written_once_can_be_tried_again(tmp_path: Path) -> None:
    """A round's file and its like: nothing under its name after a full disk, and nothing written over."""
    path = tmp_path / "deaths.round"
    with no_file_above(10), pytest.raises(AccessError, match="cannot be written") as told:
        write_new(path, b"x" * 100)
    assert "Make room there" in str(told.value.mend)
    assert not path.exists()
    write_new(path, b"x" * 100)
    with pytest.raises(AccessError, match="cannot be made"):
        write_new(path, b"y")
    assert path.read_bytes() == b"x" * 100
