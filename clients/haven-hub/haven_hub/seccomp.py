"""Which calls to the kernel may a workspace not make? Those that open a way past its walls.

The network namespace already has no route; this denies the families themselves, and the calls by which a process
could make sockets or namespaces unseen (io_uring makes sockets without `socket`).
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

ALLOWED_FAMILIES = frozenset(
    {socket.AF_UNIX, socket.AF_NETLINK}
)  # netlink: the kernels' message library lists interfaces
HIGHEST_ALLOWED = max(ALLOWED_FAMILIES)
DENIED_CALLS = (
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "unshare",
    "setns",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsmount",
    "mount_setattr",
    "open_by_handle_at",
    "name_to_handle_at",
    "fsconfig",
    "fspick",
    "fanotify_init",
    "kcmp",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "keyctl",
    "add_key",
    "request_key",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "acct",
    "swapon",
    "swapoff",
    "reboot",
    "settimeofday",
    "quotactl",
    "syslog",
)
# By number, which is the same on every machine: an older libseccomp does not know their names.
DENIED_NUMBERS = {"pidfd_getfd": 438, "memfd_secret": 447, "open_tree_attr": 467}
CALLS_OF_SOCKETS = ("socket", "socketpair", "connect", "bind", "listen")
NETLINK_ROUTE = 0  # lists interfaces; the other protocols lead to parts of the kernel that no work needs


def denied_families() -> list[int]:
    """Every socket family number below the highest allowed one that is not allowed."""
    return [number for number in range(HIGHEST_ALLOWED) if number not in ALLOWED_FAMILIES]


def open_filter() -> int:
    """An open file that holds the compiled filter, ready to be handed to the sandbox. The caller closes it."""
    number = os.memfd_create("workspace-filter")
    with os.fdopen(os.dup(number), "wb") as output:
        build_filter().export_bpf(output)
    os.lseek(number, 0, os.SEEK_SET)
    return number


def build_filter() -> Any:
    """The filter. Raises ImportError or OSError when the machine has no libseccomp: then no workspace opens."""
    import pyseccomp

    refuse_family = pyseccomp.ERRNO(errno.EAFNOSUPPORT)
    rules = _denying()
    for call in ("socket", "socketpair"):
        for family in denied_families():
            rules.add_rule(refuse_family, call, pyseccomp.Arg(0, pyseccomp.EQ, family))
        rules.add_rule(refuse_family, call, pyseccomp.Arg(0, pyseccomp.GT, HIGHEST_ALLOWED))
    netlink = (pyseccomp.Arg(0, pyseccomp.EQ, socket.AF_NETLINK), pyseccomp.Arg(2, pyseccomp.NE, NETLINK_ROUTE))
    rules.add_rule(refuse_family, "socket", *netlink)
    return rules


def build_worker_filter() -> Any:
    """The filter of a query worker, which is handed its one socket and makes none. Raises as `build_filter` does."""
    import pyseccomp

    rules = _denying()
    for call in CALLS_OF_SOCKETS:
        rules.add_rule(pyseccomp.ERRNO(errno.EPERM), call)
    return rules


def _denying() -> Any:
    """What neither may call; all else is allowed."""
    import pyseccomp

    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for call in (*DENIED_CALLS, *DENIED_NUMBERS.values()):
        rules.add_rule(pyseccomp.ERRNO(errno.EPERM), call)
    return rules
