"""Prints the compiled filter of calls for the gateway's query workers: the gateway's own environment has no libseccomp.

`python -m haven_hub.worker_filter` writes it to standard output, for Bubblewrap's --seccomp.
"""

from __future__ import annotations

import sys

from haven_hub.seccomp import build_worker_filter


def main() -> None:
    """Write it. Ends with an error where the machine has no libseccomp."""
    build_worker_filter().export_bpf(sys.stdout.buffer)


if __name__ == "__main__":
    main()
