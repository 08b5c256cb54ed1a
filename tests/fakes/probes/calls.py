"""Attempts on the kernel itself: calls that nobody needs for statistics and that are known for their faults."""

# ruff: noqa: F405 - the preamble stands before each attempt's text
from __future__ import annotations

from tests.fakes.probes.preamble import *  # noqa: F403
from tests.fakes.probes.table import Control, Table, Things

CALLS_TO_THE_KERNEL = Table("calls", [])
probe = CALLS_TO_THE_KERNEL.probe


@probe(may_lack=True)
def rings(things: Things) -> None:
    """It makes a ring of calls, by which sockets can be made unseen."""
    call("io_uring_setup", 1, ctypes.create_string_buffer(120))


@probe(may_lack=True)
def faults_by_itself(things: Things) -> None:
    """It handles page faults itself, and so can hold the kernel still."""
    call("userfaultfd", 1)


@probe(Control.REAL_ROOT, may_lack=True)
def programs_in_the_kernel(things: Things) -> None:
    """It loads a map for programs in the kernel."""
    call("bpf", 0, ctypes.create_string_buffer(struct.pack("=IIII", 2, 4, 4, 1) + bytes(104)), 120)


@probe(may_lack=True)
def counters(things: Things) -> None:
    """It counts events of the processor."""
    wish = struct.pack("=IIQQQQQ", 1, 112, 0, 0, 0, 0, 0x60) + bytes(64)  # a software clock, user side only
    call("perf_event_open", ctypes.create_string_buffer(wish, 112), 0, -1, -1, 0)


@probe(may_lack=True)
def keys_listed(things: Things) -> None:
    """It reaches a keyring of the kernel."""
    call("keyctl", 0, -3, 1, 0, 0)


@probe(may_lack=True)
def keys_added(things: Things) -> None:
    """It leaves a key in the kernel, where another process may find it."""
    call("add_key", ctypes.c_char_p(b"user"), ctypes.c_char_p(b"probe"), ctypes.c_char_p(b"x"), 1, -2)


@probe(Control.REAL_ROOT, may_lack=True)
def files_watched(things: Things) -> None:
    """It watches who opens files."""
    call("fanotify_init", 0, 0)


@probe(Control.REAL_ROOT)
def the_kernels_log(things: Things) -> None:
    """It reads the kernel's log."""
    call("syslog", 3, ctypes.create_string_buffer(64), 64)


@probe(may_lack=True)
def hidden_memory(things: Things) -> None:
    """It has memory that no quota sees and that cannot be paged out."""
    call("memfd_secret", 0)


@probe(may_lack=True)
def calls_of_the_other_table(things: Things) -> None:
    """It makes a call by the x32 table, past a filter that knows only the other."""
    if platform.machine() != "x86_64":
        raise OSError(errno.ENOSYS, "no such table")
    checked(LIBRARY.syscall(ctypes.c_long(0x40000000 + 39)))
