"""How much does a workspace hold now? Its home on the disk, files that have no name any more, and its memory.

Run as a program, once for each look, under another process than the hub: what a workspace piles up must not slow the
hub. What cannot be measured is an error, never nothing. Imports nothing of the hub.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

BLOCK = 512  # st_blocks counts these whatever the file system's own blocks are
KIB = 1024
USER_TIME, SYSTEM_TIME, STARTED = 11, 12, 19  # of /proc/PID/stat, counted from the state (proc_pid_stat(5): 3)
MEMORY_LINE = re.compile(r"^(?:RssAnon|RssShmem):\s+(\d+) kB$", re.MULTILINE)
SHARED_OUT_LINE = re.compile(r"^(?:Pss_Anon|Pss_Shmem):\s+(\d+) kB$", re.MULTILINE)


def main(home: str, sandbox: int, memory_at_most: int) -> None:
    """Print bytes on the disk and of memory, and processor ticks, as JSON. A sandbox of 0: nothing runs yet."""
    os.nice(10)
    numbers = processes_of(sandbox) if sandbox else []
    nameless_on_disk, nameless_in_memory = nameless_files(numbers, Path(home).stat().st_dev)
    disk = size_of(home) + nameless_on_disk + size_of_log(Path(home).with_name("server.log"))
    memory = memory_of(numbers, memory_at_most) + nameless_in_memory
    print(json.dumps({"disk": disk, "memory": memory, "ticks": ticks_of(numbers)}))  # noqa: T201


def size_of_log(path: Path) -> int:
    """Bytes on the disk of what the workspace's server says: all that runs in it can write there."""
    return path.stat().st_blocks * BLOCK if path.exists() else 0


def size_of(home: str) -> int:
    """Bytes on the disk under a folder: no link followed, no other file system, a file of many names once.

    Raises OSError where a folder cannot be read: its account may have closed it to hide what is in it. Files that
    vanish while it is counted are no fault.
    """
    command = ["du", "--summarize", "--block-size=1", "--one-file-system", "--", home]
    done = subprocess.run(command, capture_output=True, check=False, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"})
    faults = [line for line in done.stderr.splitlines() if not line.endswith(b"No such file or directory")]
    if faults or not done.stdout:
        raise OSError("the home could not be measured")
    return int(done.stdout.split(b"\t", 1)[0])


def processes_of(sandbox: int) -> list[int]:
    """The sandbox's process and all that descend from it: inside, an orphan goes to the sandbox's own first process."""
    children: dict[int, list[int]] = {}
    ended = set()
    for number in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        try:
            fields = Path(f"/proc/{number}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue  # it has ended
        children.setdefault(int(fields[1]), []).append(number)
        if fields[0] in b"ZX":
            ended.add(number)  # it holds nothing, and nobody may look at it
    found, new = [], [sandbox]
    while new:
        found += new
        new = [child for parent in new for child in children.get(parent, ())]
    return [number for number in found if number not in ended]


def ticks_of(numbers: list[int]) -> dict[str, int]:
    """The processor's ticks that each process has used so far, by its number and its start: a number comes again."""
    found = {}
    for number in numbers:
        try:
            fields = Path(f"/proc/{number}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue  # it has ended
        found[f"{number}-{int(fields[STARTED])}"] = int(fields[USER_TIME]) + int(fields[SYSTEM_TIME])
    return found


def memory_of(numbers: list[int], at_most: int) -> int:
    """Bytes of memory of these processes. Shared memory counts for each of them, unless that would be too much."""
    quick = sum(_lines(number, "status", MEMORY_LINE) for number in numbers)
    return quick if quick <= at_most else sum(map(_exact_memory, numbers))


def nameless_files(numbers: list[int], disk: int) -> tuple[int, int]:
    """Bytes of files that are held open and have no name: on the home's disk, and elsewhere (in memory).

    Raises PermissionError where this account may not look: then nobody knows, and the workspace cannot stay.
    """
    seen: dict[tuple[int, int], int] = {}
    for number in numbers:
        try:
            held = list(Path(f"/proc/{number}/fd").iterdir())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        for link in held:
            try:
                status = link.stat()
            except OSError:
                continue
            if status.st_nlink == 0 and stat.S_ISREG(status.st_mode):
                seen[status.st_dev, status.st_ino] = status.st_blocks * BLOCK
    on_disk = sum(size for (device, _), size in seen.items() if device == disk)
    return on_disk, sum(seen.values()) - on_disk


def _exact_memory(number: int) -> int:
    """Shared memory by its share; where this account may not look so closely, whole."""
    try:
        return _lines(number, "smaps_rollup", SHARED_OUT_LINE)
    except PermissionError:
        return _lines(number, "status", MEMORY_LINE)


def _lines(number: int, name: str, line: re.Pattern[str]) -> int:
    """The sum of these lines in bytes; 0 when the process has ended."""
    try:
        return KIB * sum(map(int, line.findall(Path(f"/proc/{number}/{name}").read_text(encoding="ascii"))))
    except (FileNotFoundError, ProcessLookupError):
        return 0


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
