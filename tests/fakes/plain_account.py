"""Run a command under a plain account, though what it needs lies under folders of root. A program, for root.

In a mount namespace of its own, every folder that the account could not walk through is covered, with only the places
that are named in it; then rights are dropped for good and the command takes the process over.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType

PLAIN_ACCOUNT = 1  # `daemon`: there on every Linux, and nobody's
HUB_CODE = Path(__file__).resolve().parents[2] / "clients" / "haven-hub" / "haven_hub"


def as_plain_account(command: tuple[str, ...], places: list[Path]) -> tuple[str, ...]:
    """The command that runs this one under the plain account, with these places within its reach."""
    needed = json.dumps([str(place) for place in [*places, Path(sys.base_prefix), Path(sys.prefix)]])
    return (sys.executable, "-I", __file__, needed, *command)


def main(needed: str, command: list[str]) -> None:
    """Uncover the places, become the account, become the command."""
    confine = _confine()
    cover([Path(place).resolve() for place in json.loads(needed)], confine)
    confine.drop_rights(PLAIN_ACCOUNT)
    os.environ["HOME"] = "/nonexistent"
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def cover(places: list[Path], confine: ModuleType) -> None:
    """Mount an empty folder over each closed one, and in it the places that are needed."""
    confine._call("unshare", confine.CLONE_NEWNS)
    confine._mount(None, "/", None, confine.MS_REC | confine.MS_PRIVATE)
    opened = {place: os.open(place, os.O_PATH) for place in places if closed_folder(place)}
    for folder in {closed_folder(place) for place in opened} - {None}:
        confine._mount("tmpfs", str(folder), "tmpfs", confine.MS_NOSUID | confine.MS_NODEV, "mode=0755,size=1m")
    for place, number in opened.items():
        place.mkdir(parents=True, exist_ok=True, mode=0o755)
        confine._mount(f"/proc/self/fd/{number}", str(place), None, confine.MS_BIND | confine.MS_REC)


def closed_folder(place: Path) -> Path | None:
    """The outermost folder on the way to this place that others cannot walk through."""
    return next((folder for folder in reversed(place.parents) if not folder.stat().st_mode & 0o001), None)


def _confine() -> ModuleType:
    """The program that hands workspaces to accounts: it has the calls."""
    found = importlib.util.spec_from_file_location("confine", HUB_CODE / "confine.py")
    if found is None or found.loader is None:
        raise FileNotFoundError(HUB_CODE)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
