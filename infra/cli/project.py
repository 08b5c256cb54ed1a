"""`haven project`, `person`, `organisation`, `why`: applications, approvals, and who may do what."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from infra.cli.common import DEFAULT_HOME, As, AsJson, Home, open_haven, print_json

if TYPE_CHECKING:
    from access.project_file import ProjectFile
    from access.service import Standing
    from audit.model import Actor
    from infra.wiring.haven import Haven

ProjectId = Annotated[str, typer.Argument(help="The project's id.")]
File = Annotated[Path, typer.Argument(help="The project's YAML file.")]
TRAINING_DAYS = 365


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    project = typer.Typer(no_args_is_help=True, help="Apply for a project, approve it, withdraw, close, look.")
    project.command("new")(new_project)
    project.command("check")(check_project)
    project.command("apply")(apply_project)
    project.command("approve")(approve_project)
    project.command("withdraw")(withdraw_approval)
    project.command("close")(close_project)
    project.command("show")(show_project)
    project.command("list")(list_projects)
    app.add_typer(project, name="project")
    person = typer.Typer(no_args_is_help=True, help="Register people and look at them.")
    person.command("add")(add_person)
    person.command("suspend")(suspend_person)
    person.command("list")(list_people)
    app.add_typer(person, name="person")
    organisation = typer.Typer(no_args_is_help=True, help="Register organisations and look at them.")
    organisation.command("add")(add_organisation)
    organisation.command("list")(list_organisations)
    app.add_typer(organisation, name="organisation")
    app.command("why")(why)


def new_project(file: File) -> None:
    """Write a commented project file to fill in.

    Example: `haven project new my-project.yaml`
    """
    from access.errors import AccessError
    from access.template import PROJECT_TEMPLATE

    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(PROJECT_TEMPLATE)
    except OSError as error:
        raise AccessError(f"The file cannot be made ({error.strerror}).", where=str(file)) from None
    typer.echo(f"Written: {file}. Fill it in, then: haven project check {file}")


def check_project(file: File, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Is the project complete? Lists what is missing, before anything is submitted.

    Example: `haven project check my-project.yaml`
    """
    project = _load(file)
    problems = open_haven(home).access.problems(project)
    if as_json:
        print_json({"project": project.id, "complete": not problems, "problems": problems})
    else:
        for problem in problems:
            typer.echo(f"- {problem}")
        typer.echo("Complete." if not problems else f"{len(problems)} to mend.")
    raise typer.Exit(0 if not problems else 65)


