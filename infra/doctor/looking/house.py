"""What programs are installed here, and what can the machine do?"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.doctor.facts import EnvironmentFacts, RoomFacts
from infra.doctor.model import PROGRAMS, Finding, unseen
from infra.doctor.policies import house
from infra.settings import ROOT, Settings

LOCKS = ROOT / "locks"
STAMP = "complete.txt"
NEEDED, OPTIONAL = ("hub", "workspace"), ("spark", "controller", "mesh")
OWN_WHEELS = {"controller": {"haven-controller"}}
LOCKED = re.compile(r"^([A-Za-z0-9][\w.\-\[\]]*==[^\\]+?)\s*\\?$", re.MULTILINE)


def programs(settings: Settings) -> Iterator[Finding]:
    """Environments, the engine, the kernel of tokens."""
    environments = settings.environments_folder
    names = [Path(sys.prefix).name if Path(sys.prefix).parent == environments.resolve() else "haven", *NEEDED]
    names += [name for name in OPTIONAL if (environments / name).exists()]
    for name in names:
        try:
            facts = environment_facts(environments / name, LOCKS / f"{name}.txt")
        except PermissionError:  # its interpreter may lie where this account may not walk to
            yield unseen(PROGRAMS, f"environment {name}", "Look as the account that made it, or as root.")
        else:
            yield house.environment(facts)
    yield house.duckdb(version("duckdb"), locked(LOCKS / "haven.txt").get("duckdb"))
    yield _kernel()


def machine(settings: Settings) -> Iterator[Finding]:
    """What keeps workspaces and workers apart, tried."""
    from environments.workspaces.machine import R_PACKAGES, examine
    from environments.workspaces.policies import protections

    found = examine(settings.environments_folder / "hub", settings.clients_folder / "haven-hub")
    yield from house.protections(protections(found))
    yield house.r(bool(found.r), R_PACKAGES)


def room(folder: Path) -> Iterator[Finding]:
    """Room where the home lies."""
    found = os.statvfs(folder)
    size = found.f_frsize
    facts = RoomFacts(found.f_bavail * size, found.f_blocks * size, found.f_favail, found.f_files)
    yield from house.room(facts)


def environment_facts(folder: Path, lock: Path) -> EnvironmentFacts:
    """An environment's distributions beside its lock's, where the lock's markers hold for this Python."""
    name = lock.stem
    packages = next(folder.glob("lib/python3*/site-packages"), None)
    if packages is None or not (folder / "bin" / "python").exists():
        return EnvironmentFacts(name, there=False, stamped=False, distributions=0)
    wanted, installed = locked(lock), _installed(packages)
    stamp = folder / STAMP
    return EnvironmentFacts(
        name,
        there=True,
        stamped=stamp.exists() and stamp.read_bytes() == lock.read_bytes(),
        distributions=len(installed),
        missing=tuple(sorted(wanted.keys() - installed.keys())),
        differing=tuple(
            (one, installed[one], wanted[one])
            for one in sorted(wanted.keys() & installed.keys())
            if installed[one] != wanted[one]
        ),
        extra=tuple(sorted(installed.keys() - wanted.keys() - OWN_WHEELS.get(name, set()))),
    )


def locked(lock: Path) -> dict[str, str]:
    """Version by name, as a lock says for this Python."""
    found = [Requirement(line) for line in LOCKED.findall(lock.read_text(encoding="utf-8"))]
    return {
        canonicalize_name(one.name): next(iter(one.specifier)).version
        for one in found
        if one.marker is None or one.marker.evaluate()
    }


def _installed(packages: Path) -> dict[str, str]:
    """Version by name, as the folders of what was installed say."""
    pairs = [path.name.removesuffix(".dist-info").rsplit("-", 1) for path in packages.glob("*.dist-info")]
    return {canonicalize_name(name): number for name, number in pairs}


def _kernel() -> Finding:
    from linkage.errors import KernelWrong
    from linkage.native.kernel import find_kernel

    try:
        found = find_kernel()
    except KernelWrong as error:
        return house.kernel(error.what, error.mend or "", broken=True)
    return house.kernel(None if found.kernel else found.why, found.mend)
