"""A process that listens by TCP is found out by the kernel's own tables, and opens no door."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from access.decisions import Allowed, Refused
from environments.gateway.listening import UNSEEN, by_unix_sockets_only, may_open_doors, tcp_listeners


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


# Where there is no IPv6 nothing can listen by it; how its table is read is tried everywhere (test_listening.py).
ADDRESSES = [
    (socket.AF_INET, "127.0.0.1", "127.0.0.1:{}"),
    *([(socket.AF_INET6, "::1", "[::1]:{}")] if _has_ipv6() else []),
]
CHILD = """
import socket, sys
kind = getattr(socket, sys.argv[1])
with socket.socket(kind) as door:
    door.bind(sys.argv[2] if kind is socket.AF_UNIX else ("127.0.0.1", 0))
    if sys.argv[3] == "listens":
        door.listen()
    print("there" if kind is socket.AF_UNIX else door.getsockname()[1], flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(("family", "host", "shown"), ADDRESSES)
def test_a_process_that_listens_by_tcp_opens_no_door(family: socket.AddressFamily, host: str, shown: str) -> None:
    """The address is named; when it listens no longer, doors open again."""
    before = tcp_listeners("self")
    with socket.create_server((host, 0), family=family) as listener:
        there = shown.format(listener.getsockname()[1])
        assert set(tcp_listeners("self")) - set(before) == {there}
        decision = may_open_doors()
        assert isinstance(decision, Refused)
        assert decision.code == "gateway.reachable_by_tcp"
        assert there in decision.reason
    assert tcp_listeners("self") == before


@pytest.mark.parametrize(
    ("kind", "does", "reachable"),
    [("AF_INET", "listens", True), ("AF_INET", "waits", False), ("AF_UNIX", "listens", False)],
    ids=["listens by TCP", "has a TCP socket that does not listen", "listens at a Unix socket"],
)
def test_another_process_is_looked_at_by_its_own_sockets(tmp_path: Path, kind: str, does: str, reachable: bool) -> None:
    """Only what that very process holds open and listens at counts, not what others on this machine do."""
    command = [sys.executable, "-c", CHILD, kind, str(tmp_path / "door.sock"), does]
    with (
        socket.create_server(("127.0.0.1", 0)),
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child,
    ):
        assert child.stdout is not None
        said = child.stdout.readline().strip()
        assert tcp_listeners(child.pid) == ([f"127.0.0.1:{said}"] if reachable else [])
        child.communicate("")


def test_what_cannot_be_seen_opens_no_door(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the kernel's tables it is not known whether anybody can reach the gateway: refused."""
    assert by_unix_sockets_only([]) == Allowed()
    monkeypatch.setattr("environments.gateway.listening.PROCESSES", tmp_path)
    assert may_open_doors() == UNSEEN
