"""How do secrets lie on a disk? In files of this account only, written whole or not at all, overwritten at the end."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from access.keys.errors import KeyRingError

PRIVATE = 0o600
OTHERS_WRITE = 0o022
LONGEST_SECRET = 64 * 1024


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only this account can read, whole or not at all, and durable."""
    draft = path.with_name(path.name + ".part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def erase(path: Path) -> None:
    """Overwrite a file and remove it; nothing happens where it is gone.

    What a flash disk, a journal or a backup keeps of it is beyond a program's reach (docs/keys.md).
    """
    try:
        with path.open("r+b") as file:
            file.write(bytes(os.fstat(file.fileno()).st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder of this account's alone, made if absent; the system gives the lock back when a process dies."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def changeable_by_others(path: Path, owners: Collection[int] | None = None) -> Path | None:
    """Of this file and the folders above it, also of where links lead: the first that others can change; None: none.

    What is loaded into a process that holds keys must be root's or this account's own. A folder in which nobody can
    rename another's files (the sticky bit) will do. owners: whose it may be. Raises OSError where it is
    not there.
    """
    fit = (0, os.geteuid()) if owners is None else owners
    named, real = path.absolute(), path.resolve(strict=True)
    for place in dict.fromkeys((real, *real.parents, *named.parents)):
        found = place.stat()
        writable = found.st_mode & OTHERS_WRITE and not (stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX)
        if writable or found.st_uid not in fit:
            return place
    return None


def read_secret(path: Path, what: str) -> bytes:
    """A secret that lies in a file of its own: a passphrase, a PIN, a token. Raises KeyRingError."""
    try:
        mode = path.stat().st_mode & 0o077
        with path.open("rb") as file:
            text = file.read(LONGEST_SECRET).strip()
    except OSError as error:
        raise KeyRingError(
            f"The {what} file cannot be read ({error.strerror}).",
            where=str(path),
            mend=f"Name the file that holds the {what}, readable by this account only.",
        ) from None
    if mode or not text:
        raise KeyRingError(
            f"The {what} file is empty or readable by other accounts.",
            where=str(path),
            mend=f"Write the {what} into it and run chmod 600 on it.",
        )
    return text
