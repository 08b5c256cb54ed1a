"""What the workspace lacks: packages that were mirrored for your project are installed into your home."""

from __future__ import annotations

import importlib
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from haven.errors import HavenClientError

PREFIX = Path.home() / "packages"
MODULES = PREFIX / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
NOT_THERE = (
    "Nothing was installed: pip's own reason is above. Packages come from your project's index alone. "
    "What is not in it is asked for at the haven's command line, each dependency that the workspace lacks too: "
    'haven package request PROJECT NAME==VERSION --why "..."'
)
ANOTHER_VERSION = (
    "Nothing was installed: the workspace has another version of it (or of what it needs), which stays. "
    "For this one make an environment of your own: !python -m venv tools && tools/bin/pip install ..."
)
PIP = "import runpy, sys; sys.path.append(sys.argv.pop(1)); runpy.run_module('pip', run_name='__main__')"
"""pip sees what was installed before, after the standard library and what the workspace has."""


def install(*requirements: str) -> None:
    """Install packages that were mirrored for your project, as `"tabulate==0.9.0"`, and find them in this notebook.

    What the workspace has is used as it is. In another notebook, or after a restart, the same line finds what is there.
    A word that begins with a dash is pip's. Raises HavenClientError when nothing was installed, or outside a workspace.
    """
    if not requirements:
        raise HavenClientError('Name what to install: haven.install("tabulate==0.9.0").')
    if not has_index():
        raise HavenClientError("Here is no project's index of packages: haven.install works inside a workspace.")
    status, said = _pip("install", "--prefix", str(PREFIX), "--no-warn-script-location", *requirements)
    if status:
        raise HavenClientError(ANOTHER_VERSION if "Read-only file system" in said else NOT_THERE)
    # Only here, in a cell that asks for it: what lies in a home is found by nothing that no cell shows.
    if str(MODULES) not in sys.path:
        sys.path.append(str(MODULES))
    importlib.invalidate_caches()


def has_index() -> bool:
    """Is there a project's index: does this run in a workspace?"""
    return os.environ.get("PIP_INDEX_URL", "").startswith("file:")


def offer_pip(shell: Any) -> None:
    """Let `%pip` of this notebook be ours: pip's own would write into the workspace's environment, which it cannot."""
    shell.register_magic_function(_percent_pip, "line", "pip")


def _percent_pip(words: str) -> None:
    """`%pip install ...` is `haven.install`; any other command is pip's."""
    try:
        command, *rest = shlex.split(words) or ["help"]
    except ValueError:
        raise HavenClientError("A quotation mark is open: %pip install tabulate==0.9.0") from None
    if command == "install":
        install(*rest)
    else:
        _pip(command, *rest)


def _pip(*words: str) -> tuple[int, str]:
    """Run pip, show each line as it comes, and give its status and all that it said."""
    command = [sys.executable, "-P", "-c", PIP, str(MODULES), *words]
    said = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        for line in running.stdout or ():
            sys.stdout.write(line)
            said.append(line)
    return running.returncode, "".join(said)
