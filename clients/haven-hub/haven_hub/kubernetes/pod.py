"""What does a workspace's pod look like? KubeSpawner's values from the description that the sandbox is made of, too.

Pure: a WorkspaceSpec and a Cluster go in, values come out. Rule: as in the sandbox (sandbox.py), what is not named
here does not exist inside; whatever KubeSpawner would add by itself (its port, its variables) is replaced.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

from haven_hub.kubernetes.model import Cluster, NotForACluster
from haven_hub.kubernetes.seccomp_profile import FILE
from haven_hub.sandbox import (
    CONDITIONS,
    FLIGHT_SOCKET,
    GATEWAY_SOCKET,
    HOME,
    HUB_SOCKET,
    IMPORTS,
    JUPYTER,
    LAB_FOLDER,
    PACKAGES,
    WorkspaceSpec,
    limits_of_a_process,
    server_command,
    variables_inside,
)
from haven_hub.stay import StayBounds
from haven_hub.watch import Bounds

DOORS, SERVERS = "haven-doors", "haven-servers"
BROUGHT_IN, PACKAGED = "haven-imports", "haven-packages"
"""The claims to folders of the haven's node, of the same names as their volumes."""
NAME = "workspace-{user_server}"
CONDITIONS_NOTE = "haven/conditions"
LOG = "/tmp/server.log"  # noqa: S108 - the pod's own
LOGS_ON_THE_NODE = 64 * 1024**2
SECONDS_TO_STOP = 5
SHARE_KEPT = 0.1
"""Of the processors. Less than all, so that the pod is no guaranteed one: those outlive the haven's own services when
the node's memory ends."""
TUTORIAL = "start-here.ipynb"
# Limits that Kubernetes has no words for, set as the sandbox's helper sets them; nothing that the server or a kernel
# prints goes to the node's logs, which are collected outside the haven; a new home gets the notebook to begin with.
WITH_LIMITS = (
    "import json, os, resource, shutil, sys\n"
    f"told, first = {JUPYTER + '/' + TUTORIAL!r}, {HOME + '/' + TUTORIAL!r}\n"
    "if os.path.exists(told) and not os.path.lexists(first):\n"
    "    shutil.copyfile(told, first)\n"
    "for name, most in json.loads(sys.argv[1]).items():\n"
    "    resource.setrlimit(getattr(resource, name), (most, most))\n"
    f"log = os.open({LOG!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)\n"
    "os.dup2(log, 1)\n"
    "os.dup2(log, 2)\n"
    "os.execv(sys.argv[2], sys.argv[2:])\n"
)


def spawner_values(spec: WorkspaceSpec, cluster: Cluster, held: Bounds, stay: StayBounds) -> dict[str, Any]:
    """KubeSpawner's traits for one workspace. held: its home and all its memory. Raises NotForACluster."""
    if PurePosixPath(spec.folders.environment) != cluster.environment:
        raise NotForACluster(
            "The workspace's environment is not the one in the image.",
            "Describe it with the cluster's own: environment.",
        )
    return {
        **names(cluster),
        "image": cluster.image,
        "image_pull_policy": "IfNotPresent",  # a digest never means another image
        "node_selector": {"kubernetes.io/hostname": cluster.node},
        "automount_service_account_token": False,
        "allow_privilege_escalation": False,
        "privileged": False,
        "pod_security_context": _pod_security(cluster),
        "container_security_context": _container_security(),
        "extra_annotations": {CONDITIONS_NOTE: _unexpanded("\n".join(spec.conditions) + "\n")},
        **_amounts(cluster, held),
        **_home(cluster, held),
        "volumes": _volumes(spec),
        "volume_mounts": _mounts(spec, cluster),
        "extra_container_config": {
            "command": [_undollared(part) for part in command(spec)],
            "args": [],
            "ports": [],
            "workingDir": HOME,
        },
        "extra_pod_config": _apart(stay),
    }


def names(cluster: Cluster) -> dict[str, Any]:
    """The values by which a workspace's pod is found, and nothing else is looked for."""
    return {
        "namespace": cluster.namespace,
        "pod_name_template": NAME,
        "slug_scheme": "safe",
        "enable_user_namespaces": False,
        "services_enabled": False,
        "events_enabled": False,
    }


def inside(spec: WorkspaceSpec) -> dict[str, str]:
    """The whole environment of the pod, as its manifest writes it.

    Apart from the values: what KubeSpawner is told to override it writes into its log, and a token stands in here.
    """
    return {name: _undollared(value) for name, value in variables_inside(spec).items()}


def command(spec: WorkspaceSpec) -> list[str]:
    """The server's own command, with the limits of each process set before."""
    python = f"{spec.folders.environment}/bin/python"
    limits = json.dumps(limits_of_a_process(spec.limits), sort_keys=True)
    return [python, "-I", "-S", "-c", WITH_LIMITS, limits, *server_command(spec)]


