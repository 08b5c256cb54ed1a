"""Writes down what a cluster needs, and what a workspace would be there. A program of the hub's own environment.

`python -m haven_hub.kubernetes.show` reads one JSON object (cluster, held, stay) and prints one: manifests by file,
the filter's profile, and values, home and pod of a workspace that nobody has; or what was refused, and what to change.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from haven_hub.kubernetes.made import objects_of
from haven_hub.kubernetes.manifests import manifests
from haven_hub.kubernetes.model import Cluster, NotForACluster
from haven_hub.kubernetes.seccomp_profile import FILE, profile
from haven_hub.sandbox import Folders, Limits, WorkspaceSpec
from haven_hub.stay import StayBounds
from haven_hub.watch import Bounds


def main() -> None:
    """Read, describe, print. What was refused is printed, too."""
    try:
        told = described(json.load(sys.stdin))
    except NotForACluster as refused:
        told = {"refused": {"what": str(refused), "mend": refused.mend}}
    sys.stdout.write(json.dumps(told) + "\n")


def described(asked: dict[str, Any]) -> dict[str, Any]:
    """cluster: its settings. held: bytes of disk and memory, and memory of one process. stay: seconds."""
    cluster = Cluster.of(asked["cluster"])
    held = Bounds(disk=asked["held"]["disk"], memory=asked["held"]["memory"])
    stay = StayBounds(timedelta(seconds=asked["stay"]["idle"]), timedelta(seconds=asked["stay"]["longest"]))
    spec = example(cluster, Limits(memory=asked["held"]["process_memory"]))
    return {
        "manifests": manifests(cluster, held),
        "profile": {"file": FILE, "content": profile()},
        "example": objects_of(spec, cluster, held, stay),
    }


def example(cluster: Cluster, limits: Limits) -> WorkspaceSpec:
    """A workspace that nobody has: with no token, and with a door that is not there."""
    door = Path(cluster.doors) / "000000000000"
    return WorkspaceSpec(
        person="example-person",
        project="example-project",
        folders=Folders(
            home=Path("/nowhere"),  # in a cluster a claim of its own
            lab=Path("w-000000000000/lab"),
            door=door / "gateway.sock",
            flight=door / "flight.sock",
            hub=Path("w-000000000000/hub.sock"),
            environment=Path(cluster.environment),
            python=Path("/nowhere"),  # these three lie in the image
            client=Path("/nowhere"),
            imports=Path(cluster.imports) / "example-project",
            packages=Path(cluster.packages) / "example-project",
            jupyter=Path("/nowhere"),
        ),
        variables=(),
        conditions=("The conditions of the project stand here.",),
        limits=limits,
    )


if __name__ == "__main__":
    main()
