"""What every command shares: the options --home and --json, how data is printed, how an error is said."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from enum import StrEnum

    from access.people.model import Person
    from audit.errors import HavenError
    from audit.model import Actor
    from audit.progress import Progress
    from infra.settings import Settings
    from infra.wiring.haven import Haven

Home = Annotated[
    Path,
    typer.Option("--home", envvar="HAVEN_HOME", help="The haven's folder.", show_default="./haven-home"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print data for a program.")]
As = Annotated[
    str,
    typer.Option("--as", help="Who acts: a registered person or organisation."),
]
Officer = Annotated[
    str | None,
    typer.Option("--as", help="Who acts: the officer's person id. Without it the haven's own account, while it may."),
]
DEFAULT_HOME = Path("haven-home")
NOT_PASSED = 65
"""Exit status of a check that ran and did not pass (EX_DATAERR of sysexits)."""


def open_haven(home: Path) -> Haven:
    """The haven at `home`, made on first use."""
    from infra.wiring.haven import Haven

    if not home.exists() and sys.stderr.isatty():  # a program that reads the output asked for nothing else
        typer.echo(f"There was no haven in {home}: a new one is made.", err=True)
    haven = Haven.at(home)
    haven.greet = partial(say_waiting, haven)
    return haven


def say_waiting(haven: Haven, person: Person) -> None:
    """Tell an administrator, a governance lead or the Guardian what waits for them, whatever they came to do."""
    from access.housekeeping.notices import OVERSEERS
    from infra.housekeeping import housekeeping

    if person.roles & OVERSEERS:
        for one in housekeeping(haven).notices(person):
            typer.echo(f"WAITING since {one.since}: {one.told} {one.mend}", err=True)


def acting(haven: Haven, officer: str | None) -> Actor:
    """The person who acts, or the haven's own account where nobody is named."""
    from audit.model import service

    return service("administration") if officer is None else haven.actor(officer)


def one_of(kind: type[StrEnum], name: str, where: str) -> Any:
    """The member of this name. Raises AccessError that lists them."""
    from access.errors import AccessError

    known = {one.value: one for one in kind}
    if name not in known:
        raise AccessError(f"Not one of them: {name}.", where=where, mend=f"There are: {', '.join(known)}.")
    return known[name]


def must_be_invented(home_settings: Settings) -> None:
    """Evidence is invented for synthetic data only. Raises AccessError where real data are held."""
    from access.errors import AccessError

    if home_settings.real_data:
        raise AccessError(
            "Nothing is invented where real data are held.",
            where="--invented",
            mend="Record each piece of evidence: haven person --help, haven organisation --help.",
        )


def write_new(file: Path, content: str | bytes) -> None:
    """Write a file that is not there yet. Raises AccessError."""
    from access.errors import AccessError

    try:
        with file.open("xb") as out:
            out.write(content if isinstance(content, bytes) else content.encode())
    except OSError as error:
        raise AccessError(
            f"The file cannot be made ({error.strerror}).", where=str(file), mend="Name one that is not there."
        ) from None


def say_one_account(settings: Settings) -> None:
    """Said once, plainly, where one account could open both zones."""
    from infra.accounts.check import ONE_ACCOUNT

    if not settings.separated:
        typer.echo(ONE_ACCOUNT, err=True)


def say_without_key(haven: Haven) -> None:
    """The controllers of contracts in force whose deliveries nobody can tell from planted ones."""
    known = {known.contract.controller for known in haven.contracts.all() if known.installed}
    without = sorted(name for name in known if not (haven.senders.folder / f"{name}.pub").exists())
    if without:
        typer.echo(f"No key to check the deliveries of: {', '.join(without)} (docs/controller.md).", err=True)


def say_tokens() -> None:
    """Are tokens made by the compiled kernel here, and if not, why not?"""
    from linkage.native.kernel import find_kernel

    found = find_kernel()
    if found.kernel is None:
        typer.echo(f"Tokens are made without the compiled kernel, more slowly: {found.why}. {found.mend}", err=True)
    else:
        typer.echo("Tokens are made by the compiled kernel.")


def runs_accounts(home: Path) -> bool:
    """Is this root, at a home whose accounts are installed? Root then starts each part under its account."""
    from infra.settings import load_settings

    return os.geteuid() == 0 and load_settings(home).separated


def require_home(home: Path) -> None:
    """Only look: a home that is not there is not made.

    Raises SettingsError: there is no haven here.
    """
    from infra.settings import SettingsError

    if not home.exists():
        raise SettingsError(
            "There is no haven here.", where=str(home), mend="Name its folder with --home or HAVEN_HOME."
        )


def read_table_file(path: Path) -> bytes:
    """A table's bytes as they lie in the file; of one that is larger than any table may be, enough to tell.

    Raises:
        TableUnfit: the file cannot be read.
    """
    from environments.disclosure.errors import TableUnfit
    from environments.disclosure.tables import MOST_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise TableUnfit(
            f"The file cannot be read ({error.strerror}).", where=str(path), mend="Name a file that is there."
        ) from None


def print_json(data: Any) -> None:
    """Data for a program, on standard output."""
    typer.echo(json.dumps(data, indent=2, default=str, ensure_ascii=False))


@contextmanager
def progress_bar(title: str, *, quiet: bool = False) -> Iterator[Progress]:
    """A bar for long work on the error output; the callback that moves it. quiet: a program reads the output."""
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bars:
        task = bars.add_task(title, total=None)

        def moved(step: str, done: int, total: int | None) -> None:
            bars.update(task, description=f"{title}: {step}", completed=done, total=total)

        yield moved


def show_fault(error: Exception) -> int:
    """Tell a fault of the programme by its type and place; a library's own text may quote a row and is not shown."""
    import traceback

    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    typer.echo(f"Error [haven.fault]: {type(error).__name__} at {place}. What was complete is kept.", err=True)
    typer.echo("  mend:  report the place; with synthetic data, HAVEN_TRACEBACK=1 shows all of it.", err=True)
    return 70


def show_error(error: HavenError) -> int:
    """Say what was wrong, where, and how to mend it; return the exit status."""
    if "--json" in sys.argv:
        typer.echo(json.dumps({"error": error.as_dict()}, ensure_ascii=False), err=True)
        return error.exit_status
    typer.echo(f"Error [{error.code}]: {error.what}", err=True)
    if error.where:
        typer.echo(f"  where: {error.where}", err=True)
    if error.mend:
        typer.echo(f"  mend:  {error.mend}", err=True)
    if os.environ.get("HAVEN_TRACEBACK"):
        raise error
    return error.exit_status