def _pod_security(cluster: Cluster) -> dict[str, Any]:
    return {
        "runAsNonRoot": True,
        "runAsUser": cluster.account,
        "runAsGroup": cluster.account,
        "fsGroup": cluster.account,  # a new home is root's otherwise
        "fsGroupChangePolicy": "OnRootMismatch",
        "supplementalGroupsPolicy": "Strict",
        "seccompProfile": {"type": "RuntimeDefault"},  # of whatever else would ever run in the pod
    }


def _container_security() -> dict[str, Any]:
    return {
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "Localhost", "localhostProfile": FILE},
    }


def _amounts(cluster: Cluster, held: Bounds) -> dict[str, Any]:
    return {
        "mem_limit": held.memory,
        "mem_guarantee": held.memory,
        "cpu_limit": cluster.processors,
        "cpu_guarantee": round(cluster.processors * SHARE_KEPT, 3),
        "extra_resource_limits": {"ephemeral-storage": str(LOGS_ON_THE_NODE)},
        "extra_resource_guarantees": {"ephemeral-storage": str(LOGS_ON_THE_NODE)},
    }


def _home(cluster: Cluster, held: Bounds) -> dict[str, Any]:
    """A claim for each person and project, kept when the pod ends."""
    return {
        "storage_pvc_ensure": True,
        "delete_pvc": False,
        "pvc_name_template": NAME,
        "storage_class": cluster.storage_class,
        "storage_capacity": str(held.disk),
        "storage_access_modes": ["ReadWriteOncePod"],
    }


def _volumes(spec: WorkspaceSpec) -> list[dict[str, Any]]:
    note = {"path": "conditions.txt", "fieldRef": {"fieldPath": f"metadata.annotations['{CONDITIONS_NOTE}']"}}
    memory = {"emptyDir": {"medium": "Memory", "sizeLimit": str(spec.limits.scratch)}}
    return [
        {"name": "home", "persistentVolumeClaim": {"claimName": NAME}},
        {"name": DOORS, "persistentVolumeClaim": {"claimName": DOORS, "readOnly": True}},
        {"name": SERVERS, "persistentVolumeClaim": {"claimName": SERVERS}},
        {"name": BROUGHT_IN, "persistentVolumeClaim": {"claimName": BROUGHT_IN, "readOnly": True}},
        {"name": PACKAGED, "persistentVolumeClaim": {"claimName": PACKAGED, "readOnly": True}},
        {"name": "conditions", "downwardAPI": {"items": [note], "defaultMode": 0o444}},
        {"name": "tmp", **memory},
        {"name": "shm", **memory},
    ]


def _mounts(spec: WorkspaceSpec, cluster: Cluster) -> list[dict[str, Any]]:
    folders = spec.folders
    doors, servers = cluster.doors, cluster.servers
    return [
        {"name": "home", "mountPath": HOME},
        _read(DOORS, GATEWAY_SOCKET, _below(doors, folders.door)),
        _read(DOORS, FLIGHT_SOCKET, _below(doors, folders.flight)),
        _read(SERVERS, HUB_SOCKET, _below(servers, folders.hub)),
        {"name": SERVERS, "mountPath": LAB_FOLDER, "subPath": _unexpanded(_below(servers, folders.lab))},
        _read(BROUGHT_IN, IMPORTS, _below(cluster.imports, folders.imports)),
        _read(PACKAGED, PACKAGES, _below(cluster.packages, folders.packages)),
        _read("conditions", CONDITIONS, "conditions.txt"),
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
        {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - the pod's own
    ]


def _read(volume: str, inside: str, part: str) -> dict[str, Any]:
    return {"name": volume, "mountPath": inside, "subPath": _unexpanded(part), "readOnly": True}


def _below(folder: PurePosixPath, path: PurePosixPath) -> str:
    """Where it lies in this folder; the hub names its own sockets from its folder on."""
    whole = folder / path
    if ".." in whole.parts or whole == folder or not whole.is_relative_to(folder):
        raise NotForACluster(
            "A folder or socket of the workspace lies outside the folders that the cluster's pods see.",
            "doors, servers, imports and packages must be the folders of this haven (docs/kubernetes.md).",
        )
    return str(whole.relative_to(folder))


def _apart(stay: StayBounds) -> dict[str, Any]:
    longest = int(stay.longest.total_seconds())
    return {
        "hostUsers": False,
        "hostNetwork": False,
        "hostPID": False,
        "hostIPC": False,
        "shareProcessNamespace": False,
        "enableServiceLinks": False,
        "hostname": "workspace",
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["127.0.0.1"]},  # one must be named, and there is none
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": SECONDS_TO_STOP,
        **({"activeDeadlineSeconds": longest} if longest else {}),
    }


def _unexpanded(text: str) -> str:
    """KubeSpawner fills braces of some values with its own words; here they are meant as they stand."""
    return text.replace("{", "{{").replace("}", "}}")


def _undollared(text: str) -> str:
    """The kubelet fills $(NAME) with a variable; doubled, a dollar is one."""
    return text.replace("$", "$$")
