"""`haven login`, `logout`, `whoami`: say who you are. `haven issuer`: the local development issuer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from infra.cli.common import DEFAULT_HOME, AsJson, Home, open_haven, print_json

if TYPE_CHECKING:
    from access.identity.device_login import Prompt
    from access.identity.model import Claims


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    app.command("login")(login)
    app.command("logout")(logout)
    app.command("whoami")(whoami)
    issuer = typer.Typer(no_args_is_help=True, help="The local development issuer (synthetic data only).")
    issuer.command("rotate")(rotate)
    issuer.command("serve")(serve)
    app.add_typer(issuer, name="issuer")


def login(home: Home = DEFAULT_HOME) -> None:
    """Log in: open the address that is shown in any browser, and approve the code there.

    Example: `haven login`
    """
    claims = open_haven(home).logins.log_in(_show)
    typer.echo(f"Logged in as {who_is(claims)}. `haven logout` ends it.")


def logout(home: Home = DEFAULT_HOME) -> None:
    """End your login, here and at its issuer; its tokens are refused from now.

    Example: `haven logout`
    """
    who = open_haven(home).logins.log_out()
    typer.echo("Nobody was logged in." if who is None else f"Logged out{f': {who}' if who else ''}.")


def whoami(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Who is logged in here?

    Example: `haven whoami`
    """
    claims, _ = open_haven(home).logins.current()
    if as_json:
        print_json({"person": claims.person, "client": claims.client})
        return
    typer.echo(who_is(claims))


def who_is(claims: Claims) -> str:
    """The person; and where it is known that nobody asked them for a second factor, that.

    That one was shown is never said: it is the realm's rule for every login, and no token tells it (docs/identity.md).
    """
    return claims.person if claims.second_factor else f"{claims.person}, without a second factor"


def rotate(home: Home = DEFAULT_HOME) -> None:
    """Give the local issuer a new key. Nothing restarts; earlier tokens stay good until they expire.

    Example: `haven issuer rotate`
    """
    from audit.events import EventName
    from audit.model import service
    from infra.logins.parts import issuer_keys

    haven = open_haven(home)
    key = issuer_keys(haven.settings, haven.keyring, haven.clock).rotate()
    haven.records.note(EventName.ISSUER_KEY_ROTATED, by=service("administration"), key=key)
    typer.echo(f"Tokens are signed with a new key from now: {key}")


def serve(home: Home = DEFAULT_HOME) -> None:
    """Run the local issuer by itself, in the foreground; `haven up` starts it with the rest.

    Example: `haven issuer serve --home haven-home`
    """
    import signal

    from infra.logins.parts import require_local_issuer
    from infra.servers.catalogue import issuer_service, log_service
    from infra.servers.supervisor import Supervisor

    haven = open_haven(home)
    require_local_issuer(haven.settings)
    supervisor = Supervisor(haven.settings.run_folder, haven.settings.logs_folder, typer.echo)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stopping.set())
    with supervisor.running([log_service(haven.settings), issuer_service(haven.settings)]):
        typer.echo("The local issuer is up. It asks for no password: synthetic data only. Stop it with Ctrl-C.")
        supervisor.watch()


def _show(prompt: Prompt) -> None:
    typer.echo(f"Open {prompt.page_with_code or prompt.page}")
    typer.echo(f"and approve this code: {prompt.user_code}  (it ends in {prompt.seconds / 60:.0f} minutes)")
