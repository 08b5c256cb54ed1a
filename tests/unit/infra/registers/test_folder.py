"""How do the register's files come to stand in their place? All at once, and never over what is somebody else's."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from infra.registers import folder as places
from infra.registers.folder import PlaceTaken, ensure_place, locked, prepare, switch


def write(place: Path, digest: str, files: dict[str, bytes]) -> None:
    """As the publisher does."""
    with locked(place):
        prepare(place, files)
        switch(place, digest)


def read(place: Path) -> dict[str, bytes]:
    """Every file, by its path below the place."""
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_the_whole_changes_in_one_step(tmp_path: Path) -> None:
    """A reader who opens the place over and over sees one register or the other, never a mixture or a part."""
    place, stop = tmp_path / "register", threading.Event()
    versions = [{"index.html": bytes([n]), "register.json": bytes([n]), "projects/a.html": bytes([n])} for n in (1, 2)]
    write(place, "1" * 64, versions[0])
    seen: list[set[bytes]] = []

    def look() -> None:
        while not stop.is_set():
            with suppress(FileNotFoundError):  # a reader that is two registers late finds nothing, never a mixture
                whole = place.resolve(strict=True)
                seen.append({(whole / name).read_bytes() for name in versions[0]})

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(20):
        write(place, f"{number:064d}", versions[number % 2])
    stop.set()
    reader.join()
    assert seen
    assert all(len(one) == 1 for one in seen)
    assert read(place) == versions[1]


def test_what_is_no_longer_there_is_gone(tmp_path: Path) -> None:
    """A page of a project that is no more part of the register does not stay behind."""
    place = tmp_path / "register"
    write(place, "1" * 64, {"register.json": b"1", "projects/old.html": b"1"})
    write(place, "2" * 64, {"register.json": b"2"})
    assert set(read(place)) == {"register.json"}


def test_old_folders_are_removed_but_the_one_before(tmp_path: Path) -> None:
    """Whoever reads in the one before may go on; older ones go."""
    place = tmp_path / "register"
    for digit in "1234":
        write(place, digit * 64, {"register.json": digit.encode()})
    kept = {path.name for path in tmp_path.iterdir() if path.is_dir() and not path.is_symlink()}
    assert kept == {f".register.{'3' * 16}", f".register.{'4' * 16}"}


def test_something_elses_folder_is_left_alone(tmp_path: Path) -> None:
    """A folder with other files, and a file of that name, are refused and stay as they were."""
    place = tmp_path / "mine"
    place.mkdir()
    (place / "thesis.txt").write_text("years of work")
    with pytest.raises(PlaceTaken):
        write(place, "1" * 64, {"register.json": b"1"})
    assert read(place) == {"thesis.txt": b"years of work"}
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(PlaceTaken):
        write(file, "1" * 64, {"register.json": b"1"})
    assert file.read_text() == "x"


def test_the_releases_of_before_are_taken_over(tmp_path: Path) -> None:
    """A home whose releases lay in a real folder gets a register in its place; the folder is set aside."""
    place = tmp_path / "register"
    place.mkdir()
    (place / "releases.json").write_bytes(b"old")
    write(place, "1" * 64, {"register.json": b"1", "releases.json": b"new"})
    assert place.is_symlink()
    assert read(place) == {"register.json": b"1", "releases.json": b"new"}


def test_a_write_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves the register that stood there, and the next one succeeds over the debris."""
    place = tmp_path / "register"
    write(place, "1" * 64, {"register.json": b"1"})

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(places, "_write", full)
        with pytest.raises(PlaceTaken, match="No space"):
            write(place, "2" * 64, {"register.json": b"2"})
    assert read(place) == {"register.json": b"1"}
    write(place, "2" * 64, {"register.json": b"2"})
    assert read(place) == {"register.json": b"2"}


def test_the_place_is_a_link_from_the_first_day(tmp_path: Path) -> None:
    """Before any register is built the place is there, empty, for the airlock's list; asked again nothing changes."""
    place = tmp_path / "home" / "register"
    ensure_place(place)
    (place / "releases.json").write_bytes(b"{}")
    ensure_place(place)
    assert place.is_symlink()
    assert read(place) == {"releases.json": b"{}"}
