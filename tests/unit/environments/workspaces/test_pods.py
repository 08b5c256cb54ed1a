"""What a workspace's pod must be: each wall that is taken away is found, and each setting that is none is refused."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from haven_hub.kubernetes.model import Cluster, NotForACluster
from haven_hub.kubernetes.pod import LOG, WITH_LIMITS
from haven_hub.kubernetes.policies import faults_of
from haven_hub.kubernetes.seccomp_profile import profile
from haven_hub.sandbox import Limits, limits_of_a_process
from ruamel.yaml import YAML

from tests.fakes.pod_security import below_restricted

EXAMPLE = Path(__file__).resolve().parents[3] / "integration" / "workspaces" / "kubernetes" / "example"
IMAGE = "registry.example/haven/workspace@sha256:" + "0123456789abcdef" * 4
SETTINGS: dict[str, Any] = {
    "image": IMAGE,
    "node": "haven-1.example",
    "account": 990,
    "storage_class": "encrypted",
    "doors": "/srv/haven/run/doors",
    "servers": "/srv/haven/run/hub",
    "imports": "/srv/haven/imports",
    "packages": "/srv/haven/packages",
}
CLUSTER = Cluster.of(SETTINGS)
POD: dict[str, Any] = next(
    one
    for one in YAML(typ="safe", pure=True).load_all((EXAMPLE / "workspace.yaml").read_text(encoding="utf-8"))
    if one["kind"] == "Pod"
)
Change = Callable[[dict[str, Any], dict[str, Any]], object]
WALLS: dict[str, Change] = {
    "no user namespace": lambda pod, _: pod.pop("hostUsers"),
    "the node's user namespace": lambda pod, _: pod.update(hostUsers=True),
    "the node's network": lambda pod, _: pod.update(hostNetwork=True),
    "the node's processes": lambda pod, _: pod.update(hostPID=True),
    "the node's memory": lambda pod, _: pod.update(hostIPC=True),
    "one process space": lambda pod, _: pod.update(shareProcessNamespace=True),
    "a token of the cluster": lambda pod, _: pod.pop("automountServiceAccountToken"),
    "names of services": lambda pod, _: pod.update(enableServiceLinks=True),
    "the cluster's names": lambda pod, _: pod.update(dnsPolicy="ClusterFirst"),
    "started again": lambda pod, _: pod.update(restartPolicy="Always"),
    "root": lambda pod, _: pod["securityContext"].update(runAsUser=0),
    "perhaps root": lambda pod, _: pod["securityContext"].pop("runAsNonRoot"),
    "another account": lambda pod, _: pod["securityContext"].update(runAsUser=991),
    "no filter of the pod": lambda pod, _: pod["securityContext"].pop("seccompProfile"),
    "a switch of the kernel": lambda pod, _: pod["securityContext"].update(sysctls=[]),
    "a second container": lambda pod, one: pod["containers"].append(copy.deepcopy(one)),
    "a container before": lambda pod, one: pod.update(initContainers=[one]),
    "another image": lambda _, one: one.update(image="registry.example/haven/workspace:latest"),
    "no filter": lambda _, one: one["securityContext"].pop("seccompProfile"),
    "an open filter": lambda _, one: one["securityContext"].update(seccompProfile={"type": "Unconfined"}),
    "the runtime's filter only": lambda _, one: one["securityContext"].update(
        seccompProfile={"type": "RuntimeDefault"}
    ),
    "more rights later": lambda _, one: one["securityContext"].update(allowPrivilegeEscalation=True),
    "privileges": lambda _, one: one["securityContext"].update(privileged=True),
    "a right kept": lambda _, one: one["securityContext"].update(capabilities={"drop": ["ALL"], "add": ["NET_RAW"]}),
    "rights kept": lambda _, one: one["securityContext"].pop("capabilities"),
    "its own root": lambda _, one: one["securityContext"].update(runAsUser=0),
    "an open /proc": lambda _, one: one["securityContext"].update(procMount="Unmasked"),
    "a disk to write": lambda _, one: one["securityContext"].update(readOnlyRootFilesystem=False),
    "all memory": lambda _, one: one["resources"]["limits"].pop("memory"),
    "all processors": lambda _, one: one["resources"]["limits"].pop("cpu"),
    "all of the node's disk": lambda _, one: one["resources"]["limits"].pop("ephemeral-storage"),
    "a port": lambda _, one: one.update(ports=[{"containerPort": 8888}]),
    "variables from a secret": lambda _, one: one.update(envFrom=[{"secretRef": {"name": "x"}}]),
    "a variable from a secret": lambda _, one: one["env"].append({"name": "X", "valueFrom": {}}),
    "a folder of the node": lambda pod, _: pod["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
    "a secret's volume": lambda pod, _: pod["volumes"].append({"name": "x", "secret": {"secretName": "x"}}),
    "a volume of no kind": lambda pod, _: pod["volumes"].append({"name": "x"}),
    "memory without a bound": lambda pod, _: pod["volumes"].append({"name": "x", "emptyDir": {"medium": "Memory"}}),
}


def test_the_example_may_run() -> None:
    """What the command writes as an example has no fault, by our rules and by Kubernetes' standard."""
    assert faults_of(POD, CLUSTER) == []
    assert below_restricted(POD) == []


