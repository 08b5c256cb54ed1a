"""`haven accounts ...` and `haven zone serve`: the system accounts that keep the zones apart."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.common import DEFAULT_HOME, NOT_PASSED, AsJson, Home, print_json, require_home


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    topic = typer.Typer(
        no_args_is_help=True,
        help="The zones' own system accounts: made, looked at, and started by systemd."
        "\n\nIdentifiers and payload are then in the reach of no one account, the administrator's included.",
    )
    topic.command("install")(install)
    topic.command("check")(check)
    topic.command("units")(units)
    app.add_typer(topic, name="accounts")
    zone = typer.Typer(no_args_is_help=True, help="The process of one zone's account.")
    zone.callback()(lambda: None)
    zone.command("serve")(serve)
    app.add_typer(zone, name="zone")


def install(home: Home = DEFAULT_HOME) -> None:
    """Make the accounts, give each its folders, and each zone a root key of its own. As root; again changes nothing.

    Made are `haven-linkage`, `haven-research`, `haven-intake` and `haven`, the administrator's, which runs everything
    else; other names stand in haven.toml, [accounts]. A home that holds data is moved over: no zone is written anew.

    Afterwards: `haven up` as root starts each process under its account; all other commands run as `haven`.

    Example: `sudo haven accounts install --home /srv/haven`
    """
    from infra.accounts.install import install as make
    from infra.settings import load_settings

    make(load_settings(home), typer.echo)


def check(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Each account, folder and key: as it is, and every deviation with the command that mends it.

    Only root sees all; what another account may not look at is told. The exit status is 0 where all was seen and
    nothing is amiss; else it is 65, also where no accounts are installed.

    Example: `haven accounts check --home /srv/haven`
    """
    from infra.accounts.check import look
    from infra.settings import load_settings

    require_home(home)
    looked = look(load_settings(home))
    if as_json:
        print_json([asdict(one) for one in looked])
    for one in [] if as_json else looked:
        typer.echo(f"{'AMISS' if one.amiss else 'ok' if one.seen else '?':<6} {one.what}: {one.found}")
        if one.amiss:
            typer.echo(f"       {one.amiss}. Mend: {one.mend}" if one.mend else f"       {one.amiss}")
    unseen = sum(not one.seen for one in looked)
    if unseen and not as_json:
        typer.echo(f"Not seen from this account: {unseen}. As root all is seen: haven accounts check")
    if unseen or any(one.amiss for one in looked):
        sys.exit(NOT_PASSED)


def units(
    folder: Annotated[Path, typer.Argument(help="Where the unit files are written: /etc/systemd/system.")],
    home: Home = DEFAULT_HOME,
) -> None:
    """Write one systemd unit for each account's process, with what it may reach.

    Example: `haven accounts units units --home /srv/haven`
    """
    from infra.accounts.units import units as made
    from infra.settings import load_settings

    folder.mkdir(parents=True, exist_ok=True)
    for name, text in made(load_settings(home), Path(sys.executable)).items():
        (folder / name).write_text(text, encoding="utf-8")
        typer.echo(f"{folder / name}")
    typer.echo("Then: systemctl daemon-reload && systemctl enable --now haven.service")


def serve(name: Annotated[str, typer.Argument(help="linkage, research or intake.")], home: Home = DEFAULT_HOME) -> None:
    """Serve one zone, as its account; `haven up` as root and systemd start it so.

    It answers on a Unix socket, for the accounts that it knows, what each may ask; it opens no other zone.

    Example: `haven zone serve linkage --home /srv/haven`
    """
    from infra.accounts.serving import serve as run
    from infra.settings import load_settings

    run(load_settings(home), name)
