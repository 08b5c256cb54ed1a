"""A haven's own folders: private to its account, wherever they lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.settings import SettingsError
from infra.wiring.haven import Haven


def _far(tmp_path: Path) -> Path:
    """A home whose path is too long for sockets, which then lie in the folder for temporary files."""
    return tmp_path / ("deep" * 30)


def test_a_socket_folder_that_was_left_open_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another account may make folders beside it: what is ours is made private before it is used."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = Haven.at(_far(tmp_path)).settings.run_folder
    assert folder.parent == tmp_path
    folder.chmod(0o777)
    Haven.at(_far(tmp_path))
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_link_laid_in_its_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lays a link there would hear what services say to each other."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = Haven.at(_far(tmp_path)).settings.run_folder
    folder.rmdir()
    (tmp_path / "theirs").mkdir()
    folder.symlink_to(tmp_path / "theirs")
    with pytest.raises(SettingsError, match="belongs to another account, or is a link"):
        Haven.at(_far(tmp_path))


def test_every_folder_that_a_new_home_has_is_closed_to_others(tmp_path: Path) -> None:
    """Whatever the account's mask allows: what is put into them later lies in folders of this account only."""
    home = tmp_path / "home"
    before = os.umask(0o022)
    try:
        Haven.at(home)
    finally:
        os.umask(before)
    folders = [home, *(path for path in home.rglob("*") if path.is_dir())]
    assert len(folders) > 3
    assert [str(path) for path in folders if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("named", [True, False])
def test_workspaces_are_pods_only_where_the_hub_is_somebody_in_the_cluster(tmp_path: Path, named: bool) -> None:
    """With a kubeconfig the hub is told the cluster and this haven's folders of sockets; without one, of no cluster."""
    home = tmp_path / "home"
    home.mkdir()
    kubeconfig = 'kubeconfig = "/etc/haven/kubeconfig"\n' if named else ""
    (home / "haven.toml").write_text(
        '[workspaces.cluster]\nimage = "x"\nnode = "n"\naccount = 1\nstorage_class = "s"\n' + kubeconfig,
        encoding="utf-8",
    )
    haven = Haven.at(home)
    place, run = haven.hub_place, haven.settings.run_folder
    assert place.kubeconfig == (Path("/etc/haven/kubeconfig") if named else None)
    told = {"image": "x", "node": "n", "account": 1, "storage_class": "s", "namespace": "haven-workspaces",
            "environment": "/opt/haven/environments/workspace", "processors": 2.0, "most_workspaces": 20,
            "doors": str(run / "doors"), "servers": str(place.run),
            "imports": str(home / "imports"), "packages": str(home / "packages")}  # fmt: skip
    assert place.cluster == (told if named else None)
