"""A cluster of one node: the few routes of Kubernetes that the hub asks, and a kubelet that carries out what pods say.

Not Kubernetes: a pod is admitted by the schema and the standard as written down here, and run by bubblewrap with the
volumes, variables, account and command that its manifest says. What the pod does not say is not there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kubernetes_validate
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from environments.workspaces.hub import base_interpreter
from environments.workspaces.machine import sandbox_program
from tests.fakes.plain_account import PLAIN_ACCOUNT, as_plain_account
from tests.fakes.pod_security import below_restricted
from tests.fakes.pods import node_filter
from tests.fakes.workspaces import WorkplaceForTests, clients_folder, environments_folder, free_port, serving, workplace

VERSION = "1.37"
FALSE_UNSAID = ("hostNetwork", "hostPID", "hostIPC")  # Kubernetes gives back only what is not so by default
MEMORY_OF_THE_NODE = 64 * 1024**3
ACCOUNT = PLAIN_ACCOUNT if os.geteuid() == 0 else os.getuid()
Object = dict[str, Any]


@dataclass
class Node:
    """What the node has: folders behind claims, and where the image's places lie on this machine."""

    home: Path
    environments: Path
    clients: Path
    claims: dict[str, Path]

    def command(self, pod: Object, call_filter: int) -> list[str]:
        """How bubblewrap runs this pod's container. call_filter: the open file of its profile's program."""
        spec, container = pod["spec"], pod["spec"]["containers"][0]
        account = str(spec["securityContext"]["runAsUser"])
        python = base_interpreter(self.environments / "workspace")
        words = ["/usr/bin/choom", "-n", str(ended_before_others(container["resources"])), "--"]
        words += [str(sandbox_program(self.environments / "hub")), "--die-with-parent", "--new-session", "--clearenv"]
        words += [f"--unshare-{kind}" for kind in ("user", "pid", "ipc", "uts", "net")]
        words += ["--uid", account, "--gid", account, "--hostname", spec["hostname"], "--cap-drop", "ALL"]
        words += ["--ro-bind", "/usr", "/usr", *self._links(), "--proc", "/proc", "--dev", "/dev"]
        for inside, here in (
            (python, python),
            ("/opt/haven/environments/workspace", self.environments / "workspace"),
            ("/opt/haven/client", self.clients / "haven-client"),
            ("/opt/haven/jupyter", self.clients / "haven-hub" / "jupyter"),
        ):
            words += ["--ro-bind", str(here), str(inside)]
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        for mount in container["volumeMounts"]:
            words += self._mount(pod, volumes[mount["name"]], mount)
        for one in container["env"]:
            words += ["--setenv", one["name"], one["value"].replace("$$", "$")]
        # what a runtime makes of /dev belongs to root
        words += [
            "--remount-ro",
            "/dev",
            "--remount-ro",
            "/",
            "--seccomp",
            str(call_filter),
            "--chdir",
            container["workingDir"],
            "--",
        ]
        return [*words, *(part.replace("$$", "$") for part in container["command"])]

    def _mount(self, pod: Object, volume: Object, mount: Object) -> list[str]:
        inside, part = mount["mountPath"], mount.get("subPath", "")
        if "emptyDir" in volume:
            assert volume["emptyDir"]["medium"] == "Memory"
            return ["--size", volume["emptyDir"]["sizeLimit"], "--tmpfs", inside]
        if "downwardAPI" in volume:
            name = volume["downwardAPI"]["items"][0]["fieldRef"]["fieldPath"].split("'")[1]
            here = self.home / f"{pod['metadata']['name']}.{part}"
            here.write_text(pod["metadata"]["annotations"][name], encoding="utf-8")
            return ["--ro-bind", str(here), inside]
        claim = volume["persistentVolumeClaim"]
        folder = self.claims[claim["claimName"]]
        closed = claim.get("readOnly") or mount.get("readOnly")
        return ["--ro-bind" if closed else "--bind", str(folder / part), inside]

    def _links(self) -> list[str]:
        names = [name for name in ("bin", "sbin", "lib", "lib32", "lib64") if Path("/", name).is_symlink()]
        return [word for name in names for word in ("--symlink", f"usr/{name}", f"/{name}")]


