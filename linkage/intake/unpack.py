"""Is it safe to unpack this archive? Plain files side by side only, within a size; anything else is refused whole.

An archive's own claims about sizes are not believed: bytes are counted as they come out.
"""

from __future__ import annotations

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from linkage.intake.manifest import MANIFEST
from linkage.intake.reasons import Fault

LARGEST_RATIO, RATIO_APPLIES_FROM = 250, 256 * 1024 * 1024
MOST_ENTRIES = 1000
COPY_BLOCK = 1024 * 1024
WORK = "unpacked-"
DAMAGE = (zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


@contextmanager
def delivery_folder(path: Path, work: Path) -> Iterator[Path]:
    """The folder of a delivery; an archive is unpacked below `work` (private) and removed afterwards. Raises Fault."""
    if path.is_symlink() or not path.exists():
        raise Fault("delivery.not_found")
    if path.is_dir():
        yield path
        return
    unpack = _unpacker(path)
    target = work / f"{WORK}{path.stat().st_ino}"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(mode=0o700)
    try:
        unpack(path, target)
        yield target
    finally:
        shutil.rmtree(target, ignore_errors=True)


def remove_leftovers(work: Path) -> None:
    """Remove what a killed receipt had unpacked."""
    for folder in work.glob(f"{WORK}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _unpacker(path: Path) -> Callable[[Path, Path], None]:
    name = path.name.lower()
    if not path.is_file():
        raise Fault("delivery.form")
    if name.endswith(".zip"):
        return _unpack_zip
    if name.endswith((".tar", ".tar.gz", ".tgz")):
        return _unpack_tar
    raise Fault("delivery.form")


def _unpack_zip(path: Path, target: Path) -> None:
    budget = _Budget(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [info for info in archive.infolist() if not info.is_dir()]
            for info in entries:
                kind = stat.S_IFMT(info.external_attr >> 16)
                if kind not in {0, stat.S_IFREG}:
                    raise Fault("archive.unsafe")
                if info.flag_bits & 1:
                    raise Fault("archive.encrypted")
            names = _flat_names([info.filename for info in entries])
            for info, name in zip(entries, names, strict=True):
                with archive.open(info) as source:
                    _copy(source, target / name, budget)
    except (*DAMAGE, zipfile.BadZipFile, NotImplementedError) as error:
        raise _damaged(error) from None


def _unpack_tar(path: Path, target: Path) -> None:
    budget = _Budget(path)
    try:
        with tarfile.open(path, "r:*") as archive:
            entries: list[tarfile.TarInfo] = []
            for member in archive:
                if not (member.isreg() or member.isdir()) or len(entries) > MOST_ENTRIES:
                    raise Fault("archive.unsafe")
                entries += [member] if member.isreg() else []
                budget.claim(member.size)
            budget = _Budget(path)
            for member, name in zip(entries, _flat_names([member.name for member in entries]), strict=True):
                source = archive.extractfile(member)
                if source is None:
                    raise Fault("archive.damaged")
                with source:
                    _copy(source, target / name, budget)
    except (*DAMAGE, tarfile.TarError) as error:
        raise _damaged(error) from None


def _damaged(error: Exception) -> Exception:
    """The archive's fault; but a full disk, or any error of the system with its number, is the haven's."""
    return error if isinstance(error, OSError) and error.errno else Fault("archive.damaged")


def _flat_names(names: list[str]) -> list[str]:
    """Each entry's own name, when all lie side by side in one folder. Raises Fault otherwise."""
    paths = [PurePosixPath(name.replace("\\", "/")) for name in names]
    unsafe = any(path.is_absolute() or ".." in path.parts or not path.name for path in paths)
    flat = [path.name for path in paths]
    folders = {path.parent for path in paths}
    if unsafe or len(folders) > 1 or len(names) > MOST_ENTRIES or len({n.casefold() for n in flat}) < len(flat):
        raise Fault("archive.unsafe")
    if MANIFEST not in flat:
        raise Fault("manifest.missing")
    return flat


class _Budget:
    """How many bytes may still come out of an archive."""

    def __init__(self, path: Path) -> None:
        self.left = max(RATIO_APPLIES_FROM, path.stat().st_size * LARGEST_RATIO)

    def claim(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise Fault("archive.too_large")


def _copy(source: IO[bytes], target: Path, budget: _Budget) -> None:
    with target.open("xb") as out:
        while block := source.read(COPY_BLOCK):
            budget.claim(len(block))
            out.write(block)
