"""`haven doctor`: one look at a whole haven: what holds, what is doubtful, what is wrong, why, and how to mend it."""

from __future__ import annotations

import shutil
import sys

import typer

from infra.cli.common import DEFAULT_HOME, NOT_PASSED, AsJson, Home, print_json


def register(app: typer.Typer) -> None:
    """Add this topic's command to the command line."""
    app.command("doctor")(doctor)


def doctor(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Look at the whole haven and say, one by one, what holds, what is doubtful and what is wrong; why, and the mend.

    Changes nothing, starts nothing, and makes no home; works with the services up or down. The exit status is 0 where
    nothing is wrong, else 65. With installed accounts, as root: all is seen, each part by its own account.

    Example: `haven doctor --home haven-home`
    """
    from infra.doctor.model import Finding
    from infra.doctor.service import examine
    from infra.doctor.words import COLOURS, MARKS, WIDTH, all_well, data, lines, verdict

    findings: list[Finding] = []
    for finding in examine(home):
        new = not findings or findings[-1].area != finding.area
        findings.append(finding)
        if as_json:
            continue
        if new:
            typer.secho(finding.area, bold=True)
        mark = typer.style(f"{MARKS[finding.standing]:<{WIDTH}}", fg=COLOURS[finding.standing])
        first, *more = lines(finding, shutil.get_terminal_size((120, 24)).columns)
        typer.echo("\n".join([f"  {mark}  {first.lstrip()}", *more]))
    if as_json:
        print_json(data(findings))
    else:
        typer.echo(verdict(findings))
    if not all_well(findings):
        sys.exit(NOT_PASSED)