def ended_before_others(resources: Object) -> int:
    """The kubelet's word to the kernel for when memory ends, by its own rule for the three classes of pods."""
    limits, requests = resources["limits"], resources["requests"]
    if not limits and not requests:
        return 1000
    if all(limits.get(name) == requests.get(name) for name in ("cpu", "memory")):
        return -997
    return min(max(2, 1000 - 1000 * int(requests["memory"]) // MEMORY_OF_THE_NODE), 999)


@dataclass
class FakeCluster:
    """The namespace's pods and claims, and who watches them."""

    node: Node
    account: int
    pods: dict[str, Object] = field(default_factory=dict)
    claimed: dict[str, Object] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    said: list[tuple[str, Object]] = field(default_factory=list)
    turned_away: list[Object] = field(default_factory=list)
    admits: bool = True
    changes: Callable[[Object], object] = lambda _: None  # what becomes of a pod on its way in

    def routes(self) -> list[Route]:
        """What the hub's role may ask."""
        at = "/api/v1/namespaces/{namespace}"
        return [
            Route(f"{at}/pods", self.list_pods, methods=["GET"]),
            Route(f"{at}/pods", self.create_pod, methods=["POST"]),
            Route(f"{at}/pods/{{name}}", self.delete_pod, methods=["DELETE"]),
            Route(f"{at}/persistentvolumeclaims", self.claim, methods=["POST"]),
        ]

    async def list_pods(self, request: Request) -> Response:
        """All of them, or what is said of them from now on."""
        if request.query_params.get("watch") in ("true", "True"):
            return StreamingResponse(self._watch(int(request.query_params["resourceVersion"])))
        return JSONResponse(
            {"kind": "PodList", "metadata": {"resourceVersion": str(len(self.said))}, "items": list(self.pods.values())}
        )

    async def create_pod(self, request: Request) -> Response:
        """Admitted, and run."""
        pod = await request.json()
        name = pod["metadata"]["name"]
        kubernetes_validate.validate(pod, VERSION, strict=True)
        if not self.admits or below_restricted(pod):
            self.turned_away.append(pod)
            return JSONResponse({"message": "violates PodSecurity"}, status_code=403)
        if name in self.pods:
            return JSONResponse({"message": "exists"}, status_code=409)
        for said in FALSE_UNSAID:
            pod["spec"].pop(said)
        self.changes(pod)
        pod["metadata"] |= {"namespace": request.path_params["namespace"], "uid": f"uid-of-{name}"}
        self.running[name] = self._run(pod)
        image = pod["spec"]["containers"][0]["image"]
        status = {"name": "notebook", "image": image, "imageID": image, "ready": True, "restartCount": 0,
                  "state": {"running": {}}}  # fmt: skip
        pod["status"] = {"phase": "Running", "podIP": "192.0.2.1", "containerStatuses": [status]}
        self.pods[name] = pod
        self._say("ADDED", pod)
        return JSONResponse(pod, status_code=201)

    async def delete_pod(self, request: Request) -> Response:
        """Ended, and gone."""
        pod = self.pods.pop(request.path_params["name"], None)
        if pod is None:
            return JSONResponse({"message": "not found"}, status_code=404)
        process = self.running.pop(request.path_params["name"])
        process.kill()
        await asyncio.to_thread(process.wait)
        self._say("DELETED", pod)
        return JSONResponse(pod)

    async def claim(self, request: Request) -> Response:
        """A home, made when it is first claimed."""
        claim = await request.json()
        name = claim["metadata"]["name"]
        kubernetes_validate.validate(claim, VERSION, strict=True)
        if name in self.claimed:
            return JSONResponse({"message": "exists"}, status_code=409)
        self.claimed[name] = claim
        folder = self.node.home / f"home-of-{name}"
        folder.mkdir()
        os.chown(folder, self.account, self.account)
        self.node.claims[name] = folder
        return JSONResponse(claim, status_code=201)

    def _run(self, pod: Object) -> subprocess.Popen[bytes]:
        profile = pod["spec"]["containers"][0]["securityContext"]["seccompProfile"]
        assert profile == {"type": "Localhost", "localhostProfile": "haven/workspace.json"}
        compiled = self.node.home / "filter"
        node_filter(self.node.environments / "hub", compiled)
        call_filter = os.open(compiled, os.O_RDONLY)
        try:
            return self._run_within(pod, call_filter)
        finally:
            os.close(call_filter)

    def _run_within(self, pod: Object, call_filter: int) -> subprocess.Popen[bytes]:
        command = tuple(self.node.command(pod, call_filter))
        if os.geteuid() == 0:
            node = self.node
            places = [node.environments, node.clients, base_interpreter(node.environments / "workspace"), node.home]
            command = as_plain_account(command, places)
        with (self.node.home / "pods.log").open("ab") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(call_filter,), env={}
            )

    def _say(self, kind: str, pod: Object) -> None:
        pod["metadata"]["resourceVersion"] = str(len(self.said) + 1)
        self.said.append((kind, json.loads(json.dumps(pod))))

    async def _watch(self, since: int) -> AsyncIterator[bytes]:
        while True:
            for kind, pod in self.said[since:]:
                yield json.dumps({"type": kind, "object": pod}).encode() + b"\n"
                since += 1
            await asyncio.sleep(0.05)


@contextlib.contextmanager
def standing(cluster: FakeCluster, port: int) -> Iterator[None]:
    """The cluster at this port of this machine, until the block ends; nothing of it runs on."""
    app = Starlette(routes=cluster.routes())
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1)
    try:
        with serving(config):
            yield
    finally:
        for process in cluster.running.values():
            process.kill()
            process.wait()


