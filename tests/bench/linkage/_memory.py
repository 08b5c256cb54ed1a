"""How much memory did this process need at most?"""

from __future__ import annotations

import re
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak() -> float:
    """GiB since this program began. (getrusage would tell that of the process that started it, if it was more.)"""
    found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text(encoding="ascii"))
    if found is None:
        raise OSError("the kernel does not tell the peak of memory")
    return int(found[1]) / 2**20
