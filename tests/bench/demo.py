"""How does the cost of the whole chain grow? The demo at 20 thousand, 100 thousand and a million people."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "demo: seconds from the first line to the last, services' start included"


def run(quick: bool) -> list[tuple[str, float, str]]:
    """Seconds at each size, and how many times as long for how many times the people."""
    sizes = (2_000, 20_000) if quick else (20_000, 100_000, 1_000_000)
    seconds = {size: _played(size) for size in sizes}
    found = [(f"{size:,} people", taken, "s") for size, taken in seconds.items()]
    first, last = sizes[0], sizes[-1]
    return [
        *found,
        ("people, last to first", last / first, "times"),
        ("seconds, last to first", seconds[last] / seconds[first], "times"),
    ]


def _played(people: int) -> float:
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "h"
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "infra.cli", "demo", "--people", str(people), "--home", str(home)],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        taken = time.perf_counter() - started
        for folder in home.glob("scopes/*"):
            folder.chmod(0o700)
        return taken
