"""`haven identity`: Keycloak for development, its realm made and looked at, and people's log-ins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    require_home,
)

if TYPE_CHECKING:
    from access.realm.drift import Difference
    from access.realm.people import Step
    from access.realm.service import OneTimePassword
    from infra.wiring.haven import Haven

Show = Annotated[
    bool, typer.Option("--show", help="Print one-time passwords here, once, and write no file.", show_default="files")
]
BY = "administration"


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    topic = typer.Typer(
        no_args_is_help=True,
        help="Keycloak: who somebody is. The realm follows from one table of roles (docs/reference/roles.md)."
        "\n\nStart it with `haven identity up`, give people their log-ins with `haven identity sync`.",
    )
    topic.command("up")(up)
    topic.command("down")(down)
    topic.command("status")(status)
    topic.command("check")(check)
    topic.command("repair")(repair)
    topic.command("sync")(sync)
    topic.command("reset")(reset)
    topic.command("rotate-key")(rotate_key)
    topic.command("client-secret")(client_secret)
    app.add_typer(topic, name="identity")


def up(home: Home = DEFAULT_HOME) -> None:
    """Start Keycloak on this machine only, in the background, and make its realm what the table of roles says.

    For development and tests: it keeps its data in the home and refuses with real data. The first time, it is got with
    Maven (170 MB) and built. Needs Java 17. Again: it goes on where it stopped, and a realm that drifted is repaired.

    Example: `haven identity up --home haven-home`
    """
    from audit.model import service

    haven = open_haven(home)
    server = haven.identity_server
    server.distribution.install(typer.echo)
    if not server.is_running():
        typer.echo("Starting Keycloak (half a minute) ...")
    address = server.start()
    mended = haven.identity.apply(by=service(BY))
    typer.echo(f"Keycloak runs at {address}")
    typer.echo(
        f"The realm 'haven' {f'was made or mended in {len(mended)} places' if mended else 'is as it should be'}."
    )
    typer.echo(f"People log in at {address}/realms/haven/device with the code that their command line shows.")
    typer.echo("Next: give the registered people their log-ins with `haven identity sync`.")


def down(home: Home = DEFAULT_HOME) -> None:
    """Stop the Keycloak of `haven identity up`. Its data stay in the home.

    Example: `haven identity down --home haven-home`
    """
    require_home(home)
    typer.echo("Stopped." if open_haven(home).identity_server.stop() else "Nothing was running.")


def status(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Does Keycloak run, and where? Asks nothing of it.

    Example: `haven identity status --home haven-home`
    """
    require_home(home)
    haven = open_haven(home)
    address = haven.settings.identity.server or haven.identity_server.address
    if as_json:
        print_json({"address": address, "issuer": address and f"{address.rstrip('/')}/realms/haven"})
    elif address is None:
        typer.echo("Keycloak does not run. Start it with `haven identity up`.")
    else:
        typer.echo(f"Keycloak     {address}")
        typer.echo(f"issuer       {address.rstrip('/')}/realms/haven")


