"""`haven housekeeping`, `haven retention`: what falls due, for whom; how long deliveries are kept, and their end."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.common import (
    DEFAULT_HOME,
    NOT_PASSED,
    AsJson,
    Home,
    Officer,
    acting,
    open_haven,
    print_json,
    progress_bar,
)

if TYPE_CHECKING:
    from access.retention.model import Retention

DeliveryName = Annotated[str, typer.Argument(help="The delivery's name or id.")]


def register(app: typer.Typer) -> None:
    """Add these topics' commands to the command line."""
    house = typer.Typer(no_args_is_help=True, help="What falls due, and what is done about it each day.")
    house.command("run")(run)
    house.command("show")(show)
    app.add_typer(house, name="housekeeping")
    retention = typer.Typer(no_args_is_help=True, help="Until when deliveries are kept; destroy them, with proof.")
    retention.command("list")(list_retention)
    retention.command("destroy")(destroy)
    retention.command("certificate")(certificate)
    app.add_typer(retention, name="retention")


def run(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Do what is to be done today: expiries, warnings, dormant accounts, what is destroyed as agreed, the register.

    Again: nothing. The daily flow asks for opt-outs too where a mailbox is set; by hand: `haven optout refresh --wait`.

    Example: `haven housekeeping run`
    """
    from audit.model import service
    from infra.housekeeping import keep_house

    done = keep_house(open_haven(home), by=service("housekeeping"))
    if as_json:
        print_json([asdict(one) for one in done])
        return
    for one in done:
        typer.echo(f"{one.kind:<20} {one.subject:<32} {one.told}")
    if not done:
        typer.echo("Everything was done already today.")


def show(
    days: Annotated[int, typer.Option("--days", min=0, help="How far ahead to look.")] = 90,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """What is overdue or falls due in the next 90 days, the most urgent first, and who must do what.

    Example: `haven housekeeping show`
    """
    from infra.housekeeping import housekeeping

    haven = open_haven(home)
    house = housekeeping(haven)
    found = house.due(haven.access.retentions(), timedelta(days=days))
    if as_json:
        print_json([{**asdict(one), "days_left": one.days_left(house.today())} for one in found])
        return
    for one in found:
        left = one.days_left(house.today())
        when = f"in {left} days" if left > 0 else "today" if left == 0 else f"{-left} days overdue"
        typer.echo(f"{one.on}  {when:<18} {one.kind:<20} {one.subject}")
        typer.echo(f"            {one.who} {one.what}")
    if not found:
        typer.echo(f"Nothing falls due in the next {days} days.")


def list_retention(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Every delivery that is held: since when, until when, under which agreement; and those that were destroyed.

    Example: `haven retention list`
    """
    haven = open_haven(home)
    found, today = haven.access.retentions(), haven.clock.now().date()
    if as_json:
        print_json([_data(one, one.is_due(today)) for one in found])
        return
    for one in found:
        until = f"until {one.until} ({one.agreement})" if one.until else "no agreement says until when"
        state = "destroyed, certified" if one.held.certified else "OVER: serves nobody" if one.is_due(today) else "kept"
        typer.echo(f"{one.held.name:<36} since {one.held.received_on}  {until}  {state}")
    if not found:
        typer.echo("No delivery is held.")


def destroy(
    delivery: DeliveryName,
    officer: Officer = None,
    early: Annotated[str | None, typer.Option("--early", help="Why it is destroyed before its time.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Destroy a delivery: its rows, and what was linked from them. Then sign the certificate. For good.

    Example: `haven retention destroy gp-2026-04-01-2026-09-30 --as lena`
    """
    from infra.retention import destroy_delivery

    haven = open_haven(home)
    with progress_bar("destroying", quiet=as_json) as progress:
        made = destroy_delivery(haven, delivery, early=early, by=acting(haven, officer), progress=progress)
    if as_json:
        print_json(made)
        return
    typer.echo(f"Destroyed. The certificate: haven retention certificate {made['statement']['name']}")
    typer.echo("Publish the scopes of the projects that saw it anew: haven scope publish PROJECT")


def certificate(
    delivery: DeliveryName,
    check: Annotated[
        Path | None, typer.Option("--check", help="Is this file the certificate, unchanged and signed by this haven?")
    ] = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """The signed certificate of a delivery's destruction.

    Example: `haven retention certificate gp-2026-04-01-2026-09-30`
    """
    from access.keys.certificate import read_certificate, require_genuine
    from infra.retention import certificate_of

    haven = open_haven(home)
    kept = certificate_of(haven, delivery)
    if check is None:
        print_json(kept)
        return
    given = read_certificate(check)
    require_genuine(given, haven.keyring.signing_key("certificate").public_key())
    typer.echo("Genuine." if given == kept else "Genuine, and of another delivery.")
    raise typer.Exit(0 if given == kept else NOT_PASSED)


def _data(one: Retention, due: bool) -> dict[str, Any]:
    return {**asdict(one.held), "until": one.until, "agreement": one.agreement, "due": due}
