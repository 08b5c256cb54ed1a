"""How long does a workspace take to open, and what does it hold? Beside a plain JupyterHub with the same Lab."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from environments.workspaces.client import HubClient
from tests.fakes.plain_hub import PlainHub, plain_hub
from tests.fakes.workspaces import WorkplaceForTests, clients_folder, environments_folder, workplace

NAME = "spawn: seconds from the request until Lab's server answers, and memory of a workspace"
MIB = 1024


def run(quick: bool) -> list[tuple[str, float, str]]:
    """Medians of rounds that take turns, their ratio, and the proportional share of memory (PSS)."""
    rounds = 3 if quick else 7
    with workplace(environments_folder(), clients_folder()) as place, plain_hub(environments_folder()) as plain:
        place.approvals.approved.add(("asha", "diabetes"))
        with place.workspaces.enter("asha", "diabetes") as ours:
            ours.stop("asha", "diabetes")
            _timed(plain.start)  # what only a first start reads from the disk, for both
            plain.stop()
            seconds = [_turn(place, ours, plain) for _ in range(rounds)]
            memory = _memory(place, ours, plain)
    own, theirs = (statistics.median(column) for column in zip(*seconds, strict=True))
    ratios = [one / other for one, other in seconds]
    return [
        ("a workspace", own, "s"),
        ("a plain hub's server", theirs, "s"),
        ("ratio of the medians", own / theirs, "times"),
        ("ratio, lowest of a round", min(ratios), "times"),
        ("ratio, highest of a round", max(ratios), "times"),
        *memory,
    ]


def _turn(place: WorkplaceForTests, ours: HubClient, plain: PlainHub) -> tuple[float, float]:
    own = _timed(lambda: place.start(ours, "asha", "diabetes"))
    ours.stop("asha", "diabetes")
    theirs = _timed(plain.start)
    plain.stop()
    return own, theirs


def _timed(action: Callable[[], None]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _memory(place: WorkplaceForTests, ours: HubClient, plain: PlainHub) -> list[tuple[str, float, str]]:
    place.start(ours, "asha", "diabetes")
    plain.start()
    idle = _share(place.processes_inside())
    theirs = _share(_servers_of(plain))
    with ours.kernel("asha", "diabetes") as kernel:
        kernel.run("import pandas")
        working = _share(place.processes_inside())
    return [
        ("memory of a workspace, no kernel", idle, "MiB"),
        ("memory of a plain hub's server", theirs, "MiB"),
        ("memory with a kernel that has imported pandas", working, "MiB"),
    ]


def _servers_of(plain: PlainHub) -> set[int]:
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = re.search(r"^PPid:\t(\d+)$", (entry / "status").read_text(), re.MULTILINE)
            if parent and int(parent[1]) == plain.number and b"singleuser" in (entry / "cmdline").read_bytes():
                found.add(int(entry.name))
        except OSError:
            continue  # it has ended
    return found


def _share(numbers: Iterable[int]) -> float:
    """Proportional set size in MiB: memory that is shared counts by its share."""
    total = 0
    for number in numbers:
        share = re.search(r"^Pss:\s+(\d+) kB$", Path(f"/proc/{number}/smaps_rollup").read_text(), re.MULTILINE)
        if share is None:
            raise ValueError("the kernel tells no share of memory")
        total += int(share[1])
    if total == 0:
        raise ValueError("no process was measured")
    return total / MIB
