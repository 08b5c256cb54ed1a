"""`haven scope`: materialise a live approval, and look at what is published."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.common import DEFAULT_HOME, AsJson, Home, open_haven, print_json, progress_bar

Project = Annotated[str, typer.Argument(help="The project's id.")]


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    topic = typer.Typer(no_args_is_help=True, help="Publish what an approved project may see.")
    topic.command("publish")(publish)
    topic.command("show")(show)
    app.add_typer(topic, name="scope")


def publish(project: Project, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Build the project's own file: approved columns, rows and precision under its own pseudonyms.

    Example: `haven scope publish diabetes-admissions`
    """
    from infra.published import held_scopes

    haven = open_haven(home)
    with progress_bar("publishing", quiet=as_json) as progress:
        summary = haven.publish_scope(project, progress)
    why = held_scopes(haven).get(project)  # while people are linked anew, whatever is published
    if as_json:
        told = {"project": project, "version": summary.version, "unchanged": summary.unchanged}
        print_json({**told, "held": why and why.code})
        return
    done = "is published already: nothing was changed" if summary.unchanged else "is published"
    typer.echo(f"{project} version {summary.version} {done}.")
    if why:
        typer.echo(f"It stays refused to its people. {why.reason} {why.mend or ''}".rstrip())
    _tell(summary.tables)


def show(project: Project, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """What is published for the project: its tables and columns.

    Example: `haven scope show diabetes-admissions`
    """
    from linkage.scopes.errors import ScopeUnbuildable
    from linkage.scopes.store import current_scope

    with open_haven(home).records.read() as session:
        scope = current_scope(session, project)
    if scope is None:
        raise ScopeUnbuildable("Nothing is published for this project.", mend=f"Run: haven scope publish {project}")
    if as_json:
        print_json({"project": project, "version": scope.version, "digest": scope.digest, "tables": scope.tables})
        return
    typer.echo(f"{project} version {scope.version}, built {scope.at:%Y-%m-%d %H:%M}")
    _tell(scope.tables)


def _tell(tables: dict[str, dict[str, str]]) -> None:
    for table, columns in tables.items():
        typer.echo(f"  {table}")
        for name, kind in columns.items():
            typer.echo(f"    {name:<24} {kind}")
