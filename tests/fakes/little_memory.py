"""Work done in a process of its own that may take only so much memory beyond what it has when it begins."""

from __future__ import annotations

import os
import subprocess
import sys

MEGABYTE = 1024 * 1024
START = """
import resource
pages = int(open("/proc/self/statm").read().split()[0])
most = pages * resource.getpagesize() + {more}
resource.setrlimit(resource.RLIMIT_AS, (most, most))
"""


def done_in_little_memory(prepared: str, work: str, *, megabytes: int) -> str:
    """What `work` prints. prepared: code that runs before the limit is set. Fails as the process fails."""
    code = prepared + START.format(more=megabytes * MEGABYTE) + work
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": ".", "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout
