"""What the workspace lacks: packages that were mirrored for your project are installed into your home."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from haven.errors import HavenClientError

PREFIX = Path.home() / "packages"
MODULES = PREFIX / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
ADVICE = (
    "Nothing was installed: pip's own reason is above. Packages come from your project's index alone. "
    "What is not in it is asked for at the haven's command line, each dependency that the workspace lacks too: "
    'haven package request PROJECT NAME==VERSION --why "..."'
)


def install(*requirements: str) -> None:
    """Install packages that were mirrored for your project, as `"tabulate==0.9.0"`, and find them in this notebook.

    What the workspace has is used as it is. In another notebook, or after a restart, `import haven` finds them again.
    A word that begins with a dash is pip's. Raises HavenClientError when nothing was installed, or outside a workspace.
    """
    if not requirements:
        raise HavenClientError('Name what to install: haven.install("tabulate==0.9.0").')
    if not has_index():
        raise HavenClientError("Here is no project's index of packages: haven.install works inside a workspace.")
    if _pip("install", "--prefix", str(PREFIX), "--no-warn-script-location", *requirements):
        raise HavenClientError(ADVICE)
    find_installed()


def has_index() -> bool:
    """Is there a project's index: does this run in a workspace?"""
    return os.environ.get("PIP_INDEX_URL", "").startswith("file:")


def find_installed() -> None:
    """Python looks for modules in what was installed, after everything that the workspace has."""
    if MODULES.is_dir() and str(MODULES) not in sys.path:
        sys.path.append(str(MODULES))


def offer_pip(shell: Any) -> None:
    """Let `%pip` of this notebook be ours: pip's own would write into the workspace's environment, which it cannot."""
    shell.register_magic_function(_percent_pip, "line", "pip")


def _percent_pip(words: str) -> None:
    """`%pip install ...` is `haven.install`; any other command is pip's."""
    command, *rest = shlex.split(words) or ["help"]
    if command == "install":
        install(*rest)
    else:
        _pip(command, *rest)


def _pip(*words: str) -> int:
    """Run pip, show what it says, and give its status. It sees what was installed before."""
    places = [one for one in (os.environ.get("PYTHONPATH"), str(MODULES)) if one]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pip", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    sys.stdout.write(done.stdout)
    return done.returncode
