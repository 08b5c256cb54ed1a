"""Do the pages' commands work? Takes every ```sh block of a page and runs its lines as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.agent import agent_folder

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Outcome:
    """What a page's commands did: the exit status of each, and all that was printed."""

    commands: list[str]
    statuses: list[int]
    printed: str


def commands_of(page: Path) -> list[str]:
    """The commands of a page, in order; a line that ends in a backslash goes on in the next."""
    text = page.read_text(encoding="utf-8")
    lines = "".join(BLOCK.findall(text)).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def run_commands(commands: list[str], folder: Path, environment: dict[str, str]) -> Outcome:
    """Run each command in `folder` with `haven` on the path; stops at the first that fails."""
    tools = folder / ".tools"
    tools.mkdir(exist_ok=True)
    shim = tools / "haven"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m infra.cli "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    if any("haven-controller" in command for command in commands):
        (tools / "haven-controller").symlink_to(agent_folder() / "haven-controller")
    printed, statuses = [], []
    variables = {**os.environ, **environment, "PATH": f"{tools}:{os.environ['PATH']}"}
    for command in commands:
        done = subprocess.run(
            ["sh", "-c", command], cwd=folder, env=variables, capture_output=True, text=True, timeout=600, check=False
        )
        printed.append(f"$ {command}\n{done.stdout}{done.stderr}")
        statuses.append(done.returncode)
        if done.returncode != 0:
            break
    return Outcome(commands, statuses, "\n".join(printed))
