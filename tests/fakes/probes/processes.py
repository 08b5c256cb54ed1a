"""Attempts on other processes, on rights, on the walls themselves: signals, tracing, mounts, namespaces."""

# ruff: noqa: F405 - the preamble stands before each attempt's text
from __future__ import annotations

from tests.fakes.probes.preamble import *  # noqa: F403
from tests.fakes.probes.table import Control, Table, Things

PROCESSES = Table("processes", [])
WALLS = Table("walls", [])
process, wall = PROCESSES.probe, WALLS.probe


@process()
def seen(things: Things) -> None:
    """It sees a process of the machine."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                if things["process name"].encode() in (entry / "cmdline").read_bytes():
                    return
            except OSError:
                continue
    raise OSError(errno.ESRCH, "none")


@process()
def signalled(things: Things) -> None:
    """It can send a signal to a process of the machine."""
    number = int(things["process"])
    os.kill(number, 0)
    if things["process name"].encode() not in Path(f"/proc/{number}/cmdline").read_bytes():
        raise OSError(errno.ESRCH, "one of its own has this number")


@process()
def traced(things: Things) -> None:
    """It traces a process."""
    in_child(lambda: call("ptrace", 0, 0, 0, 0))


@process()
def memory_read(things: Things) -> None:
    """It reads the memory of a process by the call for it."""
    area = ctypes.create_string_buffer(8)
    place = struct.pack("=QQ", ctypes.addressof(area), 8)
    call("process_vm_readv", os.getpid(), ctypes.c_char_p(place), 1, ctypes.c_char_p(place), 1, 0)


@process(may_lack=True)
def open_file_taken(things: Things) -> None:
    """It takes an open file out of another process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(reading, 1)
        os._exit(0)
    try:
        call("pidfd_getfd", call("pidfd_open", child, 0), reading, 0)
    finally:
        os.write(writing, b"x")
        os.waitpid(child, 0)


@process(may_lack=True)
def kernel_objects_compared(things: Things) -> None:
    """It learns where the kernel keeps its objects."""
    call("kcmp", os.getpid(), os.getpid(), 1, 0, 0)


@wall(Control.ROOTED)
def mount_memory(things: Things) -> None:
    """It mounts a file system."""
    checked(LIBRARY.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None))


@wall(Control.ROOTED)
def mount_a_folder(things: Things) -> None:
    """It mounts a folder elsewhere."""
    checked(LIBRARY.mount(b"/usr", b"/tmp", None, 0x5000, None))


@wall(Control.ROOTED)
def remount_writable(things: Things) -> None:
    """It makes a read-only place writable."""
    checked(LIBRARY.mount(b"none", b"/proc", None, 0x20 | 0x1000, None))


@wall(Control.ROOTED)
def unmount(things: Things) -> None:
    """It takes a mount away, to see what is under it."""
    checked(LIBRARY.umount2(b"/proc", 2))


@wall(Control.ROOTED)
def other_root(things: Things) -> None:
    """It changes its root."""
    os.chroot("/usr")


@wall(Control.ROOTED)
def pivot_root(things: Things) -> None:
    """It swaps its root for another."""
    checked(LIBRARY.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None))
    Path("/tmp/old").mkdir()
    call("pivot_root", ctypes.c_char_p(b"/tmp"), ctypes.c_char_p(b"/tmp/old"))


@wall(Control.ROOTED)
def move_mount(things: Things) -> None:
    """It copies a mount and moves the copy."""
    tree = call("open_tree", -100, ctypes.c_char_p(b"/usr"), 0x8001)
    call("move_mount", tree, ctypes.c_char_p(b""), -100, ctypes.c_char_p(b"/tmp"), 4)


@wall(Control.ROOTED)
def new_file_system(things: Things) -> None:
    """It makes a file system by the newer calls."""
    made = call("fsopen", ctypes.c_char_p(b"tmpfs"), 0)
    call("fsconfig", made, 6, 0, 0, 0)
    call("fsmount", made, 0, 0)


@wall(Control.ROOTED, may_lack=True)
def mount_changed(things: Things) -> None:
    """It changes what a mount allows."""
    call("mount_setattr", -100, ctypes.c_char_p(b"/"), 0, ctypes.c_char_p(struct.pack("=QQQQ", 2, 0, 0, 0)), 32)


@wall()
def nested_user_namespace(things: Things) -> None:
    """It makes a user namespace within, in which it would be root."""
    in_child(lambda: checked(LIBRARY.unshare(NEW_USER)))


@wall()
def nested_by_clone(things: Things) -> None:
    """It makes one with a new process."""
    child = call("clone", NEW_USER | signal.SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


@wall()
def nested_by_clone3(things: Things) -> None:
    """It makes one by the newest call."""
    child = call("clone3", ctypes.c_char_p(struct.pack("=8Q", NEW_USER, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)), 64)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


@wall(Control.ROOTED)
def new_mount_namespace(things: Things) -> None:
    """It makes a mount namespace."""
    checked(LIBRARY.unshare(NEW_MOUNTS))


@wall(Control.ROOTED)
def new_network(things: Things) -> None:
    """It makes a network namespace."""
    checked(LIBRARY.unshare(NEW_NETWORK))


@wall(Control.ROOTED)
def namespace_entered(things: Things) -> None:
    """It enters a namespace."""
    checked(LIBRARY.setns(os.open("/proc/self/ns/uts", os.O_RDONLY), NEW_NAMES))


@wall(Control.ROOTED)
def name_of_the_machine(things: Things) -> None:
    """It renames the machine."""
    socket.sethostname("probe")


@wall(Control.ROOTED)
def root_by_number(things: Things) -> None:
    """It becomes root."""
    os.setresuid(0, 0, 0)


@wall(Control.ROOTED)
def a_right_gained(things: Things) -> None:
    """It gains a right: that to administer."""
    header = struct.pack("=Ii", 0x20080522, 0)
    rights = struct.pack("=6I", 1 << 21, 1 << 21, 0, 0, 0, 0)
    call("capset", ctypes.c_char_p(header), ctypes.c_char_p(rights))


@wall()
def a_program_of_another_account(things: Things) -> None:
    """A program that the system marks to run as another account may do so."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    if status["NoNewPrivs"] == "1" or os.statvfs("/usr/bin").f_flag & os.ST_NOSUID:
        raise OSError(errno.EPERM, "not here")
