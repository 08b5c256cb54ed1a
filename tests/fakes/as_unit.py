"""Run a command as far as can be as a systemd unit would: covers of /proc, /sys and /dev, filters, rights. For root.

A unit is read line by line and carried out with the calls that systemd makes for it; there is no systemd here to do it.
What only covers other places (ProtectSystem, ProtectHome, PrivateTmp) or closes what no sandbox asks for is left out.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
READ_ONLY = {"ProtectKernelTunables": ("/proc/sys", "/sys"), "ProtectControlGroups": ("/sys/fs/cgroup",)}
HIDDEN = {"ProtectKernelLogs": ("/proc/kmsg",), "ProtectKernelModules": ("/usr/lib/modules",)}
CALLS = {"ProtectHostname": ("sethostname", "setdomainname"), "ProtectClock": ("clock_settime", "settimeofday")}
# Run by an interpreter that has the library: the filter is the last thing before the command.
FILTERED = """
import json, os, sys
import pyseccomp
told, command = json.loads(sys.argv[1]), sys.argv[2:]
rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
for name in told["calls"]:
    try:
        rules.add_rule(pyseccomp.ERRNO(1), name)
    except (ValueError, OSError, RuntimeError):
        pass  # not of this machine
for family in told["families"]:
    rules.add_rule(pyseccomp.ERRNO(97), "socket", pyseccomp.Arg(0, pyseccomp.EQ, family))
rules.load()
os.execv(command[0], command)
"""


def service_lines(unit: str) -> list[tuple[str, str]]:
    """Names and values of a unit's [Service]."""
    section = unit.split("[Service]\n", 1)[1].split("\n[", 1)[0]
    return [(name, value) for name, _, value in (line.partition("=") for line in section.splitlines() if line)]


def as_unit(unit: str, places: list[Path], python: Path, command: tuple[str, ...]) -> tuple[str, ...]:
    """The command that runs this one so, under the plain account. python: an interpreter with pyseccomp."""
    asked = {"lines": service_lines(unit), "places": [str(place) for place in places], "python": str(python)}
    return (sys.executable, "-I", __file__, json.dumps(asked), *command)


def main(asked: dict[str, Any], command: list[str]) -> None:
    """Cover, close, become the account, filter, become the command."""
    sys.path.insert(0, str(Path(__file__).parent))
    import plain_account as plain

    confine = plain._confine()
    plain.cover([Path(place).resolve() for place in asked["places"]], confine)
    said = dict(asked["lines"])
    for name, places in READ_ONLY.items():
        for place in places if said.get(name) == "yes" else ():
            _mount("--rbind", place, place)
            _mount("-o", "remount,bind,ro", place)
    for name, places in HIDDEN.items():
        for place in places if said.get(name) == "yes" and Path(places[0]).exists() else ():
            _hide(Path(place))
    if said.get("ProcSubset") == "pid":
        _mount("-t", "proc", "-o", "subset=pid", "proc", "/proc")
    if said.get("PrivateDevices") == "yes":
        _own_devices()
    rights = ["--no-new-privs"] if said.get("NoNewPrivileges") == "yes" else []
    rights += ["--bounding-set=-all"] if said.get("CapabilityBoundingSet") == "" else []
    account = str(plain.PLAIN_ACCOUNT)
    become = ["setpriv", "--reuid", account, "--regid", account, "--clear-groups", *rights]
    os.environ["HOME"] = "/nonexistent"
    told = json.dumps({"calls": _closed_calls(asked["lines"]), "families": _closed_families(said)})
    os.execvp(become[0], [*become, asked["python"], "-I", "-c", FILTERED, told, *command])  # noqa: S606


def _closed_calls(lines: list[list[str]]) -> list[str]:
    """What the deny lists and the switches close, by name; an allow list is not carried out here."""
    calls: set[str] = set()
    for name, value in lines:
        calls |= set(CALLS.get(name, ())) if value == "yes" else set()
        if name == "SystemCallFilter" and value.startswith("~"):
            for one in value.removeprefix("~").split():
                calls |= _of_set(one) if one.startswith("@") else {one}
    return sorted(calls)


def _of_set(name: str) -> set[str]:
    """As this machine's systemd knows the set, with the sets within it."""
    said = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
    names = {line.strip() for line in said.stdout.splitlines()[1:] if line.strip() and not line.strip().startswith("#")}
    inner = {one for one in names if one.startswith("@")}
    return (names - inner).union(*(_of_set(one) for one in inner))


def _closed_families(said: dict[str, str]) -> list[int]:
    open_ones = said.get("RestrictAddressFamilies")
    if open_ones is None:
        return []
    kept = {int(getattr(socket, name)) for name in open_ones.split()}
    return [number for number in range(46) if number not in kept]


def _hide(place: Path) -> None:
    if place.is_dir():
        _mount("-t", "tmpfs", "-o", "mode=000,ro", "hidden", str(place))
    else:
        _mount("--bind", "/dev/null", str(place))


def _own_devices() -> None:
    stage = Path("/mnt")
    _mount("-t", "tmpfs", "-o", "mode=755,nosuid", "devices", str(stage))
    for name in DEVICES:
        (stage / name).touch()
        _mount("--bind", f"/dev/{name}", str(stage / name))
    for name in ("pts", "shm"):
        (stage / name).mkdir()
        if Path("/dev", name).is_dir():
            _mount("--bind", f"/dev/{name}", str(stage / name))
    _mount("--move", str(stage), "/dev")
    _mount("-o", "remount,bind,noexec,nosuid,ro", "/dev")


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
