"""Kubernetes' pod security standard `restricted`, written down a second time from its own page, to check pods with.

It knows nothing of workspaces: what the admission of a namespace would say of a Linux pod (version 1.37 of the page).
"""

from __future__ import annotations

from typing import Any

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
}  # fmt: skip


def below_restricted(pod: dict[str, Any]) -> list[str]:
    """What the standard forbids in this pod, by the name of its control."""
    spec = pod["spec"]
    of_pod = spec.get("securityContext", {})
    groups = (spec.get(kind, []) for kind in ("containers", "initContainers", "ephemeralContainers"))
    containers = [one for group in groups for one in group]
    found = [f"host namespaces: {name}" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    found += [
        f"volume types: {volume['name']}"
        for volume in spec.get("volumes", [])
        if not set(volume) - {"name"} or not set(volume) - {"name"} <= VOLUMES
    ]
    found += [f"sysctls: {one['name']}" for one in of_pod.get("sysctls", []) if one["name"] not in SAFE_SYSCTLS]
    found += [fault for one in containers for fault in _of_container(one, of_pod)]
    return found if containers else ["no container"]


def _of_container(container: dict[str, Any], of_pod: dict[str, Any]) -> list[str]:
    own = container.get("securityContext", {})
    capabilities = own.get("capabilities", {})
    seccomp = own.get("seccompProfile", of_pod.get("seccompProfile", {})).get("type")
    held = {
        "privileged": not own.get("privileged"),
        "privilege escalation": own.get("allowPrivilegeEscalation") is False,
        "capabilities": "ALL" in capabilities.get("drop", [])
        and set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"},
        "non-root": own.get("runAsNonRoot", of_pod.get("runAsNonRoot")) is True,
        "non-root user": own.get("runAsUser", of_pod.get("runAsUser")) != 0,
        "seccomp": seccomp in ("RuntimeDefault", "Localhost"),
        "host ports": not any(port.get("hostPort") for port in container.get("ports") or []),
        "proc mount": own.get("procMount", "Default") == "Default",
        "host process": not own.get("windowsOptions", {}).get("hostProcess"),
    }
    return [f"{control}: {container['name']}" for control, holds in held.items() if not holds]
