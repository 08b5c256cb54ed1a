"""Attempts to be heard by anybody outside: sockets of every family, names, devices of the network."""

# ruff: noqa: F405 - the preamble stands before each attempt's text
from __future__ import annotations

from tests.fakes.probes.preamble import *  # noqa: F403
from tests.fakes.probes.table import Control, Table, Things

NETWORK = Table("network", [])
probe = NETWORK.probe


@probe()
def tcp(things: Things) -> None:
    """It connects to a listener of the machine."""
    socket.create_connection(("127.0.0.1", int(things["tcp"])), timeout=5).close()


@probe()
def udp(things: Things) -> None:
    """A datagram is answered by a service of the machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(5)
        sender.sendto(b"ask", ("127.0.0.1", int(things["udp"])))
        sender.recv(16)


@probe(may_lack=True)
def ipv6(things: Things) -> None:
    """It makes a socket of the other version of the protocol."""
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()


@probe()
def names(things: Things) -> None:
    """It looks up a name that every machine knows."""
    socket.getaddrinfo("localhost", 80, socket.AF_INET)


@probe(Control.ROOTED)
def raw(things: Things) -> None:
    """It writes packets of its own."""
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()


@probe(Control.ROOTED, may_lack=True)
def packets(things: Things) -> None:
    """It sees the wire."""
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()


@probe(may_lack=True)
def host_channel(things: Things) -> None:
    """It has a socket to a virtual machine's host."""
    socket.socket(40, socket.SOCK_STREAM).close()


@probe(may_lack=True)
def kernel_ciphers(things: Things) -> None:
    """It has a socket to the kernel's ciphers, a family known for its faults."""
    socket.socket(38, socket.SOCK_SEQPACKET).close()


@probe()
def any_other_family(things: Things) -> None:
    """It makes a socket of any family but the two that work needs."""
    for family in range(60):
        if family not in (socket.AF_UNIX, socket.AF_NETLINK):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
                try:
                    socket.socket(family, kind).close()
                except OSError:
                    continue
                return
    raise OSError(errno.EAFNOSUPPORT, "none")


@probe()
def abstract(things: Things) -> None:
    """It connects to an abstract socket of the machine."""
    socket.socket(socket.AF_UNIX).connect("\0" + things["abstract"])


@probe()
def named(things: Things) -> None:
    """It connects to the hub's own socket."""
    socket.socket(socket.AF_UNIX).connect(things["hub socket"])


@probe()
def gateways_control(things: Things) -> None:
    """It connects to the socket by which the hub commands the gateway."""
    socket.socket(socket.AF_UNIX).connect(things["control socket"])


@probe()
def anothers_door(things: Things) -> None:
    """It connects to the gateway's door of another workspace."""
    socket.socket(socket.AF_UNIX).connect(things["door"])


@probe(Control.ROOTED)
def netlink_device(things: Things) -> None:
    """It changes a device of the network: brings the loopback up."""
    up = struct.pack("=BxHiII", 0, 0, 1, 1, 1)  # ifinfomsg: interface 1, flag and mask IFF_UP
    header = struct.pack("=IHHII", 16 + len(up), 16, 5, 1, 0)  # RTM_NEWLINK, with acknowledgement
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as link:
        link.bind((0, 0))
        link.send(header + up)
        answer = link.recv(4096)
    if number := -struct.unpack_from("=i", answer, 16)[0]:
        raise OSError(number, os.strerror(number))


@probe(may_lack=True)
def netlink_filters(things: Things) -> None:
    """It speaks to the kernel's packet filter, known for its faults."""
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12).close()


@probe()
def netlink_generic(things: Things) -> None:
    """It speaks to other parts of the kernel by generic netlink."""
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16).close()


@probe()
def netlink_devices(things: Things) -> None:
    """It hears of the machine's devices as they come and go."""
    socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 15).close()


@probe(may_lack=True)
def sockets_by_old_calls(things: Things) -> None:
    """It makes a socket by the 32-bit table of calls, past a filter that knows only the other."""
    if platform.machine() != "x86_64":
        raise OSError(errno.ENOSYS, "no such table")
    # socket(AF_INET, SOCK_DGRAM, 0) is call 359 of that table.
    text = bytes.fromhex("53b867010000bb02000000b902000000ba00000000cd805bc3")
    area = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    area.write(text)
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(area)))
    number = function()
    if number < 0:
        raise OSError(-number, os.strerror(-number))
