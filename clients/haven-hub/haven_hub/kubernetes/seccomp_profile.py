"""Which file gives the kubelet the workspaces' filter of calls? The rules of seccomp.py, as runtimes read them.

With it no socket but a Unix one can be made in a pod: a workspace has no network even where nobody enforces the
network policy. The kubelet starts no container whose profile it does not have.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

from haven_hub.seccomp import DENIED_CALLS, DENIED_NUMBERS, HIGHEST_ALLOWED, NETLINK_ROUTE, denied_families

FILE = "haven/workspace.json"
"""Below the kubelet's folder of profiles (/var/lib/kubelet/seccomp)."""


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
