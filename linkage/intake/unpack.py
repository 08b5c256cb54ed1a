"""Is it safe to look into this delivery? Plain files side by side only, within a size; anything else is refused whole.

Opened once, and without following a link: what is looked at is what is read. An archive's own claims about sizes are
not believed: no header is read that is larger than any, and bytes are counted as they come out.
"""

from __future__ import annotations

import errno
import gzip
import io
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from linkage.intake.held import OpenedDelivery
from linkage.intake.hidden import HiddenFile
from linkage.intake.manifest import MANIFEST
from linkage.intake.reasons import Fault

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LARGEST_RATIO, RATIO_APPLIES_FROM = 250, 256 * 1024 * 1024
MOST_ENTRIES = 1000
LARGEST_READ = 512 * 1024
"""Bytes of an archive read at once: a header that is longer is none (1,000 entries of a .zip take a third of it)."""
WORK = "unpacked-"
DAMAGE = (zlib.error, EOFError, OSError, ValueError, RecursionError)
GZIP = b"\x1f\x8b"
CLOSED = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def opened_delivery(path: Path, work: Path) -> Iterator[OpenedDelivery]:
    """A folder or an archive, opened. work: a private folder for copies of what is in it. Raises Fault."""
    try:
        descriptor = os.open(path, CLOSED)
    except OSError:  # nothing there, or a link
        raise Fault("delivery.not_found") from None
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            yield _Folder(descriptor, work)
            return
        name = path.name.lower()
        if not stat.S_ISREG(kind) or not name.endswith((".zip", ".tar", ".tar.gz", ".tgz")):
            raise Fault("delivery.form")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            yield _Zip(file, work) if name.endswith(".zip") else _Tar(file, work)
    finally:
        os.close(descriptor)


@contextmanager
def opened_tar(hidden: HiddenFile, work: Path) -> Iterator[OpenedDelivery]:
    """The .tar that was inside a sealed delivery."""
    with hidden.open() as file:
        yield _Tar(file, work)


def remove_leftovers(work: Path) -> None:
    """Remove what a receipt of an earlier release had unpacked when it was killed; now nothing is."""
    for folder in work.glob(f"{WORK}*"):
        shutil.rmtree(folder, ignore_errors=True)


class _Folder(OpenedDelivery):
    """By its descriptor: another folder put in its place is not looked at."""

    def __init__(self, descriptor: int, work: Path) -> None:
        super().__init__(work)
        self._folder = descriptor

    def entries(self) -> dict[str, int | None]:
        found: dict[str, int | None] = {}
        for name in sorted(os.listdir(self._folder)):  # noqa: PTH208 - by descriptor
            try:
                told = os.stat(name, dir_fd=self._folder, follow_symlinks=False)
            except FileNotFoundError:
                continue
            found[name] = told.st_size if stat.S_ISREG(told.st_mode) else None
        return found

    def reader(self, name: str) -> BufferedReader:
        try:
            descriptor = os.open(name, CLOSED, dir_fd=self._folder)
        except FileNotFoundError:
            raise Fault("file.missing", where=name) from None
        except OSError:  # a link
            raise Fault("file.not_plain", where=name) from None
        file = os.fdopen(descriptor, "rb")
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            file.close()
            raise Fault("file.not_plain", where=name)
        return file


class _Zip(OpenedDelivery):
    def __init__(self, file: BinaryIO, work: Path) -> None:
        super().__init__(work)
        self._budget = _Budget(file)
        with _damage_told():
            self._archive = zipfile.ZipFile(cast(IO[bytes], _LittleReads(file)))
            entries = [info for info in self._archive.infolist() if not info.is_dir()]
            for info in entries:
                if stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG}:
                    raise Fault("archive.unsafe")
                if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                    raise Fault("archive.damaged")  # other methods ask for as much memory as the archive says
                if info.flag_bits & 1:
                    raise Fault("archive.encrypted")
            names = _flat_names([info.filename for info in entries])
            self._entries = dict(zip(names, entries, strict=True))
            _claim_all(file, [info.file_size for info in entries])

    def entries(self) -> dict[str, int | None]:
        return {name: info.file_size for name, info in self._entries.items()}

    def reader(self, name: str) -> BufferedReader:
        with _damage_told():
            return _unpacked(self._archive.open(self._entries[name]), self._budget)


