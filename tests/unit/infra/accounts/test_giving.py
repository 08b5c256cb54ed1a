"""Root gives a tree to an account that may change it meanwhile: nothing outside the tree is ever given away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.accounts.install import _own
from infra.accounts.layout import PARTS, Accounts, AccountsError
from infra.settings import load_settings

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
SOMEBODY = 54321


def test_a_tree_is_given_but_no_link_is_followed_and_no_folder_of_the_table(tmp_path: Path) -> None:
    """Files, folders and links themselves are given; what a link points to and what is left out stay root's."""
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    for folder in (tree / "in", tree / "kept", outside):
        folder.mkdir(parents=True)
    (tree / "in" / "file").touch()
    (outside / "file").touch()
    (tree / "in" / "link").symlink_to(outside)
    _own(tree, SOMEBODY, SOMEBODY, {tree / "kept"})
    given = [tree, tree / "in", tree / "in" / "file", tree / "in" / "link"]
    assert {path.lstat().st_uid for path in given} == {SOMEBODY}
    assert {path.stat().st_uid for path in (tree / "kept", outside, outside / "file")} == {0}


def test_a_link_swapped_in_meanwhile_gives_nothing_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that becomes a link just before it is opened ends the installation; the link's target stays root's."""
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    (tree / "in").mkdir(parents=True)
    outside.mkdir()
    (outside / "file").touch()
    opened = os.open

    def swapped(path: object, flags: int, *rest: int, dir_fd: int | None = None) -> int:
        if path == "in":
            (tree / "in").rmdir()
            (tree / "in").symlink_to(outside)
        return opened(path, flags, *rest, dir_fd=dir_fd)  # type: ignore[arg-type]

    monkeypatch.setattr("infra.accounts.install.os.open", swapped)
    with pytest.raises(AccountsError, match="changes while"):
        _own(tree, SOMEBODY, SOMEBODY, set())
    assert {path.stat().st_uid for path in (outside, outside / "file")} == {0}


def test_the_file_of_accounts_is_written_through_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link put in the draft's place after it was cleared is refused, and its target stays as it was."""
    settings, target = load_settings(tmp_path), tmp_path / "target"
    target.write_text("as it was", encoding="utf-8")
    settings.accounts_file.with_suffix(".part").symlink_to(target)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    with pytest.raises(FileExistsError):
        Accounts(dict.fromkeys(PARTS, "one")).write(settings)
    assert target.read_text(encoding="utf-8") == "as it was"
