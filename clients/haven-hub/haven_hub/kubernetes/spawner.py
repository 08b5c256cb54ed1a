"""How does a workspace start and end as a pod? KubeSpawner makes and watches it; its server is met on a socket as ever.

The description is pure (pod.py), and so is what may run (policies.py): the pod is looked through as it goes to the
cluster, and again as the cluster took it; one that lacks a wall is not made, or ended.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import ClientError
from kubernetes_asyncio.client import ApiException
from traitlets.config import Config

from haven_hub.control import Refusal
from haven_hub.hooks import refusal
from haven_hub.kubernetes.model import Cluster
from haven_hub.kubernetes.pod import inside, names, spawner_values
from haven_hub.kubernetes.pods import Pods
from haven_hub.kubernetes.policies import faults_of, faults_once_admitted
from haven_hub.sandbox import WorkspaceSpec
from haven_hub.spawner import SECONDS_TO_START, WorkspaceSpawner
from haven_hub.watch import Bounds

LEFT = "pod"
NOT_MADE = Refusal(
    "workspace.pod_failed",
    "The workspace's pod could not be started in the cluster, so nothing was opened.",
    "The hub's log names the error; docs/kubernetes.md says what the cluster must have.",
)


class PodSpawner(WorkspaceSpawner):
    """A workspace in a pod of the cluster that the place names."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        if self.place.cluster is None:
            raise ValueError("no cluster is named for workspaces")
        self.cluster = Cluster.of(self.place.cluster)
        self.pods: Pods | None = None
        self.left = False  # a pod of this workspace's, by a hub before

    def get_state(self) -> dict[str, Any]:
        """What a hub that was killed leaves for the next one."""
        state: dict[str, Any] = super().get_state()
        return {**state, LEFT: True} if self.pods is not None else state

    def load_state(self, state: dict[str, Any]) -> None:
        """What the hub before left."""
        super().load_state(state)
        self.left = bool(state.get(LEFT))

    async def _launch(self, spec: WorkspaceSpec) -> None:
        held = Bounds(disk=self.place.home_quota, memory=self.place.workspace_memory)
        self.pods = self._pods(spawner_values(spec, self.cluster, held, self._bounds), inside(spec))
        try:
            await self.pods.start()
        except (ApiException, ClientError, TimeoutError) as error:
            self.log.error("The pod of a workspace was not started: %s", type(error).__name__)
            raise refusal(NOT_MADE) from None
        admitted = self.pods.pod_reflector.pods.get(f"{self.cluster.namespace}/{self.pods.pod_name}") or {}
        self._refuse(faults_once_admitted(admitted, self.cluster))

    def _refuse(self, faults: list[str]) -> None:
        for fault in faults:
            self.log.error("A pod is no workspace: %s", fault)
        if faults:
            raise refusal(NOT_MADE)

    def _pods(self, values: dict[str, Any], variables: Mapping[str, str]) -> Pods:
        return Pods(
            inside=variables,
            user=self.user,
            hub=self.hub,
            orm_spawner=self.orm_spawner,
            config=Config({"KubeSpawner": {**values, "start_timeout": int(SECONDS_TO_START)}}),
            modify_pod_hook=self._looked_through,
            get_pod_url=lambda pods, _: pods.server.url if pods.server else "http://localhost/",  # never asked there
        )

    def _looked_through(self, pods: Pods, pod: Any) -> Any:
        """The pod, if it may run. Raises SpawnException: it was not sent anywhere."""
        self._refuse(faults_of(pods.api.api_client.sanitize_for_serialization(pod), self.cluster))
        return pod

    async def _status(self) -> int | None:
        if self.pods is None:
            if self.left:  # of a hub that was killed: nobody watches over it
                await self._pods(names(self.cluster), {}).stop(now=True)
                self.left = False
            return 0
        status: int | None = await self.pods.poll()
        return status

    async def _end(self, now: bool) -> None:
        if self.pods is not None:
            await self.pods.stop(now)
            self.pods = None

    def _account(self) -> int | None:
        return self.cluster.account if os.geteuid() == 0 else None

    def _environment(self) -> Path:
        return Path(self.cluster.environment)
