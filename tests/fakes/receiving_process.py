"""A receipt in a process of its own, which can be killed at a named point: `... HOME DELIVERY [POINT [MEMORY]]`.

POINT is module:name:call; MEMORY is what the work file and the zones may hold before they spill, such as 128MB."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from audit.clock import FixedClock
from audit.records import Records
from linkage.errors import DeliveryRefused
from linkage.intake import staging
from tests.fakes.deliveries import IntakeBench
from tests.fakes.havens import START, memory_records


def bench_at(home: Path) -> IntakeBench:
    """An intake whose records outlive the process."""
    return IntakeBench(home, records_at(home))


def records_at(home: Path, now: datetime = START) -> Records:
    """Records that lie in a file of the home."""
    home.mkdir(parents=True, exist_ok=True)
    return memory_records(FixedClock(now), create_engine(f"sqlite:///{home / 'records.db'}"))


def die_at(point: str) -> None:
    """Kill this process, as the system would, when the named function is called for the given time."""
    module, name, call = point.split(":")
    owner: Any = importlib.import_module(module)
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    original, calls = getattr(owner, last), iter(range(1, 1_000_000))

    def dying(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == int(call):
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)

    setattr(owner, last, dying)


def most_resident() -> int:
    """The most memory of this process that was resident, in bytes; getrusage would count its parent's as well."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def main(home: str, delivery: str, point: str = "", memory: str = "") -> int:
    """Receive, and print what happened with the most memory that was resident, in bytes."""
    bench = bench_at(Path(home))
    if point:
        die_at(point)
    if memory:
        staging.MEMORY = memory
    try:
        summary = bench.receive(Path(delivery))
        told: dict[str, Any] = {"rows": summary.rows, "quarantined": summary.quarantined, "state": summary.state}
    except DeliveryRefused as refusal:
        told = {"refused": refusal.reason}
    told["resident"] = most_resident()
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
