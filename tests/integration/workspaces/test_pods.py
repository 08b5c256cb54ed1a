"""A workspace as a pod, from the hub's page to a cell: the real hub and KubeSpawner, at a cluster of the tests' own.

The pod that goes to the cluster is carried out as it says: what it lacks, or has too much, is lacking, or there.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from access.decisions import RefusedError
from environments.workspaces.client import HubClient
from environments.workspaces.errors import WorkspaceError
from tests.fakes.cluster import ACCOUNT, PodPlace, pod_place
from tests.fakes.waiting import becomes
from tests.fakes.workspaces import clients_folder

NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
POD = "workspace-asha--diabetes"


@pytest.fixture(scope="module")
def pods() -> Iterator[PodPlace]:
    """A hub whose workspaces are pods; asha may work in diabetes."""
    with pod_place() as place:
        place.workplace.approvals.approved.add(("asha", "diabetes"))
        yield place


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


def test_no_namespace_can_be_made_in_a_pod(asha: HubClient) -> None:
    """Not by the call that `clone` is either, for each kind; with none of them it makes a process."""
    attempt = (
        "import ctypes, errno, os, platform\n"
        "number = {'x86_64': 56, 'aarch64': 220}[platform.machine()]\n"
        "def clone(flags):\n"
        "    made = ctypes.CDLL(None, use_errno=True).syscall(number, flags | 17, 0, 0, 0, 0)\n"
        "    if made == 0: os._exit(0)\n"
        "    return 'made' if made > 0 else errno.errorcode[ctypes.get_errno()]\n"
        f"print([clone(flags) for flags in (0, *{NAMESPACES})])"
    )
    with asha.kernel("asha", "diabetes") as kernel:
        assert kernel.run(attempt).text.strip() == str(["made", *["EPERM"] * 7])


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


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (lambda pod: pod["spec"].pop("hostUsers"), "hostUsers"),
        (
            lambda pod: pod["spec"]["containers"].append({**pod["spec"]["containers"][0], "name": "mesh"}),
            "one container",
        ),
    ],
    ids=["a server too old to know", "a mesh that adds itself"],
)
def test_a_pod_that_the_cluster_changed_is_ended(
    pods: PodPlace, changes: Callable[[dict[str, Any]], object], said: str
) -> None:
    """What a server drops, or another program adds, is seen in what the cluster took; nobody gets to work there."""
    pods.workplace.approvals.approved.add(("asha", "diabetes"))
    pods.cluster.admits, pods.cluster.changes = True, changes
    with pytest.raises(RefusedError, match="pod could not be started"):
        pods.workplace.workspaces.enter("asha", "diabetes")
    assert becomes(lambda: not pods.cluster.pods)
    log = (pods.workplace.home / "hub.log").read_text(encoding="utf-8")
    assert said in log.rsplit("A pod is no workspace: ", 1)[1]


@pytest.mark.parametrize(
    "wrong", [{"image": "registry.example/haven/workspace:latest"}, {"host_network": True}, {"kubeconfig": None}]
)
def test_a_hub_whose_cluster_is_wrong_does_not_start(wrong: dict[str, Any]) -> None:
    """An image by its tag, a setting that nobody knows, no kubeconfig: found when the hub starts."""
    with pytest.raises(WorkspaceError, match="did not start"), pod_place(**wrong):
        pytest.fail("the hub started")


def _token(pod: dict[str, Any]) -> str:
    env = {one["name"]: one["value"] for one in pod["spec"]["containers"][0]["env"]}
    return str(env["JUPYTERHUB_API_TOKEN"])
