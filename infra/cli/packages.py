"""`haven package ...`: what a project's workspaces may install, by request, review and hash."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.common import DEFAULT_HOME, As, AsJson, Home, open_haven, print_json

if TYPE_CHECKING:
    from environments.airlock.packages.model import PackageRequest

Number = Annotated[str, typer.Argument(help="The request's number.")]


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    topic = typer.Typer(no_args_is_help=True, help="Packages for workspaces: asked for, reviewed, mirrored by hash.")
    topic.command("request")(request_package)
    topic.command("review")(review)
    topic.command("mirror")(mirror)
    topic.command("remove")(remove)
    topic.command("list")(list_packages)
    app.add_typer(topic, name="package")


def request_package(
    project: Annotated[str, typer.Argument(help="The project.")],
    package: Annotated[str, typer.Argument(help="name==version")],
    who: As,
    why: Annotated[str, typer.Option("--why", help="What it is for.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Ask for one version of a package; what it depends on is asked for by requests of its own.

    Example: `haven package request falls-2026 tabulate==0.9.0 --why "Prints the tables of the paper." --as asha`
    """
    haven = open_haven(home)
    _tell(haven.packages.request(project, package, why, by=haven.actor(who)), as_json)


def review(
    request: Number,
    who: As,
    approve: Annotated[bool, typer.Option("--approve/--refuse", help="The decision.")],
    why: Annotated[str, typer.Option("--why", help="The reason.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Approve or refuse a package: a checker outside the project.

    Example: `haven package review 6f1c0a2b9d3e --approve --why "Well known, pure Python." --as cara`
    """
    haven = open_haven(home)
    _tell(haven.packages.review(request, approve, why, by=haven.actor(who)), as_json)


def mirror(
    request: Number,
    file: Annotated[Path, typer.Argument(help="The wheel or source archive, fetched where there is a network.")],
    who: As,
    sha256: Annotated[str, typer.Option("--sha256", help="Its SHA-256, as its maker or public index publishes it.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Put an approved package into the project's index: a data engineer outside the project. Safe to repeat.

    Example: `haven package mirror 6f1c0a2b9d3e tabulate-0.9.0-py3-none-any.whl --sha256 024ca478... --as enid`
    """
    haven = open_haven(home)
    _tell(haven.packages.mirror(request, file, sha256, by=haven.actor(who)), as_json)


def remove(
    request: Number,
    who: As,
    why: Annotated[str, typer.Option("--why", help="The reason.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take a package out of the index; what was installed stays in the homes.

    Example: `haven package remove 6f1c0a2b9d3e --why "A weakness was published." --as cara`
    """
    haven = open_haven(home)
    _tell(haven.packages.remove(request, why, by=haven.actor(who)), as_json)


def list_packages(
    project: Annotated[str | None, typer.Option("--project", help="Only this project's.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="Only those in this state.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Every request: requested, approved, mirrored, refused or removed.

    Example: `haven package list --project falls-2026 --state mirrored`
    """
    found = [one for one in open_haven(home).packages.list(project) if state in (None, one.state.value)]
    if as_json:
        print_json([_as_data(one) for one in found])
        return
    for one in found:
        typer.echo(f"{one.id}  {one.project:<24} {one.state:<10} {one.name}=={one.version}  (next: {one.whose_turn})")
    if not found:
        typer.echo("No package was asked for.")


def _as_data(request: PackageRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "project": request.project,
        "package": f"{request.name}=={request.version}",
        "state": request.state.value,
        "whose_turn": request.whose_turn,
        "author": request.author,
        "why": request.why,
        "file": request.file,
        "sha256": request.sha256,
        "moves": [
            {"to": move.after.value, "by": move.by, "at": move.at.isoformat(), "reason": move.reason}
            for move in request.moves
        ],
    }


def _tell(request: PackageRequest, as_json: bool) -> None:
    if as_json:
        print_json(_as_data(request))
        return
    typer.echo(
        f"Package {request.name}=={request.version} ({request.id}): {request.state} (next: {request.whose_turn})"
    )
    if request.file:
        typer.echo(f"  {request.file}  sha256 {request.sha256}")
