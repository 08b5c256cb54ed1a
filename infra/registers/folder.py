"""How do the pages come to stand where the public reads them? All at once: a reader never sees half a register.

The place is a link to one whole folder beside it. A new one is written, durable, and the link is replaced in one step;
the folder before stays until the next, for whoever is reading in it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from access.keys.files import sync_folder
from infra.errors import DeploymentError

OURS = ("register.json", "releases.json", "releases.html")
"""By these a folder is known as a register, or as the releases that lay there before."""
DRAFT = "part"


class PlaceTaken(DeploymentError):
    """The register cannot be written there: something else lies there, or the disk refuses."""

    code = "register.place_taken"
    exit_status = 73


def ensure_place(place: Path) -> None:
    """Make the place, empty, so that it is a link from the first day; what is there stays."""
    if place.is_symlink() or place.exists():
        return
    first = _beside(place, "first")
    first.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):  # another process was first
        place.symlink_to(first.name)


def prepare(place: Path, files: Mapping[str, bytes]) -> None:
    """Write these files (paths below the place) out of sight, durable; hold `locked`. Raises PlaceTaken."""
    _require_ours(place)
    draft = _beside(place, DRAFT)
    try:
        shutil.rmtree(draft, ignore_errors=True)
        for name, content in files.items():
            _write(draft / name, content)
        for folder in {(draft / name).parent for name in files}:
            sync_folder(folder)
    except OSError as error:
        raise PlaceTaken(
            f"The register cannot be written ({error.strerror}); the one before stands.", where=str(place),
            mend="Make room or mend the disk, and build it again.",
        ) from None  # fmt: skip


def switch(place: Path, digest: str) -> None:
    """Put what was prepared in place, in one step; the one before stays for whoever reads in it, older ones go."""
    draft, whole = _beside(place, DRAFT), _beside(place, digest[:16])
    before = place.resolve() if place.is_symlink() else None
    if before == whole:  # the same again over a folder that was changed by hand: made anew under another name
        whole = _beside(place, f"{digest[:16]}-again")
    shutil.rmtree(whole, ignore_errors=True)
    draft.rename(whole)
    _point(place, whole)
    for old in place.parent.glob(f".{place.name}.*"):
        if old.is_dir() and not old.is_symlink() and old not in (whole, before):
            shutil.rmtree(old, ignore_errors=True)


@contextmanager
def locked(place: Path) -> Iterator[None]:
    """One writer at a time; the system gives the lock back when a process dies."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / f".{place.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _require_ours(place: Path) -> None:
    if place.is_symlink() or not place.exists():
        return
    there = {path.name for path in place.iterdir()} if place.is_dir() else {"a file"}
    if there and not there & set(OURS):
        raise PlaceTaken(
            "Something else lies there; nothing was written.", where=str(place), mend="Name a new or an empty folder."
        )


def _point(place: Path, whole: Path) -> None:
    """Replace the link. A real folder, from before registers were links, is first set aside: only then, once."""
    link = _beside(place, "link")
    link.unlink(missing_ok=True)
    link.symlink_to(whole.name)
    if place.is_dir() and not place.is_symlink():
        aside = _beside(place, "before")
        shutil.rmtree(aside, ignore_errors=True)
        place.rename(aside)
    link.replace(place)
    sync_folder(place.parent)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _beside(place: Path, name: str) -> Path:
    return place.parent / f".{place.name}.{name}"
