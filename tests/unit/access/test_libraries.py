"""What is loaded into a process that holds keys: only what root or the process's own account can change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from access.keys import KeyRing
from access.keys.errors import RootUnavailable
from access.keys.files import changeable_by_others
from linkage.errors import ZoneUnsafe
from linkage.zones import ZonePlan, Zones


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A file that stands for a library, in two folders of this account's own."""
    file = tmp_path / "lib" / "maker" / "token.so"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    for place in (file.parent.parent, file.parent, file):
        place.chmod(0o755)
    return file


def test_what_root_or_this_account_owns_will_do(library: Path) -> None:
    """Owned by this account or root all the way up; what is not there is an error."""
    assert changeable_by_others(library) is None
    assert changeable_by_others(Path("/bin/sh")) is None
    with pytest.raises(FileNotFoundError):
        changeable_by_others(library.with_name("none.so"))


@pytest.mark.parametrize("which", [0, 1, 2], ids=["file", "folder", "folder above"])
@pytest.mark.parametrize("mode", [0o775, 0o777], ids=["group", "all"])
def test_what_others_can_write_is_named(library: Path, which: int, mode: int) -> None:
    """The file, its folder or one above: each is told by its place; with the sticky bit a folder will do."""
    place = (library, *library.parents)[which]
    place.chmod(mode)
    assert changeable_by_others(library) == place
    if which:
        place.chmod(mode | 0o1000)
        assert changeable_by_others(library) is None


def test_a_link_is_looked_at_on_both_sides(library: Path, tmp_path: Path) -> None:
    """Whoever can put another link in its place, or change where it leads, is told."""
    folder = tmp_path / "named"
    folder.mkdir(mode=0o755)
    (folder / "token.so").symlink_to(library)
    assert changeable_by_others(folder / "token.so") is None
    folder.chmod(0o777)
    assert changeable_by_others(folder / "token.so") == folder
    folder.chmod(0o755)
    library.chmod(0o666)
    assert changeable_by_others(folder / "token.so") == library


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_accounts_library_is_not_loaded(library: Path) -> None:
    """Though nobody else can write it, its owner can."""
    os.chown(library, 65534, 65534)
    assert changeable_by_others(library) == library


def test_no_zone_loads_an_extension_that_others_can_change(library: Path, tmp_path: Path) -> None:
    """It is refused before it is loaded, with the place and how to mend it."""
    library.parent.chmod(0o777)
    home = tmp_path / "home"
    plan = ZonePlan(home / "l", home / "r", home / "i", duckdb_httpfs=library)
    with (
        pytest.raises(ZoneUnsafe, match="Others can change") as refused,
        Zones(plan, KeyRing.open(home / "k")).linkage(),
    ):
        pass
    assert f"chmod go-w {library.parent}" in str(refused.value.mend)


def test_no_token_is_opened_through_a_library_that_others_can_change(library: Path, tmp_path: Path) -> None:
    """Nor is the PIN read: whoever can change the library would have it."""
    pytest.importorskip("pkcs11")
    from access.keys.roots.hardware import HardwareRoot

    library.chmod(0o666)
    root = HardwareRoot(library, "token", "label", tmp_path / "no pin")
    with pytest.raises(RootUnavailable, match="Others can change"):
        root.make()
    with pytest.raises(RootUnavailable, match="cannot be used"):
        HardwareRoot(tmp_path / "none.so", "token", "label", tmp_path / "no pin").make()