def apply_project(file: File, person: As, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Submit a project, or an amended version of it. Every controller concerned then decides on its own part.

    Example: `haven project apply my-project.yaml --as asha`
    """
    haven = open_haven(home)
    actor = haven.actor(person)
    project = _load(file)
    haven.access.apply(project, applicant=actor.partition(":")[2], by=actor)
    _say(haven.access.newest(project.id), as_json)


def approve_project(project: ProjectId, controller: As, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Approve a controller's own part, as the controller itself or as one of its delegates.

    Example: `haven project approve diabetes-admissions --as hospital`
    """
    haven = open_haven(home)
    actor = haven.actor(controller)
    haven.access.approve(project, _controller_of(haven, actor), by=actor)
    _say(haven.access.newest(project), as_json)


def withdraw_approval(
    project: ProjectId,
    controller: As,
    reason: Annotated[str, typer.Option("--reason", help="Why; names nobody.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take a controller's approval back. The project stops at once.

    Example: `haven project withdraw diabetes-admissions --as council --reason "purpose changed"`
    """
    haven = open_haven(home)
    actor = haven.actor(controller)
    haven.access.withdraw(project, _controller_of(haven, actor), reason, by=actor)
    _say(haven.access.project(project), as_json)


def close_project(project: ProjectId, person: As, home: Home = DEFAULT_HOME) -> None:
    """End a project for good.

    Example: `haven project close diabetes-admissions --as asha`
    """
    haven = open_haven(home)
    haven.access.close(project, by=haven.actor(person))
    typer.echo("Closed.")


def show_project(project: ProjectId, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """How does the project stand: its state, and each controller's decision?

    Example: `haven project show diabetes-admissions`
    """
    _say(open_haven(home).access.project(project), as_json)


def list_projects(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Every project and its state.

    Example: `haven project list --json`
    """
    standings = open_haven(home).access.projects()
    if as_json:
        print_json([standing.as_data() for standing in standings])
        return
    for standing in standings:
        typer.echo(f"{standing.version.project:<32} {standing.state.value:<10} {standing.version.title}")
    if not standings:
        typer.echo("No project has been applied for.")


def add_person(
    name: Annotated[str, typer.Argument(help="Short id, as used after --as.")],
    organisation: Annotated[str, typer.Option("--organisation", help="Whose person they are.")],
    role: Annotated[list[str], typer.Option("--role", help="May be given several times.")],
    full_name: Annotated[str, typer.Option("--name", help="As people write it.")] = "",
    training_ends: Annotated[
        datetime | None, typer.Option("--training-ends", formats=["%Y-%m-%d"], help="Default: in a year.")
    ] = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Register a person with their roles, or change them.

    Example: `haven person add asha --name "Asha Rao" --organisation university --role researcher`
    """
    from access.errors import AccessError
    from access.model import Person, Role
    from audit.model import service

    known = {one.value: one for one in Role}
    if wrong := [one for one in role if one not in known]:
        raise AccessError(f"Not a role: {', '.join(wrong)}.", where="--role", mend=f"There are: {', '.join(known)}.")
    haven = open_haven(home)
    ends = training_ends.date() if training_ends else (haven.clock.now() + timedelta(days=TRAINING_DAYS)).date()
    person = Person(name, full_name or name, organisation, frozenset(known[one] for one in role), ends)
    haven.access.register_person(person, by=service("administration"))
    typer.echo(f"Registered: {name}.")


def suspend_person(name: Annotated[str, typer.Argument(help="The person's id.")], home: Home = DEFAULT_HOME) -> None:
    """Take every right from a person at once. `haven person add` with the same id lifts it.

    Example: `haven person suspend asha`
    """
    from audit.model import service

    open_haven(home).access.suspend_person(name, by=service("administration"))
    typer.echo(f"Suspended: {name}.")


def list_people(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Who is registered, with which roles?

    Example: `haven person list`
    """
    people = open_haven(home).access.people()
    if as_json:
        print_json(
            [
                {
                    "id": one.id,
                    "name": one.name,
                    "organisation": one.organisation,
                    "roles": sorted(one.roles),
                    "training_ends": one.training_ends,
                    "suspended": one.suspended,
                }
                for one in people
            ]
        )
        return
    for one in people:
        mark = " (suspended)" if one.suspended else ""
        typer.echo(f"{one.id:<16} {one.organisation:<16} {', '.join(sorted(one.roles))}{mark}")


def add_organisation(
    name: Annotated[str, typer.Argument(help="Short id, as contracts name it.")],
    title: Annotated[str, typer.Argument(help="As people write it.")],
    home: Home = DEFAULT_HOME,
) -> None:
    """Register an organisation: a controller, or one that people belong to.

    Example: `haven organisation add hospital "St Example's Hospital"`
    """
    from access.model import Organisation
    from audit.model import service

    open_haven(home).access.register_organisation(Organisation(name, title), by=service("administration"))
    typer.echo(f"Registered: {name}.")


def list_organisations(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Which organisations are registered?

    Example: `haven organisation list`
    """
    organisations = open_haven(home).access.organisations()
    if as_json:
        print_json([{"id": one.id, "name": one.name} for one in organisations])
        return
    for one in organisations:
        typer.echo(f"{one.id:<16} {one.name}")


def why(
    person: Annotated[str, typer.Argument(help="The person's id.")],
    project: ProjectId,
    action: Annotated[str, typer.Argument(help="query, open-workspace, submit or check-outputs.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """May this person do this? If not: which rule says so, and who can change it. Exit status 77 for no.

    Example: `haven why asha diabetes-admissions query`
    """
    from access.decisions import Refused
    from access.errors import AccessError
    from access.service import Action

    chosen = next((one for one in get_args(Action) if one == action), None)
    if chosen is None:
        raise AccessError("Not an action.", where=action, mend=f"There are: {', '.join(get_args(Action))}.")
    decision = open_haven(home).access.why(person, project, chosen)
    refused = decision if isinstance(decision, Refused) else None
    if as_json:
        print_json(
            {
                "allowed": not refused,
                "rule": refused and refused.code,
                "reason": refused and refused.reason,
                "mend": refused and refused.mend,
            }
        )
        raise typer.Exit(77 if refused else 0)
    decision.require()
    typer.echo("Yes.")


def _load(file: Path) -> ProjectFile:
    from access.documents import load_document
    from access.project_file import ProjectFile

    return load_document(file, ProjectFile)


def _controller_of(haven: Haven, actor: Actor) -> str:
    """The organisation that decides: the actor itself, or the one whose delegate the person is."""
    kind, _, name = actor.partition(":")
    if kind == "organisation":
        return name
    person = haven.access.person(name)
    return person.organisation if person else name


def _say(standing: Standing, as_json: bool) -> None:
    data = standing.as_data()
    if as_json:
        print_json(data)
        return
    typer.echo(f"{data['project']} version {data['version']}: {data['state']}")
    typer.echo(f"  {data['title']}")
    typer.echo(f"  people: {', '.join(data['people'])}; ends {data['ends']}")
    for one in data["approvals"]:
        reason = f" ({one['reason']})" if one["reason"] else ""
        typer.echo(f"  {one['controller']:<12} {one['state']}{reason}")
