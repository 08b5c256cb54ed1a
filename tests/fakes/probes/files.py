"""Attempts to read or change what is not the project's: keys, records, other homes, programs, devices."""

# ruff: noqa: F405 - the preamble stands before each attempt's text
from __future__ import annotations

from tests.fakes.probes.preamble import *  # noqa: F403
from tests.fakes.probes.table import Control, Table, Things

FILES = Table("files", [])
probe = FILES.probe


@probe()
def a_key(things: Things) -> None:
    """It reads a secret of the haven."""
    Path(things["secret"]).read_bytes()


@probe()
def the_havens_home(things: Things) -> None:
    """It lists the haven's home."""
    os.listdir(things["haven"])


@probe()
def anothers_home(things: Things) -> None:
    """It reads a file in the home of another project's workspace."""
    Path(things["others file"]).read_bytes()


@probe()
def roots_of_processes(things: Things) -> None:
    """It reads a secret through the root of any process that it sees."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                Path(f"{entry}/root{things['secret']}").read_bytes()
            except OSError:
                continue
            return
    raise OSError(errno.ENOENT, "through none")


@probe()
def folders_of_processes(things: Things) -> None:
    """It reads a secret by climbing out of the working folder of any process that it sees."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                Path(f"{entry}/cwd/{'../' * 20}{things['secret']}").read_bytes()
            except OSError:
                continue
            return
    raise OSError(errno.ENOENT, "through none")


@probe()
def environments_of_processes(things: Things) -> None:
    """It finds a mark in the environment of a process of the machine."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if things["mark"].encode() in (entry / "environ").read_bytes():
                    return
            except OSError:
                continue
    raise OSError(errno.ENOENT, "in none")


@probe()
def open_files_of_processes(things: Things) -> None:
    """It reaches a secret that a process of the machine holds open."""
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(entry) == things["secret"]:
                entry.read_bytes()
                return
        except OSError:
            continue
    raise OSError(errno.ENOENT, "by none")


@probe()
def a_link_in_the_home(things: Things) -> None:
    """It reads a secret through a symbolic link in its home."""
    link = Path(things["folder"]) / f"link-{os.getpid()}"
    link.symlink_to(things["secret"])
    try:
        link.read_bytes()
    finally:
        link.unlink()


@probe()
def a_hard_link(things: Things) -> None:
    """It gives a secret a second name in its home."""
    second = Path(things["folder"]) / f"hard-{os.getpid()}"
    os.link(things["secret"], second)
    second.unlink()


@probe()
def a_link_to_a_folder_above(things: Things) -> None:
    """It reads a secret by climbing out of its home."""
    Path(things["folder"] + "/" + "../" * 20 + things["secret"]).read_bytes()


@probe()
def shared_memory(things: Things) -> None:
    """It reads a file of the machine's shared memory."""
    Path(things["shared memory"]).read_bytes()


@probe(may_lack=True)
def system_v_memory(things: Things) -> None:
    """It attaches a segment of shared memory of the machine."""
    checked(LIBRARY.shmget(int(things["segment"]), 1, 0))


@probe()
def the_kernels_tree(things: Things) -> None:
    """It reads how the machine is built from /sys."""
    os.listdir("/sys/devices")


@probe()
def devices(things: Things) -> None:
    """It sees a device beyond the harmless ones."""
    harmless = {"console", "core", "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout"}
    if not set(os.listdir("/dev")) - harmless - {"tty", "urandom", "zero"}:
        raise OSError(errno.ENODEV, "none")


@probe(Control.REAL_ROOT)
def a_switch_of_the_kernel(things: Things) -> None:
    """It opens a switch of the kernel for writing: which program is run as root at a crash."""
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))


@probe(Control.REAL_ROOT)
def a_device_of_its_own(things: Things) -> None:
    """It makes a device: the machine's memory."""
    made = Path(things["folder"]) / f"device-{os.getpid()}"
    os.mknod(made, 0o20600, os.makedev(1, 1))
    made.unlink()


@probe(Control.REAL_ROOT)
def a_file_by_its_handle(things: Things) -> None:
    """It opens a file by its number on the disk, past every folder."""
    handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0) + bytes(128))
    number = ctypes.c_int()
    call("name_to_handle_at", -100, ctypes.c_char_p(things["folder"].encode()), handle, ctypes.byref(number), 0)
    at = os.open(things["folder"], os.O_RDONLY)
    os.close(call("open_by_handle_at", at, handle, os.O_RDONLY))


@probe()
def a_file_written(things: Things) -> None:
    """It writes where nothing of its own is: programs, settings, client, sockets, environment, the root."""
    for folder in json.loads(things["not its own"]):
        made = Path(folder) / f"probe-{os.getpid()}"
        try:
            made.write_text("x")
        except OSError:
            continue
        made.unlink()
        return
    raise OSError(errno.EROFS, "nowhere")
