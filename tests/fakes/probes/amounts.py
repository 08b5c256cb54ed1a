"""Attempts to take more than a workspace's share; each takes no more than shows that there is a bound."""

# ruff: noqa: F405 - the preamble stands before each attempt's text
from __future__ import annotations

from tests.fakes.probes.preamble import *  # noqa: F403
from tests.fakes.probes.table import Table, Things

AMOUNTS = Table("amounts", [])
probe = AMOUNTS.probe


@probe()
def memory(things: Things) -> None:
    """One process reserves more memory than its share. None of it is touched."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000  # only reserved
    mmap.mmap(-1, int(things["more than memory"]), flags=flags).close()


@probe()
def processes(things: Things) -> None:
    """It starts more processes than its share; they wait, and end together."""
    reading, writing = os.pipe()
    children = []
    try:
        for _ in range(int(things["more than processes"])):
            child = os.fork()
            if child == 0:
                os.close(writing)
                os.read(reading, 1)
                os._exit(0)
            children.append(child)
    finally:
        os.close(writing)
        for child in children:
            os.waitpid(child, 0)


@probe()
def open_files(things: Things) -> None:
    """It opens more files than its share."""
    most = int(things["more than files"])
    resource.setrlimit(resource.RLIMIT_NOFILE, (most + 100, most + 100))


@probe()
def one_large_file(things: Things) -> None:
    """It makes a file larger than its share; the file is empty space."""
    path = Path(things["folder"]) / f"large-{os.getpid()}"
    with path.open("wb") as file:
        path.unlink()
        file.truncate(int(things["more than a file"]))


@probe()
def scratch_space(things: Things) -> None:
    """It takes more of the memory behind /tmp than its share."""
    path = Path(things["scratch"]) / f"large-{os.getpid()}"
    with path.open("wb") as file:
        path.unlink()
        os.posix_fallocate(file.fileno(), 0, int(things["more than scratch"]))


@probe()
def shared_space(things: Things) -> None:
    """It takes more of the memory behind /dev/shm than its share."""
    path = Path(things["shared scratch"]) / f"large-{os.getpid()}"
    with path.open("wb") as file:
        path.unlink()
        os.posix_fallocate(file.fileno(), 0, int(things["more than scratch"]))


@probe()
def other_space(things: Things) -> None:
    """It finds another place in memory to write to, whose size nobody bounds."""
    made = Path(things["other scratch"]) / f"probe-{os.getpid()}"
    made.write_text("x")
    made.unlink()


@probe()
def files_of_a_crash(things: Things) -> None:
    """It raises a limit: a process that crashes leaves its memory in a file."""
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@probe()
def spared_when_memory_ends(things: Things) -> None:
    """It is no likelier than others to be ended when the machine's memory is."""
    if int(Path("/proc/self/oom_score_adj").read_text()) >= 300:
        raise OSError(errno.EPERM, "ended first")
