"""`haven waiting`, `haven recover`: what waits for people until it is dealt with; an office without anybody."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Annotated

import typer

from infra.cli.common import DEFAULT_HOME, AsJson, Home, Officer, open_haven, print_json


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("waiting")(waiting)
    app.command("recover")(recover)


def waiting(officer: Officer = None, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """What waits for somebody: break-glass to review, accounts closed, offices recovered, log-ins reset.

    With --as only what waits for that person's roles. Administrators, governance leads and the Caldicott Guardian are
    told it on every command that they give, too.

    Example: `haven waiting --as greta`
    """
    from infra.housekeeping import housekeeping

    haven = open_haven(home)
    person = haven.access.person(haven.actor(officer).partition(":")[2]) if officer else None
    found = housekeeping(haven).notices(person)
    if as_json:
        print_json([{**asdict(one), "roles": sorted(one.roles)} for one in found])
        return
    for one in found:
        typer.echo(f"{one.since}  {one.told}")
        typer.echo(f"            {one.mend}")
    if not found:
        typer.echo("Nothing waits.")


def recover(
    reason: Annotated[str | None, typer.Option("--reason", help="Why, in a sentence; as root.")] = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Give the administrators' office back to the haven's own account for an hour, when no administrator can act.

    Root of the machine says so first; then the haven's account does it. It is in the log, and shown to the Guardian
    and the governance leads for ninety days.

    Example: `haven recover --reason "Our only administrator left; Mo follows her."`
    """
    from access.decisions import Refused
    from audit.model import service
    from infra.cli.common import require_home
    from infra.recovery import ROOT_UID, forget_word, roots_word, write_word

    require_home(home)
    if os.geteuid() == ROOT_UID:
        if reason is None or len(reason.strip()) < 5:
            Refused("reason.missing", "This needs its reason.", "Say it in a sentence: --reason.").require()
        write_word(home, reason or "")
        if home.stat().st_uid != ROOT_UID:
            typer.echo("Root's word is there for an hour. Now, as the haven's own account: haven recover")
            return
    haven = open_haven(home)
    said = roots_word(home)
    until = haven.access.recover_administration(said or "", root=said is not None, by=service("administration"))
    forget_word(home)
    typer.echo(
        f"Until {until:%H:%M} UTC the haven's own account may register an administrator: haven person add --help"
    )
    typer.echo("This stands in the log, and before the Guardian, leads and administrators.")
