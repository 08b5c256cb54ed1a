"""Where no workspace can run: the notebook's cells in a process of their own, with the client and a token by stdin.

The demo says so; nothing of the sandbox is claimed then. The cells, the client and the gateway are the same.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from environments.gateway.model import AUDIENCE
from environments.workspaces.model import CellOutcome
from infra.demo.notebook import CELLS
from infra.logins.parts import token_without_login

if TYPE_CHECKING:
    from infra.wiring.haven import Haven

RUNNER = """
import ast, contextlib, io, json, sys, traceback
told = json.loads(sys.stdin.readline())
sys.path.append(told["client"])
import haven.connection
made = haven.connection.Connection
import haven.asking, haven.outputs
def connection():
    return made(told["socket"], told["token"], told["project"])
haven.asking.Connection = haven.outputs.Connection = connection
space = {}
for source in told["cells"]:
    out, error = io.StringIO(), None
    with contextlib.redirect_stdout(out):
        try:
            tree = ast.parse(source)
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "cell", "exec"), space)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), "cell", "eval"), space)
                if value is not None:
                    print(repr(value))
        except Exception as raised:
            error = type(raised).__name__
            print(f"{error}: {raised}")
    print(json.dumps({"text": out.getvalue(), "error": error}), flush=True)
"""


def run_cells_outside(haven: Haven, person: str, project: str) -> dict[str, CellOutcome]:
    """The notebook's cells by name, run with the workspace environment's Python."""
    settings = haven.settings
    told = {
        "client": str(settings.clients_folder / "haven-client"),
        "socket": str(settings.gateway_socket),
        "token": token_without_login(haven, person, AUDIENCE, seconds=1800),
        "project": project,
        "cells": [source for _, source in CELLS],
    }
    interpreter = settings.environments_folder / "workspace" / "bin" / "python"
    python = str(interpreter if interpreter.exists() else sys.executable)
    done = subprocess.run(
        [python, "-c", RUNNER], input=json.dumps(told) + "\n", capture_output=True, text=True, check=True, env={}
    )
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    return {
        name: CellOutcome(source, outcome["text"], outcome["error"])
        for (name, source), outcome in zip(CELLS, outcomes, strict=True)
    }
