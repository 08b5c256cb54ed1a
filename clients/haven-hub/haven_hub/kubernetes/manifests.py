"""What must stand in the cluster before a workspace's pod does? Its namespace, with all that bounds and closes it.

Pure: one Cluster in, Kubernetes' objects out, by the name of the file that each goes into, in the order of applying.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from haven_hub.kubernetes.model import Cluster
from haven_hub.kubernetes.pod import BROUGHT_IN, DOORS, LOGS_ON_THE_NODE, PACKAGED, SERVERS, SHARE_KEPT
from haven_hub.watch import Bounds

HUB = "haven-hub"
LEVEL = "restricted"
Manifest = dict[str, Any]


def manifests(cluster: Cluster, held: Bounds) -> dict[str, list[Manifest]]:
    """The objects. held: what one workspace may hold of disk and memory."""
    return {
        "00-namespace.yaml": [_namespace(cluster)],
        "10-network.yaml": [_no_network(cluster)],
        "20-amounts.yaml": [_quota(cluster, held), _limits(cluster, held)],
        "30-folders.yaml": [
            *_folder(cluster, DOORS, cluster.doors),
            *_folder(cluster, SERVERS, cluster.servers),
            *_folder(cluster, BROUGHT_IN, cluster.imports),
            *_folder(cluster, PACKAGED, cluster.packages),
        ],
        "40-hub.yaml": _hub(cluster),
    }


def _namespace(cluster: Cluster) -> Manifest:
    """No pod below Kubernetes' own standard `restricted` gets in, whoever makes it."""
    modes = ("enforce", "audit", "warn")
    labels = {f"pod-security.kubernetes.io/{mode}": LEVEL for mode in modes}
    versions = {f"pod-security.kubernetes.io/{mode}-version": "latest" for mode in modes}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": cluster.namespace, "labels": labels | versions},
    }


def _no_network(cluster: Cluster) -> Manifest:
    """Every pod, both ways, no exception: a workspace reaches the gateway and the hub by Unix sockets."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _named(cluster, "no-network"),
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": []},
    }


def _quota(cluster: Cluster, held: Bounds) -> Manifest:
    """So many workspaces at once; no service, and no secret that one could ask for."""
    most = cluster.most_workspaces
    hard = {
        "pods": str(most),
        "limits.memory": str(most * held.memory),
        "limits.cpu": _number(most * cluster.processors),
        "limits.ephemeral-storage": str(most * LOGS_ON_THE_NODE),
        "services": "0",
        "secrets": "0",
    }
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": _named(cluster, "workspaces"),
        "spec": {"hard": hard},
    }


def _limits(cluster: Cluster, held: Bounds) -> Manifest:
    """What one container and one claim may have at most, and what a container gets that says nothing."""
    most = {
        "cpu": _number(cluster.processors),
        "memory": str(held.memory),
        "ephemeral-storage": str(LOGS_ON_THE_NODE),
    }
    asked = {**most, "cpu": _number(cluster.processors * SHARE_KEPT)}
    return {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": _named(cluster, "one-workspace"),
        "spec": {
            "limits": [
                {"type": "Container", "max": most, "default": most, "defaultRequest": asked},
                {"type": "PersistentVolumeClaim", "max": {"storage": str(held.disk)}},
            ]
        },
    }


def _folder(cluster: Cluster, name: str, path: PurePosixPath) -> list[Manifest]:
    """A folder on the haven's own node, and this namespace's claim to it: nobody else can take it."""
    amount = {"storage": "1Mi"}  # must be said, and means nothing for a folder
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [cluster.node]}
    volume_name = f"{cluster.namespace}-{name}"
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume_name},
        "spec": {
            "capacity": amount,
            "accessModes": ["ReadWriteOnce"],
            "volumeMode": "Filesystem",
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"namespace": cluster.namespace, "name": name},
            "local": {"path": str(path)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": _named(cluster, name),
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "volumeName": volume_name,
            "resources": {"requests": amount},
        },
    }
    return [volume, claim]


def _hub(cluster: Cluster) -> list[Manifest]:
    """Whom the hub is in the cluster. It cannot delete a home, look into a pod's run, or do anything elsewhere."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _named(cluster, HUB)}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": _named(cluster, HUB),
        "rules": [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "create", "delete"]},
            {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["get", "create"]},
        ],
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": _named(cluster, HUB),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": HUB},
        "subjects": [{"kind": "ServiceAccount", "name": HUB, "namespace": cluster.namespace}],
    }
    return [{**account, "automountServiceAccountToken": False}, role, binding]


def _named(cluster: Cluster, name: str) -> dict[str, str]:
    return {"name": name, "namespace": cluster.namespace}


def _number(amount: float) -> str:
    """As Kubernetes writes amounts: no digit that says nothing."""
    return f"{amount:.3f}".rstrip("0").rstrip(".")
