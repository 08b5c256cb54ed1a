"""Attempts to get out of a workspace. Each function says REACHED when it succeeded, else what stopped it.

The same text runs in a workspace's kernel and, as a control, in a process without the protection.
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable
from pathlib import Path

REACHED = "REACHED"
IO_URING_SETUP = 425
CLONE_NEWUSER = 0x10000000


def _attempt(action: Callable[[], object]) -> str:
    try:
        action()
    except (OSError, ValueError) as error:
        return f"stopped: {type(error).__name__}"
    return REACHED


def tcp(port: str) -> str:
    """Connect to a listener of the host."""
    return _attempt(lambda: socket.create_connection(("127.0.0.1", int(port)), timeout=2).close())


def udp(_: str) -> str:
    """Send a datagram."""
    return _attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9)))


def ipv6(_: str) -> str:
    """Make an IPv6 socket."""
    return _attempt(lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close())


def names(_: str) -> str:
    """Look up a name that every host knows."""
    return _attempt(lambda: socket.getaddrinfo("localhost", 80, socket.AF_INET))


def packets(_: str) -> str:
    """Make a socket that sees the wire."""
    return _attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close())


def host_channel(_: str) -> str:
    """Make a socket to a virtual machine's host."""
    return _attempt(lambda: socket.socket(40, socket.SOCK_STREAM).close())


def abstract(name: str) -> str:
    """Connect to an abstract socket of the host."""
    return _attempt(lambda: socket.socket(socket.AF_UNIX).connect("\0" + name))


def read(path: str) -> str:
    """Read a file of the host."""
    return _attempt(lambda: Path(path).read_bytes())


def write(folder: str) -> str:
    """Write a file into a folder."""
    return _attempt(lambda: (Path(folder) / "probe").write_text("x"))


def process(number: str) -> str:
    """See a process of the host by its number and name."""

    def look() -> None:
        if b"hv-probe" not in Path(f"/proc/{number}/cmdline").read_bytes():
            raise ValueError

    return _attempt(look)


def rings(_: str) -> str:
    """Make a ring of calls, by which sockets can be made unseen."""
    library = ctypes.CDLL(None, use_errno=True)
    parameters = ctypes.create_string_buffer(120)
    number = library.syscall(IO_URING_SETUP, 1, parameters)
    return REACHED if number >= 0 else f"stopped: {os.strerror(ctypes.get_errno())}"


def nested(_: str) -> str:
    """Make a user namespace within."""
    child = os.fork()
    if child == 0:
        library = ctypes.CDLL(None)
        os._exit(0 if library.unshare(CLONE_NEWUSER) == 0 else 1)
    return REACHED if os.waitpid(child, 0)[1] == 0 else "stopped"