@dataclass
class PodPlace:
    """The hub's place and its cluster."""

    workplace: WorkplaceForTests
    cluster: FakeCluster


@contextlib.contextmanager
def pod_place(**said: Any) -> Iterator[PodPlace]:
    """A hub whose workspaces are pods of a cluster, until the block ends. said: other than what is right of it."""
    port, made = free_port(), []

    def of(home: Path) -> dict[str, Any]:
        (home / "kubeconfig").write_text(kubeconfig(port), encoding="utf-8")
        claims = {
            "haven-doors": home / "doors",
            "haven-servers": home / "run",
            "haven-imports": home / "imports",
            "haven-packages": home / "packages",
        }
        made.append(FakeCluster(Node(home, environments_folder(), clients_folder(), claims), ACCOUNT))
        stack.enter_context(standing(made[0], port))
        cluster = {
            "image": "registry.example/haven/workspace@sha256:" + "0" * 64,
            "node": "here",
            "account": ACCOUNT,
            "storage_class": "encrypted",
            "doors": str(home / "doors"),
            "servers": str(home / "run"),
            "imports": str(home / "imports"),
            "packages": str(home / "packages"),
        }
        told = {"kubeconfig": home / "kubeconfig", **cluster, **said}
        return {"kubeconfig": told.pop("kubeconfig"), "cluster": told}

    with (
        contextlib.ExitStack() as stack,
        workplace(environments_folder(), clients_folder(), plain=True, pods=of) as place,
    ):
        place.homes = lambda person, project: made[0].node.claims[f"workspace-{person}--{project}"]
        yield PodPlace(place, made[0])


def kubeconfig(port: int) -> str:
    """Where the cluster is, as the hub is told."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "hub"}}],
            "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "users": [{"name": "hub", "user": {}}],
        }
    )
