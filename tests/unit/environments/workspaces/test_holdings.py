"""How much a workspace holds, as it is measured, and when that is too much."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from haven_hub import usage
from haven_hub.watch import OF_THE_SERVER, TICKS_A_SECOND, Bounds, Usage, Watch, measure, too_much

MIB = 1024**2
BOUNDS = Bounds(disk=100, memory=50)


@pytest.mark.parametrize(
    ("disk", "memory", "at_start", "code"),
    [
        (100, 50, 0, None),
        (101, 50, 0, "workspace.home_full"),
        (100, 51, 0, "workspace.memory_full"),
        (100 + OF_THE_SERVER, 0, 100, "workspace.home_full"),
        (150 + OF_THE_SERVER, 0, 150, None),
        (151 + OF_THE_SERVER, 0, 150, "workspace.home_full"),
    ],
)
def test_what_is_too_much(disk: int, memory: int, at_start: int, code: str | None) -> None:
    """Quota and memory are bounds; a home that was over its quota before the start may hold that, and not grow."""
    refused = too_much(Usage(disk, memory), BOUNDS, at_start)
    assert (refused.code if refused else None) == code


def test_a_file_counts_once_and_no_link_is_followed(tmp_path: Path) -> None:
    """Hard links share their room; a symbolic link leads nowhere."""
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    other.write_bytes(os.urandom(8 * MIB))
    (home / "own").write_bytes(os.urandom(2 * MIB))
    os.link(home / "own", home / "again")
    (home / "link").symlink_to(other)
    assert 2 * MIB <= usage.size_of(str(home)) < 3 * MIB


def test_a_home_of_many_levels_is_measured(tmp_path: Path) -> None:
    """Deeper than any path may be written: what lies at the bottom counts."""
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deep", dir_fd=here)
        below = os.open("deep", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    number = os.open("large", os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(number, os.urandom(2 * MIB))
    os.close(number)
    os.close(here)
    assert usage.size_of(str(tmp_path)) >= 2 * MIB
    subprocess.run(["/bin/rm", "-r", str(tmp_path / "deep")], check=True)


def test_what_a_process_holds_is_counted_with_its_children(tmp_path: Path) -> None:
    """Its memory, its child's memory, and a file that it deleted and holds open."""
    source = (
        "import os, sys, time\n"
        "gone = open(sys.argv[1], 'wb'); os.remove(gone.name); gone.write(os.urandom(4 * 2**20)); gone.flush()\n"
        "reading, writing = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    held = bytearray(os.urandom(32 * 2**20)); os.write(writing, b'x'); time.sleep(900)\n"
        "os.read(reading, 1); print('up', flush=True); time.sleep(900)\n"
    )
    command = [sys.executable, "-c", source, str(tmp_path / "gone")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"up\n"
            found = asyncio.run(measure(tmp_path, holder.pid, Bounds(10**12, 10**12)))
            exact = asyncio.run(measure(tmp_path, holder.pid, Bounds(10**12, 0)))
        finally:
            os.killpg(holder.pid, 9)
    assert found.disk >= 4 * MIB
    assert 32 * MIB <= exact.memory <= found.memory


async def test_a_home_that_cannot_be_measured_ends_its_workspace(tmp_path: Path) -> None:
    """What is not known is too much."""
    watch = Watch(tmp_path / "none", BOUNDS, 0)
    while (refused := watch.judge(0)) is None:
        await asyncio.sleep(0.01)
    assert refused.code == "workspace.unmeasured"
    with pytest.raises(OSError, match="could not be measured"):
        await measure(tmp_path / "none", 0, BOUNDS)


def test_what_was_used_is_added_up_over_looks_and_ended_processes(tmp_path: Path) -> None:
    """The newest of each process, what ended ones had used when last seen, and the most memory of any look."""
    watch = Watch(tmp_path, BOUNDS, 0)
    for memory, ticks in ((5, {"1-7": 100, "2-7": 50}), (9, {"1-7": 300}), (3, {"1-7": 300, "2-9": 25})):
        watch.count(Usage(0, memory, ticks))
    assert watch.processor_seconds == (300 + 50 + 25) / TICKS_A_SECOND
    assert watch.most_memory == 9


def test_the_ticks_of_a_process_are_the_kernels_own() -> None:
    """A process that works uses some, and the same name means the same process."""
    before = usage.ticks_of([os.getpid()])
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    ((name, after),) = usage.ticks_of([os.getpid()]).items()
    assert after > before[name]
    assert usage.ticks_of([2**22 + 1]) == {}
