"""May an archive's headers take all memory, or lead astray? None is read that is larger than any."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from linkage.intake.hidden import HiddenFile
from linkage.intake.manifest import MANIFEST
from linkage.intake.reasons import Fault
from linkage.intake.unpack import opened_delivery
from tests.fakes.little_memory import MEGABYTE, done_in_little_memory

LONG = 150 * MEGABYTE


def _member(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.type = size, kind
    return entry.tobuf(tarfile.GNU_FORMAT)


def _of_header(kind: bytes) -> Callable[[Path], Path]:
    """A .tar.gz of little more than one header that goes on for hundreds of megabytes."""

    def make(folder: Path) -> Path:
        path = folder / "bomb.tar.gz"
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.write(_member("x", LONG, kind))
            for _ in range(LONG // MEGABYTE):
                file.write(bytes(MEGABYTE))
        return path

    return make


def _chained(folder: Path) -> Path:
    """Headers that each say: another follows."""
    path = folder / "chain.tar.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(20_000):
            file.write(_member("x", 512, tarfile.XHDTYPE) + b"12 path=aaa\n".ljust(512, b"\0"))
    return path


def _backwards(folder: Path) -> Path:
    """A size below nought."""
    header = bytearray(_member("x"))
    header[124:136] = b"\xff" * 11 + b"\x00"
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    path = folder / "backwards.tar"
    path.write_bytes(bytes(header) + bytes(10_240))
    return path


def _sparse(folder: Path) -> Path:
    path = folder / "sparse.tar"
    path.write_bytes(_member("x", 0, tarfile.GNUTYPE_SPARSE) + bytes(10_240))
    return path


def _long_directory(folder: Path) -> Path:
    """A .zip whose directory alone is many megabytes."""
    path = folder / "names.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(30_000):
            archive.writestr(f"{number:060d}", b"")
    return path


def _many_folders(folder: Path) -> Path:
    path = folder / "folders.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(_member("x/", 0, tarfile.DIRTYPE) * 5_000)
    return path


BOMBS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "a pax header of hundreds of megabytes": ("archive.too_large", _of_header(tarfile.XHDTYPE)),
    "a global pax header": ("archive.too_large", _of_header(tarfile.XGLTYPE)),
    "a GNU long name": ("archive.too_large", _of_header(tarfile.GNUTYPE_LONGNAME)),
    "a GNU long link": ("archive.too_large", _of_header(tarfile.GNUTYPE_LONGLINK)),
    "headers without end": ("archive.damaged", _chained),
    "a negative size": ("archive.unsafe", _backwards),
    "a sparse file": ("archive.unsafe", _sparse),
    "a .zip's directory of megabytes": ("archive.too_large", _long_directory),
    "folders without end": ("archive.unsafe", _many_folders),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_header_without_measure_is_refused(bomb: str, tmp_path: Path) -> None:
    """Whatever the header is for, it is refused with its reason before it is read."""
    code, make = BOMBS[bomb]
    path = make(tmp_path)
    with pytest.raises(Fault) as refused, opened_delivery(path, tmp_path):
        pass
    assert refused.value.code == code


def test_a_long_name_of_hundreds_of_megabytes_takes_no_memory(tmp_path: Path) -> None:
    """A few megabytes that unpack to a name of 150 are refused in little memory."""
    path = _of_header(tarfile.XHDTYPE)(tmp_path)
    prepared = (
        "from pathlib import Path\nfrom linkage.intake.unpack import opened_delivery\n"
        "from linkage.intake.reasons import Fault\n"
    )
    work = (
        f"try:\n    with opened_delivery(Path({str(path)!r}), Path({str(tmp_path)!r})): pass\n"
        "except Fault as fault: print(fault.code)"
    )
    assert done_in_little_memory(prepared, work, megabytes=60) == "archive.too_large\n"


def test_a_link_in_place_of_the_delivery_is_not_followed(tmp_path: Path) -> None:
    """Neither to a folder nor to an archive."""
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    with pytest.raises(Fault) as refused, opened_delivery(tmp_path / "link", tmp_path):
        pass
    assert refused.value.code == "delivery.not_found"


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_plain_archive_is_read(mode: str, tmp_path: Path) -> None:
    """A long name in a pax header is no bomb."""
    path, name = tmp_path / ("x.tar.gz" if mode == "w:gz" else "x.tar"), "ü" * 150
    with tarfile.open(path, mode, format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
        for one in (MANIFEST, name):
            entry = tarfile.TarInfo(one)
            entry.size = 3
            archive.addfile(entry, io.BytesIO(b"{}\n"))
    with opened_delivery(path, tmp_path) as opened:
        assert opened.manifest() == b"{}\n"
        assert set(opened.entries()) == {MANIFEST, name}


def test_a_hidden_file_reads_as_it_was_written_and_is_nowhere_in_clear(tmp_path: Path) -> None:
    """From every place, in pieces of any size; no file of the folder has a name, and its bytes are noise."""
    content = bytes(range(256)) * 5_000 + b"SURNAME"
    with HiddenFile(tmp_path, "x") as hidden:
        for start in range(0, len(content), 7_777):
            hidden.write(content[start : start + 7_777])
        assert list(tmp_path.iterdir()) == []
        assert hidden.size == len(content)
        with hidden.open() as one, hidden.open() as other:
            assert one.read() == content
            for place in (0, 1, 15, 16, 17, 40_001, len(content) - 3, len(content) + 9):
                other.seek(place)
                assert other.read(21) == content[place : place + 21]
        on_disk = Path(f"/proc/self/fd/{hidden._file.fileno()}").read_bytes()
    assert len(on_disk) == len(content)
    assert b"SURNAME" not in on_disk
    assert content[:64] not in on_disk
