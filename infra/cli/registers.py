"""`haven register`: the public pages of what the haven holds, lets in and out, decides and refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.cli.common import DEFAULT_HOME, AsJson, Home, open_haven, print_json, require_home


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    topic = typer.Typer(no_args_is_help=True, help="The public register: build its pages, look at what stands there.")
    topic.command("build")(build)
    topic.command("show")(show)
    app.add_typer(topic, name="register")


def build(
    out: Annotated[Path | None, typer.Argument(help="Where to; without it, the home's own register.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Write the public register: pages for people and data for programs, all at once. The same records, the same bytes.

    Example: `haven register build`
    """
    from audit.model import service
    from infra.registers.publishing import publish_register

    made = publish_register(open_haven(home), out, by=service("register"))
    if as_json:
        print_json(vars(made))
        return
    if made.unchanged:
        typer.echo(f"It says the same already: nothing was written. {made.place / 'index.html'}")
        return
    typer.echo(f"Written: {len(made.files)} files in {made.place}, content {made.digest[:16]}")
    typer.echo(f"  {made.projects} projects, {made.disclosures} disclosures")
    for name in made.files:
        typer.echo(f"  {name}")


def show(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """What the published register says, in short: as of which day, how much of everything, and who waits.

    Example: `haven register show`
    """
    from infra.registers.publishing import published
    from infra.settings import SettingsError, load_settings

    require_home(home)
    place = load_settings(home).register_folder
    found = published(place)
    if found is None:
        raise SettingsError("No register is published.", where=str(place), mend="haven register build")
    if as_json:
        print_json(found)
        return
    typer.echo(
        f"As of {found['as_of']}; log of {found['log']['size']} entries, root {found['log']['root_sha256'][:16]}"
    )
    for name in ("datasets", "flows", "deliveries", "projects", "disclosures", "refusals"):
        typer.echo(f"  {name:<12} {len(found[name])}")
    for project in found["projects"]:
        typer.echo(f"  {project['id']:<32} {project['state']:<16} {project['organisation']}")
    typer.echo(f"Pages: {place / 'index.html'}")
