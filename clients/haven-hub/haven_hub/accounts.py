"""Under which account number does a project's workspace run? One each, given once and kept.

Only where the hub runs as root; elsewhere every workspace runs under the hub's own account, and the namespaces
alone stand between projects.
"""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

LARGEST_COUNT = 50_000


def account_of(project: str, register: Path, first: int) -> int:
    """The project's number, taken from the register file or added to it. Raises OverflowError when all are given."""
    with register.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        given: dict[str, int] = json.loads(register.read_text(encoding="utf-8")) if register.exists() else {}
        if project not in given:
            if len(given) >= LARGEST_COUNT:
                raise OverflowError("no account number is left for another project")
            given[project] = max(given.values(), default=first - 1) + 1
            draft = register.with_suffix(".part")
            draft.write_text(json.dumps(given), encoding="utf-8")
            draft.replace(register)
        return given[project]
