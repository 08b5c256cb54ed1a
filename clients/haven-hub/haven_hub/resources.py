"""What does a workspace use of the machine? Processor time and memory of all its processes, looked at each second.

Sampled from outside, in /proc: what a process used between the last look and its end is not counted.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
# Fields of /proc/PID/stat after the command's name, counted from the state (proc_pid_stat(5): 3).
PARENT, USER_TIME, SYSTEM_TIME, STARTED, RESIDENT = 1, 11, 12, 19, 21


@dataclass
class Resources:
    """The processes below one, the sandbox's first, as last seen."""

    most_memory: int = 0  # bytes resident, of all together; what they share is counted for each
    _ended: int = 0  # ticks of processes that are there no more
    _ticks: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def processor_seconds(self) -> float:
        """All that was seen so far."""
        return (self._ended + sum(self._ticks.values())) / TICKS

    def look(self, first: int) -> None:
        """Add what is to be seen now of this process and its descendants."""
        found = _processes()
        children: dict[int, list[int]] = {}
        for number, stat in found.items():
            children.setdefault(int(stat[PARENT]), []).append(number)
        below, memory, ticks = [first], 0, dict[tuple[int, int], int]()
        for number in below:  # grows while it is gone through
            below += children.pop(number, [])
            if (seen := found.get(number)) is not None:
                memory += int(seen[RESIDENT]) * PAGE
                ticks[number, int(seen[STARTED])] = int(seen[USER_TIME]) + int(seen[SYSTEM_TIME])
        self._ended += sum(used for process, used in self._ticks.items() if process not in ticks)
        self._ticks = ticks
        self.most_memory = max(self.most_memory, memory)


def _processes() -> dict[int, list[str]]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue  # it has ended
            found[int(entry.name)] = text.rpartition(")")[2].split()
    return found
