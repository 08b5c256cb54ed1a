"""Can a process be reached by TCP? Its own sockets are looked up in the kernel's tables of those that listen.

Rule: the gateway is reached by Unix sockets only, which say who asks; with a TCP port open no workspace opens
(SATRE 2.1.5). What another process passes on to a Unix socket cannot be seen here.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from access.decisions import Allowed, Decision, Refused

LISTENS = "0A"
PROCESSES = Path("/proc")
UNSEEN = Refused(
    "gateway.sockets_unseen",
    "The gateway cannot see whether it listens on a TCP port, so nothing is opened.",
    "/proc must be mounted for the haven's account.",
)


def may_open_doors() -> Decision:
    """May this very process open doors? Not while it listens on a TCP port, nor where that cannot be seen."""
    try:
        found = tcp_listeners("self")
    except (OSError, ValueError):
        return UNSEEN
    return by_unix_sockets_only(found)


def by_unix_sockets_only(listeners: list[str]) -> Decision:
    """Allowed where there is none."""
    if not listeners:
        return Allowed()
    return Refused(
        "gateway.reachable_by_tcp",
        f"The gateway's process listens on {', '.join(listeners)}: whoever reaches that port is not known by a socket.",
        "Stop the haven and start it with `haven up`; if the port is there again, look at what the process loads.",
    )


def tcp_listeners(process: int | str) -> list[str]:
    """Where a process listens by TCP, as 127.0.0.1:8080 or [::]:80. Raises OSError where it may not be looked at."""
    folder = PROCESSES / str(process)
    own = _sockets(folder / "fd")
    found = listening((folder / "net" / "tcp").read_text(encoding="ascii"), socket.AF_INET)
    if (folder / "net" / "tcp6").exists():
        found |= listening((folder / "net" / "tcp6").read_text(encoding="ascii"), socket.AF_INET6)
    return sorted(address for inode, address in found.items() if inode in own)


def listening(table: str, family: socket.AddressFamily) -> dict[str, str]:
    """Of a table /proc/PID/net/tcp or tcp6: the sockets that listen, address by inode (proc(5))."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return {row[9]: _address(row[1], family) for row in rows if row[3] == LISTENS}


def _sockets(folder: Path) -> set[str]:
    found = set()
    for entry in folder.iterdir():
        try:
            target = str(entry.readlink())
        except FileNotFoundError:
            continue  # closed meanwhile
        if target.startswith("socket:["):
            found.add(target.removeprefix("socket:[").removesuffix("]"))
    return found


def _address(text: str, family: socket.AddressFamily) -> str:
    """The kernel writes an address as words of 32 bits in its own order of bytes."""
    host, _, port = text.partition(":")
    words = [int(host[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(host), 8)]
    name = socket.inet_ntop(family, b"".join(words))
    return f"[{name}]:{int(port, 16)}" if family == socket.AF_INET6 else f"{name}:{int(port, 16)}"
