"""`haven`: every topic's commands, the shared options, and errors that a person can act on.

Start-up stays well under a second: this module and the topic modules import only typer and the standard
library; what is heavy is imported inside the command that uses it.
"""

from __future__ import annotations

import copy
import importlib
import os
import signal
import sys
from types import FrameType

import typer

from infra.cli.common import show_error, show_fault

TOPICS = (
    "delivery",
    "contract",
    "linkage",
    "people",
    "sanctions",
    "organisations",
    "support",
    "project",
    "why",
    "scope",
    "optout",
    "query",
    "login",
    "workspace",
    "release",
    "imports",
    "packages",
    "disclosure",
    "keys",
    "identity",
    "accounts",
    "registers",
    "housekeeping",
    "notices",
    "audit",
    "services",
    "doctor",
    "demo",
    "house",
)

OTHERS_MAY_NOT_WRITE = 0o022
STOPPED = 130

app = typer.Typer(
    name="haven",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="An accredited safe haven: deliveries in, linked, approved, queried in a workspace, "
    "checked, released, and every step in a log that a stranger can verify.\n\n"
    "Example: `haven demo`",
)

for topic in TOPICS:
    importlib.import_module(f"infra.cli.{topic}").register(app)


def asked_for(words: list[str]) -> typer.Typer:
    """The command line with the topic that these words begin with; whole where they begin with none, as for help.

    To make every topic's commands ready takes longer than many a command.
    """
    chosen = copy.copy(app)
    topics = [one for one in app.registered_groups if [one.name] == words]
    if topics:
        chosen.registered_groups, chosen.registered_commands = topics, []
    elif any([one.name] == words for one in app.registered_commands):
        chosen.registered_groups = []
    return chosen


def main() -> None:
    """Run a command; turn any of Haven's errors into its sentence and exit status, never a traceback."""
    from audit.errors import HavenError

    os.umask(os.umask(0) | OTHERS_MAY_NOT_WRITE)
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, stop)  # a library may make an error of its own of an interrupted query
    try:
        asked_for(sys.argv[1:2])(prog_name="haven")
    except HavenError as error:
        sys.exit(show_error(error))
    except SystemExit as ended:
        sys.exit(_say_stopped() if stopped and ended.code in {1, STOPPED} else ended.code)
    except Exception as error:
        if stopped:
            sys.exit(_say_stopped())
        if os.environ.get("HAVEN_TRACEBACK"):
            raise
        sys.exit(show_fault(error))
    except KeyboardInterrupt:
        sys.exit(_say_stopped())


def _say_stopped() -> int:
    """The exit status of a command that was ended by Ctrl-C."""
    typer.echo("Stopped by Ctrl-C. What was complete is kept; the same command again goes on from there.", err=True)
    return STOPPED
