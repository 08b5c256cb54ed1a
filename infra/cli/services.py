"""`haven up`, `down`, `status`, `flow`: the haven's processes, and the flows that Prefect runs."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.common import (
    DEFAULT_HOME,
    AsJson,
    Home,
    open_haven,
    print_json,
    runs_accounts,
    say_one_account,
    say_tokens,
    say_without_key,
)

if TYPE_CHECKING:
    from infra.wiring.haven import Haven


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    app.command("up")(up)
    app.command("down")(down)
    app.command("status")(status)
    flow = typer.Typer(no_args_is_help=True, help="Run the Prefect flows by hand.")
    flow.command("run")(run_flow)
    app.add_typer(flow, name="flow")


def up(
    home: Home = DEFAULT_HOME,
    detach: Annotated[bool, typer.Option("--detach", help="Go on in the background.")] = False,
) -> None:
    """Start log, gateway, hub and Prefect on this machine only; Ctrl-C stops them cleanly.

    Example: `haven up --home haven-home`
    """
    if detach:
        _detach(home)
        return
    if runs_accounts(home):
        _up_accounts(home)
        return
    from infra.servers.catalogue import services_of
    from infra.servers.supervisor import Supervisor

    haven = open_haven(home)
    say_one_account(haven.settings)
    supervisor = Supervisor(haven.settings.run_folder, haven.settings.logs_folder, typer.echo)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stopping.set())
    typer.echo(f"Starting the haven at {haven.settings.home}")
    with supervisor.running(services_of(haven)):
        for name, reason in haven.left_out.items():
            typer.echo(f"  {name:<10} NOT available: {reason}")
        if not supervisor.stopping.is_set():
            typer.echo("All services are up. Stop them with Ctrl-C or `haven down`.")
        supervisor.watch()


def _up_accounts(home: Path) -> None:
    """As root: each zone's process under its account, then all the rest under the orchestrator's."""
    from infra.accounts.services import account_services
    from infra.servers.supervisor import Supervisor
    from infra.settings import load_settings

    settings = load_settings(home)
    services = account_services(settings)
    supervisor = Supervisor(settings.home / "run" / "zones", settings.zone_logs_folder, typer.echo)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stopping.set())
    typer.echo(f"Starting the haven at {settings.home}, each part under its account")
    with supervisor.running(services):
        typer.echo("All services are up. Stop them with Ctrl-C or `haven down`.")
        supervisor.watch()


def _detach(home: Home) -> None:
    from infra.servers.model import ServiceError
    from infra.settings import ROOT, load_settings

    settings = load_settings(home) if runs_accounts(home) else open_haven(home).settings
    folder = settings.zone_logs_folder if runs_accounts(home) else settings.logs_folder
    folder.mkdir(exist_ok=True, mode=0o700)
    log = folder / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "infra.cli", "up", "--home", str(settings.home)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    shown = 0
    while True:
        text = log.read_text(encoding="utf-8", errors="replace")
        typer.echo(text[shown:], nl=False)
        shown = len(text)
        if "All services are up." in text:
            return
        if process.poll() is not None:
            raise ServiceError("The services did not start.", where=str(log), mend="The lines above say why.")
        time.sleep(0.2)


def down(home: Home = DEFAULT_HOME) -> None:
    """Stop the services of a haven that runs in the background.

    Example: `haven down --home haven-home`
    """
    from infra.servers.supervisor import stop_supervisor

    run = home.absolute() / "run" / "zones" if runs_accounts(home) else open_haven(home).settings.run_folder
    stopped = stop_supervisor(run)
    typer.echo("Stopped." if stopped else "Nothing was running.")


def status(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """What runs for this home, and where it answers?

    Example: `haven status --home haven-home`
    """
    from infra.servers.supervisor import read_state

    haven = open_haven(home)
    settings = haven.settings
    state = read_state(settings.run_folder)
    if not as_json:
        say_one_account(settings)
        say_without_key(haven)
        say_tokens()
        _say_unreviewed(haven)
    if as_json:
        print_json(state or {"services": {}})
        return
    if state is None:
        typer.echo("Nothing runs. Start with `haven up`.")
        return
    services = state.get("services")
    for name, service in services.items() if isinstance(services, dict) else ():
        typer.echo(f"{name:<10} {service['address']}")
    left_out = state.get("left_out")
    for name, reason in left_out.items() if isinstance(left_out, dict) else ():
        typer.echo(f"{name:<10} not available: {reason}")


def _say_unreviewed(haven: Haven) -> None:
    """Break-glass must reach whoever looks at the haven at all, not the log alone."""
    waiting = haven.access.emergencies(unreviewed=True)
    if waiting:
        typer.echo(f"BREAK-GLASS without a review: {len(waiting)}. See: haven waiting", err=True)


def run_flow(
    name: Annotated[str, typer.Argument(help="ingest, link, publish_scope, refresh_optouts, release or sweep_inbox.")],
    subject: Annotated[
        str | None,
        typer.Argument(help="A delivery's path, a project, a request or a dataset; link has none."),
    ] = None,
    who: Annotated[str | None, typer.Option("--as", help="Who takes the delivery in; only with ingest.")] = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Run one flow now, in this process, against the haven's Prefect server when it is up.

    Example: `haven flow run publish_scope diabetes-admissions`
    """
    from infra.flowing import run_named_flow

    run_named_flow(open_haven(home), name, subject, typer.echo, who=who)
