"""Which file gives the kubelet the workspaces' filter of calls? The rules of seccomp.py, as runtimes read them.

And one more: in the sandbox the program that makes it forbids nested user namespaces; a pod has nobody who does. With
it no socket but a Unix one can be made in a pod: a workspace has no network even where nobody enforces the
network policy. The kubelet starts no container whose profile it does not have.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

from haven_hub.seccomp import DENIED_CALLS, DENIED_NUMBERS, HIGHEST_ALLOWED, NETLINK_ROUTE, denied_families

FILE = "haven/workspace.json"
"""Below the kubelet's folder of profiles (/var/lib/kubelet/seccomp)."""

# Flags of clone(2), its first argument on Intel, AMD and ARM: mounts, control groups, host names, IPC, users,
# processes, networks. The arguments of clone3 cannot be looked at: libraries go on with clone where it is not there.
NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)


def profile() -> dict[str, Any]:
    """The profile, in the form of the runtime specification. No architecture is named: only the node's own runs."""
    calls = [*DENIED_CALLS, *DENIED_NUMBERS]
    families = [_refused_family(call, number, "SCMP_CMP_EQ") for call in _CALLS for number in denied_families()]
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [
            {"names": calls, "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM},
            *families,
            *(_refused_family(call, HIGHEST_ALLOWED, "SCMP_CMP_GT") for call in _CALLS),
            _netlink(),
            *(_refused_namespace(flag) for flag in NAMESPACES),
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS},
        ],
    }


_CALLS = ("socket", "socketpair")


def _refused_family(call: str, number: int, compared: str) -> dict[str, Any]:
    return {
        "names": [call],
        "action": "SCMP_ACT_ERRNO",
        "errnoRet": errno.EAFNOSUPPORT,
        "args": [{"index": 0, "value": number, "op": compared}],
    }


def _netlink() -> dict[str, Any]:
    refused = _refused_family("socket", int(socket.AF_NETLINK), "SCMP_CMP_EQ")
    return {**refused, "args": [*refused["args"], {"index": 2, "value": NETLINK_ROUTE, "op": "SCMP_CMP_NE"}]}


def _refused_namespace(flag: int) -> dict[str, Any]:
    masked = {"index": 0, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ"}
    return {"names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM, "args": [masked]}
