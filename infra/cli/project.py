"""`haven project`: apply for a project, and look at what there is. Decisions on it: project_deciding."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.common import DEFAULT_HOME, As, AsJson, Home, open_haven, print_json, write_new
from infra.cli.project_deciding import DECIDING, ProjectId, say_project
from infra.cli.waiting import project_waiting

if TYPE_CHECKING:
    from access.projects.file import ProjectFile

File = Annotated[Path, typer.Argument(help="The project's YAML file.")]


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    project = typer.Typer(no_args_is_help=True, help="Apply for a project, decide on it, stop it, look.")
    for name, command in (
        ("new", new_project),
        ("check", check_project),
        ("draft", draft_project),
        ("submit", submit_project),
        ("apply", apply_project),
        *DECIDING,
        ("show", show_project),
        ("diff", diff_project),
        ("list", list_projects),
        ("waiting", project_waiting),
    ):
        project.command(name)(command)
    app.add_typer(project, name="project")


def new_project(file: File) -> None:
    """Write a commented project file to fill in.

    Example: `haven project new my-project.yaml`
    """
    from access.projects.template import PROJECT_TEMPLATE

    write_new(file, PROJECT_TEMPLATE)
    typer.echo(f"Written: {file}. Fill it in, then: haven project check {file}")


def check_project(file: File, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Is the project complete? Lists what is missing, before anything is submitted.

    Example: `haven project check my-project.yaml`
    """
    project = _load(file)
    access = open_haven(home).access
    problems, waits = access.problems(project), access.still_missing(project)
    if as_json:
        print_json({"project": project.id, "complete": not problems, "problems": problems, "waits_for": waits})
    else:
        for problem in problems:
            typer.echo(f"- {problem}")
        typer.echo("Complete." if not problems else f"{len(problems)} to mend.")
        if waits:
            typer.echo("Even when everybody has approved, it waits for:")
        for one in waits:
            typer.echo(f"  {one}")
    raise typer.Exit(0 if not problems else 65)


def apply_project(file: File, person: As, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Submit a project, or an amended version of it. Every controller concerned then decides on its own part.

    Example: `haven project apply my-project.yaml --as asha`
    """
    haven = open_haven(home)
    actor = haven.actor(person)
    project = _load(file)
    haven.access.apply(project, applicant=actor.partition(":")[2], by=actor)
    say_project(haven.access.newest(project.id), as_json)


def draft_project(file: File, person: As, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Keep a project that is not ready to be submitted. What is missing is told; nobody is asked yet.

    Example: `haven project draft my-project.yaml --as asha`
    """
    haven = open_haven(home)
    actor = haven.actor(person)
    project = _load(file)
    haven.access.draft(project, applicant=actor.partition(":")[2], by=actor)
    say_project(haven.access.newest(project.id), as_json)
    if not as_json:
        for problem in haven.access.problems(project):
            typer.echo(f"- {problem}")


def submit_project(project: ProjectId, person: As, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Submit the draft that is kept.

    Example: `haven project submit blood-pressure --as asha`
    """
    haven = open_haven(home)
    actor = haven.actor(person)
    haven.access.submit(project, applicant=actor.partition(":")[2], by=actor)
    say_project(haven.access.newest(project), as_json)


def show_project(project: ProjectId, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """How does the project stand: its state, and each controller's decision? And the amendment that is decided on.

    Example: `haven project show diabetes-admissions`
    """
    in_force, *asked = open_haven(home).access.decided_upon(project)
    if as_json:
        print_json(in_force.as_data() | {"amendment": asked[0].as_data() if asked else None})
        return
    say_project(in_force, as_json)
    for one in asked:
        typer.echo(f"An amendment is asked for; what it changes: haven project diff {project}")
        say_project(one, as_json)


def diff_project(
    project: ProjectId,
    before: Annotated[int, typer.Argument(help="The older version; 0: the one in force, or submitted before.")] = 0,
    after: Annotated[int, typer.Argument(help="The newer version; 0: the newest that was submitted.")] = 0,
    home: Home = DEFAULT_HOME,
) -> None:
    """What does an amendment change, line by line?

    Example: `haven project diff blood-pressure 1 2`
    """
    access = open_haven(home).access
    older, newer = access.amendment(project)
    told = access.changes(project, before or older, after or newer)
    for line in told:
        typer.echo(line)
    if not told:
        typer.echo("Nothing differs.")


def list_projects(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Every project and its state.

    Example: `haven project list --json`
    """
    access = open_haven(home).access
    standings = access.projects()
    if as_json:
        print_json([standing.as_data() for standing in standings])
        return
    for standing in standings:
        asked = access.asked_of(standing.version.project)
        newer = "" if asked.version.version == standing.version.version else f" (amendment: {asked.state.value})"
        typer.echo(f"{standing.version.project:<32} {standing.state.value:<10} {standing.version.title}{newer}")
    if not standings:
        typer.echo("No project has been applied for.")


def _load(file: Path) -> ProjectFile:
    from access.documents import load_document
    from access.projects.file import ProjectFile

    return load_document(file, ProjectFile)
