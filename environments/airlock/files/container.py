"""Where do the bytes of a request lie? Sealed: copied in at submission, hashed, and no longer the author's to change.

One folder per request and round, 0500 with files 0400, owned by the airlock. A file that is not as it was sealed is
never read on (rules/airlock.md, 5).
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from access.keys.files import locked
from environments.airlock.errors import SealBroken

PRIVATE = 0o700
SEALED_FOLDER = 0o500
SEALED_FILE = 0o400


class Sealed(Protocol):
    """What the records say of a sealed file."""

    @property
    def round(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...


class Container:
    """The sealed files of all requests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def seal(self, request: str, round_number: int, files: Mapping[str, bytes]) -> None:
        """Copy the files in, durable, and close the folder. What a change that was not kept left here is replaced."""
        place = self._place(request, round_number)
        place.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        self._folder.chmod(PRIVATE)
        draft = place.with_name(place.name + ".part")
        for leftover in (draft, place):
            if leftover.exists():
                leftover.chmod(PRIVATE)
                shutil.rmtree(leftover)
        draft.mkdir(mode=PRIVATE)
        for name, content in files.items():
            write_durable(draft / name, content, SEALED_FILE)
        draft.chmod(SEALED_FOLDER)
        draft.rename(place)
        sync_folder(place.parent)

    def alone(self) -> AbstractContextManager[None]:
        """One release or recall at a time: two would prepare the same folder of the outbox."""
        return locked(self._folder)

    def read(self, request: str, file: Sealed) -> bytes:
        """A sealed file. Raises SealBroken when it is missing or not as it was sealed."""
        try:
            content = (self._place(request, file.round) / file.name).read_bytes()
        except OSError as error:
            raise _broken(f"cannot be read ({type(error).__name__})", request) from None
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise _broken("is not as it was sealed", request)
        return content

    def _place(self, request: str, round_number: int) -> Path:
        return self._folder / request / f"round-{round_number}"


def write_durable(path: Path, content: bytes, mode: int) -> None:
    """A new file of this mode, on disk when this returns."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(number, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """The folder's entries, on disk when this returns."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _broken(what: str, request: str) -> SealBroken:
    return SealBroken(
        f"A sealed file {what}: its approvals are void.",
        where=f"request {request}",
        mend="Keep the machine as it is and tell the output checkers: this is an incident.",
    )
