"""A workspace as a pod, from the hub's page to a cell: the real hub and KubeSpawner, at a cluster of the tests' own.

The pod that goes to the cluster is carried out as it says: what it lacks, or has too much, is lacking, or there.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from access.decisions import RefusedError
from environments.workspaces.client import HubClient
from tests.fakes.cluster import FakeCluster, Node, kubeconfig, serving
from tests.fakes.plain_account import PLAIN_ACCOUNT
from tests.fakes.waiting import becomes
from tests.fakes.workspaces import WorkplaceForTests, clients_folder, environments_folder, free_port, workplace

ACCOUNT = PLAIN_ACCOUNT if os.geteuid() == 0 else os.getuid()
POD = "workspace-asha--diabetes"


@dataclass
class PodPlace:
    """The hub's place and its cluster."""

    workplace: WorkplaceForTests
    cluster: FakeCluster


@pytest.fixture(scope="module")
def pods() -> Iterator[PodPlace]:
    """A hub whose workspaces are pods; asha may work in diabetes."""
    port, stack, made = free_port(), ExitStack(), []

    def of(home: Path) -> dict[str, Any]:
        (home / "kubeconfig").write_text(kubeconfig(port), encoding="utf-8")
        claims = {"haven-doors": home / "doors", "haven-servers": home / "run"}
        made.append(FakeCluster(Node(home, environments_folder(), clients_folder(), claims), ACCOUNT))
        stack.enter_context(serving(made[0], port))
        cluster = {
            "image": "registry.example/haven/workspace@sha256:" + "0" * 64,
            "node": "here",
            "account": ACCOUNT,
            "storage_class": "encrypted",
            "doors": str(home / "doors"),
            "servers": str(home / "run"),
        }
        return {"cluster": cluster, "kubeconfig": home / "kubeconfig"}

    with stack, workplace(environments_folder(), clients_folder(), plain=True, pods=of) as place:
        place.approvals.approved.add(("asha", "diabetes"))
        yield PodPlace(place, made[0])


@pytest.fixture(scope="module")
def asha(pods: PodPlace) -> Iterator[HubClient]:
    """She has opened her workspace."""
    with pods.workplace.workspaces.enter("asha", "diabetes") as hub:
        yield hub


def test_a_cell_runs_in_a_pod(pods: PodPlace, asha: HubClient) -> None:
    """Over the edge and the socket of the pod's own server; the home is the claim's, the conditions are told."""
    with asha.kernel("asha", "diabetes") as kernel:
        assert kernel.run("print(open('/run/haven/conditions.txt').read())").text.strip()
        assert kernel.run("open('kept', 'w').write('x')").error is None
        assert kernel.run("import resource; print(resource.getrlimit(resource.RLIMIT_CORE))").text.strip() == "(0, 0)"
        assert kernel.run("open('/usr/x', 'w')").error == "OSError"
    assert (pods.cluster.node.claims[POD] / "kept").read_text() == "x"
    assert pods.cluster.turned_away == []


def test_the_door_says_who_asks(asha: HubClient) -> None:
    """The gateway's socket is there, and behind it are the pod's own person and project; no token is in the kernel."""
    ask = (
        "import http.client, os, socket\n"
        "c = http.client.HTTPConnection('x')\n"
        "c.sock = socket.socket(socket.AF_UNIX)\n"
        "c.sock.connect(os.environ['HAVEN_SOCKET'])\n"
        "c.request('GET', '/v1/whoami')\n"
        "print(c.getresponse().read().decode(), [n for n in os.environ if 'TOKEN' in n])"
    )
    with asha.kernel("asha", "diabetes") as kernel:
        assert kernel.run(ask).text.strip() == '{"person": "asha", "project": "diabetes"} []'


def test_no_log_has_the_servers_token(pods: PodPlace, asha: HubClient) -> None:
    """The token stands in the pod, for its server; KubeSpawner, which logs whole pods, does not log it."""
    token = _token(pods.cluster.pods[POD])
    log = (pods.workplace.home / "hub.log").read_text(encoding="utf-8")
    assert "JupyterHub is now running" in log
    assert token not in log
    assert "JUPYTERHUB_API_TOKEN" not in log


def test_a_new_home_begins_with_the_tutorial(pods: PodPlace, asha: HubClient) -> None:
    """The notebook lies in the home's claim, and is the person's own to change."""
    notebook = pods.cluster.node.claims[POD] / "start-here.ipynb"
    assert notebook.read_bytes() == (clients_folder() / "haven-hub" / "jupyter" / "start-here.ipynb").read_bytes()
    assert notebook.stat().st_uid == ACCOUNT


def test_the_pod_of_a_killed_hub_ends_when_the_next_one_starts(pods: PodPlace, asha: HubClient) -> None:
    """Nobody watches over it any more: it is deleted before anything else is opened."""
    assert POD in pods.cluster.pods
    hub = pods.workplace.hub
    os.kill(hub.number, signal.SIGKILL)
    hub.stop()
    assert POD in pods.cluster.pods
    hub.start(pods.workplace.home / "hub.log")
    assert becomes(lambda: not pods.cluster.pods)
    with pods.workplace.workspaces.enter("asha", "diabetes"):
        assert POD in pods.cluster.pods


def test_a_pod_ends_with_its_approval(pods: PodPlace, asha: HubClient) -> None:
    """After a withdrawal the pod is deleted within the hub's interval, and its home is kept; it opens no more."""
    assert POD in pods.cluster.pods
    pods.workplace.approvals.approved.clear()
    assert becomes(lambda: not pods.cluster.pods)
    assert POD in pods.cluster.claimed
    with pytest.raises(RefusedError):
        pods.workplace.workspaces.enter("asha", "diabetes")
    assert not pods.cluster.pods


def test_what_the_cluster_refuses_is_told_without_the_pod(pods: PodPlace) -> None:
    """The person reads that no pod could be started; the log has the line and the status, and no token."""
    pods.workplace.approvals.approved.add(("asha", "diabetes"))
    pods.cluster.admits = False
    with pytest.raises(RefusedError, match="pod could not be started"):
        pods.workplace.workspaces.enter("asha", "diabetes")
    log = (pods.workplace.home / "hub.log").read_text(encoding="utf-8")
    assert "KubeSpawner complained: spawner.py" in log
    assert "ApiException 403" in log
    assert _token(pods.cluster.turned_away[-1]) not in log


def _token(pod: dict[str, Any]) -> str:
    env = {one["name"]: one["value"] for one in pod["spec"]["containers"][0]["env"]}
    return str(env["JUPYTERHUB_API_TOKEN"])