class _Tar(OpenedDelivery):
    def __init__(self, file: BinaryIO, work: Path) -> None:
        super().__init__(work)
        self._budget = _Budget(file)
        packed = file.read(len(GZIP)) == GZIP
        file.seek(0)
        with _damage_told():
            inside = gzip.GzipFile(fileobj=file) if packed else file
            self._archive = tarfile.open(  # noqa: SIM115 - it lives as long as the file that it is given
                fileobj=cast(IO[bytes], _LittleReads(cast(BinaryIO, inside))), mode="r:", tarinfo=_LittleHeader
            )
            entries = self._plain_entries(file)
            if packed:
                self._require_end(inside, _Budget(file))
            self._entries = dict(zip(_flat_names([one.name for one in entries]), entries, strict=True))

    def entries(self) -> dict[str, int | None]:
        return {name: member.size for name, member in self._entries.items()}

    def reader(self, name: str) -> BufferedReader:
        with _damage_told():
            found = self._archive.extractfile(self._entries[name])
            if found is None:
                raise Fault("archive.damaged")
            return _unpacked(found, self._budget)

    @staticmethod
    def _require_end(inside: gzip.GzipFile | BinaryIO, budget: _Budget) -> None:
        """To a tar a stream that was cut short looks like one that ends there: gzip knows. Raises EOFError, Fault."""
        while data := inside.read(LARGEST_READ):
            budget.claim(len(data))

    def _plain_entries(self, file: BinaryIO) -> list[tarfile.TarInfo]:
        claimed = _Budget(file)
        entries: list[tarfile.TarInfo] = []
        for count, member in enumerate(self._archive):
            if not (member.isreg() or member.isdir()) or count > MOST_ENTRIES:
                raise Fault("archive.unsafe")
            claimed.claim(member.size)
            entries += [member] if member.isreg() else []
        return entries


class _LittleHeader(tarfile.TarInfo):
    """A header of a tar. Those of sparse files go on and on, and a size below nought leads back: neither is read."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.size < 0 or self.type == tarfile.GNUTYPE_SPARSE:
            raise Fault("archive.unsafe")
        member: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        if member.size < 0:
            raise Fault("archive.unsafe")
        return member

    def _refused(self, *_: object) -> None:
        raise Fault("archive.unsafe")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _refused


class _LittleReads:
    """A file of which nobody reads more than LARGEST_READ at once: a long name of gigabytes is not read at all."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.mode = "rb"

    def read(self, count: int = -1) -> bytes:
        data = self._file.read(min(count, LARGEST_READ + 1) if count >= 0 else LARGEST_READ + 1)
        if max(count, len(data)) > LARGEST_READ:
            raise Fault("archive.too_large", "The archive has a header that is larger than any.")
        return data

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(place, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        """It is closed by who opened it."""


class _Unpacked(io.RawIOBase):
    """What comes out of an archive, counted."""

    def __init__(self, file: IO[bytes], budget: _Budget) -> None:
        super().__init__()
        self._file = file
        self._budget = budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        with _damage_told():
            data = self._file.read(min(len(view), LARGEST_READ))
        self._budget.claim(len(data))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _unpacked(file: IO[bytes], budget: _Budget) -> BufferedReader:
    return BufferedReader(_Unpacked(file, budget))


@contextmanager
def _damage_told() -> Iterator[None]:
    """The archive's fault; but a full disk, or any error of the system with its number, is the haven's."""
    try:
        yield
    except (*DAMAGE, tarfile.TarError, zipfile.BadZipFile, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in {None, 0, errno.EINVAL}:  # a place that no file has
            raise
        raise Fault("archive.damaged") from None


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

    def __init__(self, file: BinaryIO) -> None:
        place = file.tell()  # somebody may be reading on from there
        size = file.seek(0, os.SEEK_END)
        file.seek(place)
        self.left = max(RATIO_APPLIES_FROM, size * LARGEST_RATIO)

    def claim(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise Fault("archive.too_large")


def _claim_all(file: BinaryIO, sizes: list[int]) -> None:
    budget = _Budget(file)
    for size in sizes:
        budget.claim(size)