def check(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Has the realm drifted from the table of roles and the settings? Names each difference.

    The exit status is 0 where there is none, else 65; what was found is in the log. `haven identity repair` mends it.

    Example: `haven identity check --home haven-home`
    """
    from audit.model import service

    require_home(home)
    found = open_haven(home).identity.check(by=service(BY))
    _tell(found, as_json, "The realm is as it should be.")
    if found:
        raise typer.Exit(NOT_PASSED)


def repair(officer: Officer = None, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Mend every difference that `haven identity check` names: what is unknown is removed, what is missing is made.

    People, their passwords and second factors stay. What was mended is in the audit log.

    Example: `haven identity repair --home haven-home --as adam`
    """
    require_home(home)
    haven = open_haven(home)
    mended = haven.identity.repair(by=acting(haven, officer))
    _tell(mended, as_json, "Nothing had drifted.", prefix="mended: ")


def sync(officer: Officer = None, home: Home = DEFAULT_HOME, show: Show = False, as_json: AsJson = False) -> None:
    """Give exactly those a log-in who are registered with their evidence, with their roles; everybody else's is closed.

    Who is suspended, closed or barred, or whom nobody registered, cannot log in any more, and sessions end at once.
    New people get a one-time password, in a file that only this account reads: hand it over in person, then remove
    the file. At the first log-in they choose a password and set up their authenticator. Again changes nothing.

    Example: `haven identity sync --home haven-home --as adam`
    """
    require_home(home)
    haven = open_haven(home)
    places: list[Path | None] = []
    done = haven.identity.sync(
        by=acting(haven, officer), hand_over=lambda given: places.append(_hand_over(haven, given, show, quiet=as_json))
    )
    if as_json:
        steps = [{"what": type(step).__name__.lower(), "who": _who(step)} for step in done.steps]
        print_json({"steps": steps, "files": [str(place) for place in places if place]})
        return
    for step in done.steps:
        typer.echo(f"{_in_words(step):<16} {_who(step)}")
    for step in done.left_out:
        typer.echo(f"  {step.person}: {step.refused.reason} {step.refused.mend or ''}", err=True)
    if not done.steps:
        typer.echo("Everybody's log-in is as it should be.")


def reset(
    person: Annotated[str, typer.Argument(help="The person's id.")],
    officer: Officer = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, in a sentence; shown with the notice.")] = None,
    home: Home = DEFAULT_HOME,
    show: Show = False,
) -> None:
    """A new one-time password and a new second factor for somebody who lost theirs. All of their sessions end.

    Make sure first that it is they who ask, by meeting them or by calling a number that you knew before.
    Administrators, governance leads and the Guardian are told of it for thirty days (`haven waiting`).

    Example: `haven identity reset asha --reason "Asha lost her telephone" --home haven-home --as adam`
    """
    require_home(home)
    haven = open_haven(home)
    place = _hand_over(haven, haven.identity.reset(person, reason, by=acting(haven, officer)), show)
    where = f" in {place}" if place else ""
    typer.echo(f"{person} logs in with the one-time password{where} and sets up an authenticator.")


def rotate_key(officer: Officer = None, home: Home = DEFAULT_HOME) -> None:
    """Sign tokens with a new key from now on. Nobody is logged out; services learn of the key by themselves.

    Tokens of the key before it count until they end, five minutes at most.

    Example: `haven identity rotate-key --home haven-home --as adam`
    """
    require_home(home)
    haven = open_haven(home)
    name = haven.identity.change_signing_key(by=acting(haven, officer))
    typer.echo(f"Tokens are signed with the key '{name}'.")


def client_secret(
    client: Annotated[str, typer.Argument(help="haven-portal or haven-hub.")],
    file: Annotated[Path, typer.Option("--file", help="Where it is written; it may not exist yet.")],
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Write the secret of one of the haven's services into a file that only this account reads. It is never printed.

    Example: `haven identity client-secret haven-hub --file /etc/haven/hub.secret --as adam`
    """
    from infra.identity.handing_over import write_new

    require_home(home)
    haven = open_haven(home)
    write_new(file, haven.identity.client_secret(client, by=acting(haven, officer)))
    typer.echo(f"The secret of {client} is in {file}.")


def _tell(found: list[Difference], as_json: bool, otherwise: str, prefix: str = "") -> None:
    if as_json:
        print_json({"differences": [{"path": one.path, "kind": one.kind.value, "what": str(one)} for one in found]})
        return
    for one in found:
        typer.echo(f"{prefix}{one}")
    if not found:
        typer.echo(otherwise)


def _hand_over(haven: Haven, given: OneTimePassword, show: bool, *, quiet: bool = True) -> Path | None:
    from infra.identity.handing_over import write_once

    if show:
        typer.echo(f"{given.person}: {given.password}")
        return None
    place = write_once(haven.settings.identity_folder / "one-time", given)
    if not quiet:
        typer.echo(f"one-time password in {place}")
    return place


def _in_words(step: Step) -> str:
    words = {"Provision": "log-in made", "Change": "log-in changed", "Disable": "log-in closed", "LeftOut": "no log-in"}
    return words[type(step).__name__]


def _who(step: Step) -> str:
    from access.realm.people import Change, Disable

    return step.user.name if isinstance(step, Change | Disable) else step.person
