"""What would a cluster need, so that workspaces run there as pods? Asked of the hub's own code, which describes both.

The description of a workspace is the sandbox's (clients/haven-hub, sandbox.py); a program of the hub's environment
says it in Kubernetes' words and has the real KubeSpawner make a pod of it. Nothing is asked of any cluster.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environments.workspaces.errors import WorkspaceError
from environments.workspaces.hub import KEPT_VARIABLES

SECONDS = 120


class NotForACluster(WorkspaceError):
    """The settings describe no cluster in which workspaces may run."""

    code = "workspace.not_for_a_cluster"
    exit_status = 78


@dataclass(frozen=True)
class Described:
    """manifests: objects by the file that they go into. profile: the filter of calls, and the kubelet's name for it.

    example: values, home (its claim) and pod of a workspace that nobody has.
    """

    manifests: Mapping[str, list[dict[str, Any]]]
    profile: Mapping[str, Any]
    example: Mapping[str, Any]


def describe(asked: Mapping[str, Any], hub_environment: Path, hub_code: Path) -> Described:
    """As the hub's code describes it. Raises NotForACluster: a setting is wrong, or the program failed.

    asked: cluster (its settings, with the folders doors and servers), held (bytes: disk, memory, process_memory) and
    stay (seconds: idle, longest; 0: no bound).
    """
    told = _ask(asked, hub_environment, hub_code)
    if refused := told.get("refused"):
        raise NotForACluster(refused["what"], where="[workspaces.cluster]", mend=refused["mend"])
    return Described(told["manifests"], told["profile"], told["example"])


def _ask(asked: Mapping[str, Any], hub_environment: Path, hub_code: Path) -> dict[str, Any]:
    command = [str(hub_environment / "bin" / "python"), "-P", "-m", "haven_hub.kubernetes.show"]
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    try:
        done = subprocess.run(
            command,
            input=json.dumps(asked).encode(),
            capture_output=True,
            timeout=SECONDS,
            check=True,
            env={**kept, "PYTHONPATH": str(hub_code), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        return dict(json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        raise NotForACluster(
            "The hub's environment could not describe a workspace's pod.",
            where=command[0],
            mend="Make its environment again: run ./haven.",
        ) from None
