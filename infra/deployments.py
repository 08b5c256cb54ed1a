"""The flows as Prefect deployments start them: the haven of HAVEN_HOME is put behind them first.

prefect.yaml names the functions of this module as entrypoints.
"""

from __future__ import annotations

import os
from pathlib import Path

from infra.flowing import put_behind_flows
from infra.wiring.haven import Haven

put_behind_flows(Haven.at(Path(os.environ.get("HAVEN_HOME", "haven-home"))))

from flows.housekeeping import housekeeping  # noqa: E402 - Prefect must be prepared first
from flows.ingest import ingest  # noqa: E402
from flows.link import link  # noqa: E402
from flows.publish_scope import publish_scope  # noqa: E402
from flows.refresh_optouts import refresh_optouts  # noqa: E402
from flows.release import release  # noqa: E402
from flows.sweep import sweep_inbox  # noqa: E402
from flows.train_linkage import train_linkage  # noqa: E402

__all__ = [
    "housekeeping",
    "ingest",
    "link",
    "publish_scope",
    "refresh_optouts",
    "release",
    "sweep_inbox",
    "train_linkage",
]
