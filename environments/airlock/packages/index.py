"""What lies in a project's index? Files by name and hash, and pages of links (PEP 503), written from the records.

pip checks each file against the hash in its link. Nothing is unpacked here: of an archive only its own account of
name and version is read, within bounds.
"""

from __future__ import annotations

import hashlib
import html
import re
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import quote

from environments.airlock.errors import OutboxFailed, PackageUnfit
from environments.airlock.files.container import Container
from environments.airlock.packages.model import PackageRequest, normalised

WHEEL = re.compile(r"([A-Za-z0-9_.]+)-([A-Za-z0-9_.!+]+)(?:-\d[A-Za-z0-9_.]*)?(?:-[A-Za-z0-9_.]+){3}\.whl")
SDIST = re.compile(r"([A-Za-z0-9_.-]+)-([A-Za-z0-9_.!+]+)\.tar\.gz")
MOST_BYTES = 500 * 1024**2
MOST_METADATA = 1024**2
MOST_MEMBERS = 100_000
FOLDER, FILE, PRIVATE = 0o755, 0o444, 0o700
PAGES = "simple"
PINS = "requirements.txt"


class PackageIndex:
    """The indexes of all projects. folder: one folder per project, which its workspaces see read-only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take_in(self, file: Path) -> tuple[Path, str]:
        """A copy out of every workspace's sight, and its SHA-256. Raises PackageUnfit or OutboxFailed."""
        drafts = self._folder / ".drafts"
        try:
            if file.stat().st_size > MOST_BYTES:
                raise _unfit(f"The file has more than {MOST_BYTES // 1024**2} MB.", "Ask for a smaller package.")
            self._folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
            drafts.mkdir(exist_ok=True, mode=PRIVATE)
            draft = Path(tempfile.mkdtemp(dir=drafts)) / file.name
            shutil.copyfile(file, draft)
            draft.chmod(FILE)
            with draft.open("rb") as copied:
                return draft, hashlib.file_digest(copied, "sha256").hexdigest()
        except OSError as error:
            raise _failed(error) from None

    def alone(self) -> AbstractContextManager[None]:
        """One writer of indexes at a time."""
        return Container(self._folder).alone()

    def forget(self, draft: Path) -> None:
        """Take a copy away that is not needed any more."""
        shutil.rmtree(draft.parent, ignore_errors=True)

    def put(self, request: PackageRequest, draft: Path) -> None:
        """The file into its place; the page that links it is written after. Raises OutboxFailed."""
        try:
            place = self._page_of(request)
            place.mkdir(parents=True, exist_ok=True)
            for folder in (place, place.parent, place.parent.parent):
                folder.chmod(FOLDER)
            draft.replace(place / draft.name)
        except OSError as error:
            raise _failed(error) from None

    def write(self, project: str, requests: Sequence[PackageRequest]) -> None:
        """Every page and the list of pins for what is mirrored; what is not is taken out. Raises OutboxFailed."""
        mirrored = [one for one in requests if one.state.value == "mirrored" and one.file and one.sha256]
        top, linked = self._folder / project, {(one.name, one.file) for one in mirrored}
        try:
            for one in requests:
                if one.file and (one.name, one.file) not in linked:
                    (self._page_of(one) / one.file).unlink(missing_ok=True)
            names = sorted({one.name for one in mirrored})
            for name in sorted({one.name for one in requests if one.file}):
                own = [one for one in mirrored if one.name == name]
                links = [(f"{quote(str(one.file))}#sha256={one.sha256}", str(one.file)) for one in own]
                _write(top / PAGES / name / "index.html", _page(links))
            _write(top / PAGES / "index.html", _page([(f"{name}/", name) for name in names]))
            pins = [f"{one.name}=={one.version} --hash=sha256:{one.sha256}" for one in mirrored]
            _write(top / PINS, "".join(f"{pin}\n" for pin in sorted(pins)))
        except OSError as error:
            raise _failed(error) from None

    def _page_of(self, request: PackageRequest) -> Path:
        return self._folder / request.project / PAGES / request.name


def check_archive(path: Path, request: PackageRequest) -> None:
    """Is this a wheel or a source archive of exactly what was approved? Raises PackageUnfit."""
    found = WHEEL.fullmatch(path.name) or SDIST.fullmatch(path.name)
    if not found:
        raise _unfit("The file is no wheel and no source archive by its name.", "Fetch a .whl or a .tar.gz.")
    try:
        told = _of_wheel(path) if path.name.endswith(".whl") else _of_sdist(path)
    except (zipfile.BadZipFile, tarfile.TarError, OSError, EOFError, ValueError, KeyError, zlib.error):
        raise _unfit("The file cannot be read as the archive that it is called.", "Fetch it again.") from None
    headers = BytesParser().parsebytes(told, headersonly=True)
    names = {normalised(found.group(1)), normalised(str(headers["Name"]))}
    versions = {found.group(2), str(headers["Version"])}
    if names != {request.name} or versions != {request.version}:
        raise _unfit("The file is not the package and version that were approved.", "Fetch exactly that version.")


def _of_wheel(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        told = [one for one in members if re.fullmatch(r"[^/]+\.dist-info/METADATA", one.filename)]
        if len(members) > MOST_MEMBERS or len(told) != 1 or told[0].file_size > MOST_METADATA:
            raise ValueError("not one account of itself")
        with archive.open(told[0]) as file:
            return file.read(MOST_METADATA)


def _of_sdist(path: Path) -> bytes:
    with tarfile.open(path, "r:gz") as archive:
        for number, one in enumerate(archive):
            if number > MOST_MEMBERS:
                break
            if re.fullmatch(r"[^/]+/PKG-INFO", one.name) and one.isfile() and one.size <= MOST_METADATA:
                file = archive.extractfile(one)
                return file.read(MOST_METADATA) if file else b""
    raise ValueError("no account of itself")


def _page(links: Sequence[tuple[str, str]]) -> str:
    lines = ["<!DOCTYPE html>", "<html><head><title>Packages</title></head><body>"]
    lines += [f'<a href="{html.escape(to)}">{html.escape(name)}</a><br>' for to, name in links]
    return "\n".join([*lines, "</body></html>", ""])


def _write(path: Path, text: str) -> None:
    """Whole or not at all; readable to the project's account."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(FOLDER)
    draft = path.with_name(f".{path.name}.part")
    draft.unlink(missing_ok=True)
    draft.write_text(text, encoding="utf-8")
    draft.chmod(FILE)
    draft.replace(path)


def _unfit(what: str, mend: str) -> PackageUnfit:
    return PackageUnfit(what, mend=mend)


def _failed(error: OSError) -> OutboxFailed:
    return OutboxFailed(
        f"The file cannot be read, or the index not be written ({error.strerror or type(error).__name__}).",
        mend="Name a file that can be read, or mend the disk; then mirror it again.",
    )
