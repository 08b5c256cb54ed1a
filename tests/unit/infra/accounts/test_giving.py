"""Root gives a tree to an account that may change it meanwhile: nothing outside the tree is ever given away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.accounts.install import _move_reports, _own, _settings_are_roots
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


@pytest.mark.parametrize("kind", ["file", "nothing"])
def test_the_settings_become_roots_and_are_made_where_there_are_none(tmp_path: Path, kind: str) -> None:
    """What stood in them stays; readable to all, and root's to write."""
    toml = tmp_path / "haven.toml"
    if kind == "file":
        toml.write_text("# ours", encoding="utf-8")
        os.chown(toml, SOMEBODY, SOMEBODY)
    _settings_are_roots(toml)
    found = toml.lstat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (0, 0, 0o644)
    assert toml.read_text(encoding="utf-8") == ("# ours" if kind == "file" else "")


@pytest.mark.parametrize("there", [True, False])
def test_settings_that_are_a_link_give_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    """Also where it was put there after it was looked for: its target is neither made, nor given, nor opened to all."""
    toml, target = tmp_path / "haven.toml", tmp_path / "target"
    if there:
        target.touch(0o600)
        os.chown(target, SOMEBODY, SOMEBODY)
    toml.symlink_to(target)
    monkeypatch.setattr(Path, "is_symlink", lambda _: False)
    with pytest.raises(AccountsError, match="are a link"):
        _settings_are_roots(toml)
    assert target.exists() is there
    if there:
        assert (target.stat().st_uid, target.stat().st_mode & 0o777) == (SOMEBODY, 0o600)


@pytest.mark.parametrize("which", ["from", "to", "above to"])
def test_reports_are_moved_through_no_link(tmp_path: Path, which: str) -> None:
    """A link in the place of either folder ends the installation; nothing comes from outside, nothing goes there."""
    settings, outside = load_settings(tmp_path), tmp_path / "outside"
    outside.mkdir()
    ours = settings.intake_folder
    (outside if which == "from" else ours).joinpath("reports", "one").mkdir(parents=True)
    link = {"from": ours, "to": settings.delivery_reports_folder, "above to": settings.reports_folder}[which]
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(outside)
    before = sorted(tmp_path.rglob("one"))
    with pytest.raises(AccountsError, match="changes while"):
        _move_reports(settings)
    assert sorted(tmp_path.rglob("one")) == before
