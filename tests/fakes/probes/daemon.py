"""A process that wants to outlive its workspace."""

from __future__ import annotations

import secrets

# Forks twice, leads a session of its own, ignores every request to end.
DAEMON = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        os.execve(os.sys.executable, [os.sys.executable, "-c", {source!r}], {{"HV_MARK": {mark!r}}})
    os._exit(0)
"""


def stubborn_daemon(source: str = "pass") -> tuple[str, str]:
    """A cell that leaves such a process behind, which does this first; and the mark in its environment."""
    mark = f"hv{secrets.token_hex(6)}"
    return DAEMON.format(source=f"import os, time; {source}; time.sleep(900)", mark=mark), mark
