"""How the kernel's tables of TCP sockets are read: who listens, and where (proc(5)); also where there is no IPv6."""

from __future__ import annotations

import socket
import sys

import pytest

from environments.gateway.listening import listening

HEAD = "  sl  local_address remote_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode\n"
LINE = "   {n}: {local} {zero}:0000 {state} 00000000:00000000 00:00000000 00000000 0 0 {inode} 1 0 100 0 0 10 0\n"
LISTENS, CONNECTED = "0A", "01"


def _word(four: bytes) -> str:
    return f"{int.from_bytes(four, sys.byteorder):08X}"


def _host(address: str, family: socket.AddressFamily) -> str:
    packed = socket.inet_pton(family, address)
    return "".join(_word(packed[at : at + 4]) for at in range(0, len(packed), 4))


@pytest.mark.parametrize(
    ("family", "address", "shown"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1:8080"),
        (socket.AF_INET, "10.1.2.3", "10.1.2.3:8080"),
        (socket.AF_INET6, "::1", "[::1]:8080"),
        (socket.AF_INET6, "2001:db8::7:1", "[2001:db8::7:1]:8080"),
    ],
)
def test_who_listens_is_told_with_the_address(family: socket.AddressFamily, address: str, shown: str) -> None:
    """By the socket's number; a connection at the same port is no listener."""
    zero = "0" * len(_host(address, family))
    local = f"{_host(address, family)}:{8080:04X}"
    table = HEAD + LINE.format(n=0, local=local, zero=zero, state=LISTENS, inode=4711)
    table += LINE.format(n=1, local=local, zero=zero, state=CONNECTED, inode=4712)
    assert listening(table, family) == {"4711": shown}