@pytest.mark.parametrize("wall", WALLS)
def test_each_wall_that_is_missing_is_found(wall: str) -> None:
    """A pod without one of its walls may not run, whoever put it together."""
    pod = copy.deepcopy(POD)
    WALLS[wall](pod["spec"], pod["spec"]["containers"][0])
    assert len(faults_of(pod, CLUSTER)) == 1


def test_nothing_is_no_workspace() -> None:
    """A pod that says nothing has every fault, and no field of it is taken to hold."""
    assert len(faults_of({}, CLUSTER)) >= 10


@pytest.mark.parametrize(
    "name", ["image", "node", "account", "storage_class", "doors", "servers", "imports", "packages"]
)
def test_what_must_be_said_has_no_default(name: str) -> None:
    """A setting that is left out is named."""
    with pytest.raises(NotForACluster, match=name):
        Cluster.of({key: value for key, value in SETTINGS.items() if key != name})


@pytest.mark.parametrize(
    "changed",
    [
        {"privileged": True},
        {"image": "workspace@sha256:" + "0" * 64},
        {"image": IMAGE.upper()},
        {"image": f"{IMAGE}\n"},
        {"account": True},
        {"account": "990"},
        {"account": 65535},
        {"node": ""},
        {"node": "a" * 254},
        {"storage_class": "-x"},
        {"doors": "run/doors"},
        {"doors": "/"},
        {"servers": "/srv/../etc"},
        {"most_workspaces": 0},
        {"processors": float("nan")},
    ],
)
def test_what_is_no_setting_is_refused(changed: dict[str, Any]) -> None:
    """An unknown setting, or one of another kind, describes no cluster; the error says what to change."""
    with pytest.raises(NotForACluster) as refused:
        Cluster.of({**SETTINGS, **changed})
    assert refused.value.mend


def test_only_unix_sockets_can_be_made() -> None:
    """The filter denies every other family by name or by being higher, in both calls that make sockets."""
    rules = profile()["syscalls"]
    for call in ("socket", "socketpair"):
        of_call = [rule["args"][0] for rule in rules if rule["names"] == [call] and len(rule["args"]) == 1]
        denied = {one["value"] for one in of_call if one["op"] == "SCMP_CMP_EQ"}
        assert denied == set(range(17)) - {1, 16}
        assert [one["value"] for one in of_call if one["op"] == "SCMP_CMP_GT"] == [16]


def test_the_limits_of_each_process_are_in_force_before_the_server(tmp_path: Path) -> None:
    """What Kubernetes has no words for is set by the pod's own command, and its output stays in the pod."""
    log = tmp_path / "server.log"
    show = (
        "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_CORE))"
    )
    limits = json.dumps(limits_of_a_process(Limits(files=100)))
    program = WITH_LIMITS.replace(LOG, str(log))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, limits, sys.executable, "-c", show], capture_output=True, check=True
    )
    assert (done.stdout, done.stderr) == (b"", b"")
    assert log.read_text(encoding="utf-8") == "(100, 100) (0, 0)\n"
