"""May this pod run as a workspace? Looked at as it would go to the cluster, whoever put it together. Pure.

Rules: the standard `restricted` of Kubernetes' pod security, and beyond it what a workspace's walls are made of. A
field that is not there does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from haven_hub.kubernetes.model import Cluster
from haven_hub.kubernetes.seccomp_profile import FILE

ALLOWED_VOLUMES = frozenset({"persistentVolumeClaim", "downwardAPI", "emptyDir"})
OF_THE_POD = {
    "hostUsers": False,
    "hostNetwork": False,
    "hostPID": False,
    "hostIPC": False,
    "shareProcessNamespace": False,
    "automountServiceAccountToken": False,
    "enableServiceLinks": False,
    "dnsPolicy": "None",
    "restartPolicy": "Never",
}
OF_THE_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "Localhost", "localhostProfile": FILE},
}
FALSE_UNSAID = ("hostNetwork", "hostPID", "hostIPC")
BOUNDED = ("cpu", "memory", "ephemeral-storage")


def faults_of(pod: Mapping[str, Any], cluster: Cluster) -> list[str]:
    """What keeps this Pod (as JSON has it) from being a workspace of this cluster, in sentences; none: it may run."""
    spec = pod.get("spec") or {}
    return [*_faults_of_the_pod(spec, cluster), *_faults_of_its_containers(spec, cluster), *_faults_of_volumes(spec)]


def faults_once_admitted(pod: Mapping[str, Any], cluster: Cluster) -> list[str]:
    """The same of a pod as the cluster took it: a server may drop what it does not know, and others may add to it.

    What is false by default is not said there.
    """
    spec = dict.fromkeys(FALSE_UNSAID, False) | dict(pod.get("spec") or {})
    return faults_of({**pod, "spec": spec}, cluster)


def _faults_of_the_pod(spec: Mapping[str, Any], cluster: Cluster) -> Iterator[str]:
    for name, wanted in OF_THE_POD.items():
        if name not in spec or spec[name] != wanted:
            yield f"{name} must be said to be {wanted}."
    security = spec.get("securityContext") or {}
    if security.get("runAsNonRoot") is not True or security.get("runAsUser") != cluster.account:
        yield f"The pod must run as the account {cluster.account}, and never as root."
    if (security.get("seccompProfile") or {}).get("type") != "RuntimeDefault":
        yield "The pod must have a filter of kernel calls (seccompProfile)."
    if "sysctls" in security:
        yield "No switch of the kernel may be set for a workspace (sysctls)."


def _faults_of_its_containers(spec: Mapping[str, Any], cluster: Cluster) -> Iterator[str]:
    containers = spec.get("containers") or []
    if len(containers) != 1 or spec.get("initContainers") or spec.get("ephemeralContainers"):
        yield "A workspace is one container: another one beside it would see its sockets."
    for one in containers:
        if one.get("image") != cluster.image:
            yield "The image must be the cluster's own, by its digest."
        security = one.get("securityContext") or {}
        for name, wanted in OF_THE_CONTAINER.items():
            if security.get(name) != wanted:
                yield f"{name} of the container must be {wanted}."
        if security.get("privileged") or security.get("runAsUser", cluster.account) != cluster.account:
            yield "The container may not take another account or privileges than its pod."
        if security.get("procMount", "Default") != "Default":
            yield "/proc must be masked as usual (procMount)."
        limits = (one.get("resources") or {}).get("limits") or {}
        yield from (f"{name} must have a limit." for name in BOUNDED if not limits.get(name))
        if one.get("ports") or one.get("envFrom") or any("valueFrom" in each for each in one.get("env") or []):
            yield "A workspace has no port, and no variable from elsewhere."


def _faults_of_volumes(spec: Mapping[str, Any]) -> Iterator[str]:
    for volume in spec.get("volumes") or []:
        kinds = set(volume) - {"name"}
        if not kinds or not kinds <= ALLOWED_VOLUMES:
            yield f"The volume {volume.get('name')} is of a kind that a workspace may not have."
        if "emptyDir" in volume and not (volume["emptyDir"] or {}).get("sizeLimit"):
            yield f"The volume {volume.get('name')} needs a bound (sizeLimit)."
