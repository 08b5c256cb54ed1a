"""Which objects does the real KubeSpawner make of a workspace's values? Asked without a cluster, and looked through.

The adapter: everything else here is pure. What it made is not given out while anything in it keeps it from being a
workspace (policies.py): a newer KubeSpawner may make something else of the same values.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyterhub.objects import Hub
from jupyterhub.orm import Spawner as Row
from traitlets.config import Config

from haven_hub.kubernetes.model import Cluster, NotForACluster
from haven_hub.kubernetes.pod import inside, spawner_values
from haven_hub.kubernetes.policies import faults_of
from haven_hub.sandbox import WorkspaceSpec
from haven_hub.stay import StayBounds
from haven_hub.watch import Bounds

NOWHERE = Path(__file__).with_name("nowhere.yaml")


@dataclass(frozen=True)
class _Person:
    """What KubeSpawner asks of a user."""

    name: str
    id: int = 0
    url: str = "/"


def objects_of(spec: WorkspaceSpec, cluster: Cluster, held: Bounds, stay: StayBounds) -> dict[str, Any]:
    """values, home (its claim) and pod of one workspace, as JSON has them. Raises NotForACluster."""
    values = spawner_values(spec, cluster, held, stay)
    kind = _pods()
    if unknown := sorted(set(values) - set(kind.class_trait_names(config=True))):
        raise NotForACluster(
            f"This KubeSpawner has no {', '.join(unknown)}.", "Install the versions that the lock names."
        )
    home, pod = asyncio.run(_made(kind, spec, values))
    if faults := faults_of(pod, cluster):
        raise NotForACluster(
            f"KubeSpawner made a pod that is no workspace: {' '.join(faults)}", "Tell the haven's team."
        )
    return {"values": values, "home": home, "pod": pod}


def _pods() -> Any:
    """The class, told of a cluster that is not there: its library looks for that file's name when it is imported."""
    os.environ["KUBECONFIG"] = str(NOWHERE)
    from haven_hub.kubernetes.pods import Pods

    return Pods


async def _made(kind: Any, spec: WorkspaceSpec, values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    from kubernetes_asyncio.client import ApiClient

    spawner = kind(
        inside=inside(spec),
        user=_Person(spec.person),
        hub=Hub(),
        orm_spawner=Row(name=spec.project),
        config=Config({"KubeSpawner": values}),
    )
    plain = ApiClient()
    try:
        home = plain.sanitize_for_serialization(spawner.get_pvc_manifest())
        pod = plain.sanitize_for_serialization(await spawner.get_pod_manifest())
    finally:
        await plain.close()
        await spawner.api.api_client.close()
    return home, pod
