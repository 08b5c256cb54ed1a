"""How does root hand a workspace to the project's own account? Run as a program, once per workspace, then gone.

The account cannot walk to places under folders of root, so these are mounted for it on a stage that only this
process and the sandbox see; then rights are dropped for good and the sandbox program takes the process over.
Without root there is no stage and no other account: limits are set, and the sandbox program started.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
from pathlib import Path

ENDED_BEFORE_OTHERS = "500"  # of 1000: when the machine's memory ends, a workspace goes before the haven's services
STAGE = Path("/tmp")  # noqa: S108 - covered by a file system of our own, seen by nobody else
CLONE_NEWNS = 0x00020000
MS_NOSUID, MS_NODEV = 0x2, 0x4
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000


def main(order_file: int) -> None:
    """Carry out the order, a JSON object in an open file: stage, account, limits, command."""
    with os.fdopen(order_file) as file:
        order = json.load(file)
    Path("/proc/self/oom_score_adj").write_text(ENDED_BEFORE_OTHERS, encoding="ascii")
    if order["account"] is not None:
        set_stage(order["stage"])
        drop_rights(int(order["account"]))
    for kind, most in order["limits"].items():
        resource.setrlimit(getattr(resource, kind), (most, most))
    command = order["command"]
    os.execve(command[0], command, {})  # noqa: S606 - no shell is wanted


def set_stage(places: dict[str, str]) -> None:
    """Mount each place at the stage, under its name, in a mount namespace of our own.

    The places are opened before the stage covers what is below it, and after the namespace is made (a place opened
    in another namespace cannot be mounted).
    """
    _call("unshare", CLONE_NEWNS)
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    opened = {name: os.open(path, os.O_PATH | os.O_CLOEXEC) for name, path in places.items()}
    _mount("tmpfs", str(STAGE), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m")
    for name, number in opened.items():
        source = Path(f"/proc/self/fd/{number}")
        target = STAGE / name
        if source.is_dir():
            target.mkdir(mode=0o755)
        else:
            target.touch(mode=0o644)
        _mount(str(source), str(target), None, MS_BIND | MS_REC)


def drop_rights(account: int) -> None:
    """Become the project's account, with no way back."""
    os.setgroups([])
    os.setresgid(account, account, account)
    os.setresuid(account, account, account)
    if os.getuid() != account or os.geteuid() != account:
        raise PermissionError("the account was not changed")


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    _call("mount", *words, flags, options.encode() or None)


def _call(name: str, *arguments: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
