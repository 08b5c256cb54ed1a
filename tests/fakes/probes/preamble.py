"""What every attempt begins with: calls to the kernel by number, and the word in which it reports."""

# ruff: noqa: F401 - what attempts use

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import platform
import resource
import signal
import socket
import struct
from pathlib import Path

LIBRARY = ctypes.CDLL(None, use_errno=True)
CALLS = {
    "x86_64": {
        "process_vm_readv": 310, "clone": 56, "kcmp": 312, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
        "keyctl": 250, "add_key": 248, "request_key": 249, "pivot_root": 155, "name_to_handle_at": 303,
        "open_by_handle_at": 304, "capset": 126, "ptrace": 101, "fanotify_init": 300, "quotactl": 179, "syslog": 103,
        "memfd_create": 319,
    },
    "aarch64": {
        "process_vm_readv": 270, "clone": 220, "kcmp": 272, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282,
        "keyctl": 219, "add_key": 217, "request_key": 218, "pivot_root": 41, "name_to_handle_at": 264,
        "open_by_handle_at": 265, "capset": 91, "ptrace": 117, "fanotify_init": 262, "quotactl": 60, "syslog": 116,
        "memfd_create": 279,
    },
}[platform.machine()]  # fmt: skip
CALLS |= {
    "io_uring_setup": 425, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
    "pidfd_open": 434, "clone3": 435, "pidfd_getfd": 438, "mount_setattr": 442, "memfd_secret": 447,
}  # fmt: skip
NEW_USER, NEW_MOUNTS, NEW_NAMES, NEW_NETWORK = 0x10000000, 0x00020000, 0x04000000, 0x40000000


def checked(result):
    """The result of a call to the library; OSError when it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def call(name, *arguments):
    """Make a call to the kernel by its number."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    return checked(LIBRARY.syscall(CALLS[name], *words))


def in_child(action):
    """Do it in a child; raise what stopped it there."""
    child = os.fork()
    if child == 0:
        try:
            action()
        except OSError as error:
            os._exit(error.errno or 255)
        os._exit(0)
    ended = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(ended):
        raise OSError(errno.ECHILD, f"killed by signal {os.WTERMSIG(ended)}")
    if code := os.WEXITSTATUS(ended):
        raise OSError(code, os.strerror(code))


def report(attempt, things):
    """Say what became of an attempt."""
    try:
        attempt(things)
    except socket.gaierror as error:
        said = ["stopped", f"names: {error.errno}"]
    except MemoryError:
        said = ["stopped", "ENOMEM"]
    except ValueError as error:
        if "not allowed to raise" not in str(error):
            raise
        said = ["stopped", "EPERM"]
    except OSError as error:
        said = ["stopped", errno.errorcode.get(error.errno, type(error).__name__)]
    else:
        said = ["REACHED", ""]
    print(json.dumps(said), flush=True)
