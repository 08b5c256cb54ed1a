"""What do controllers, the Guardian, leads and governance decide on a project? Their part of `haven project`."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.common import DEFAULT_HOME, As, AsJson, Home, Officer, acting, open_haven, print_json, write_new

if TYPE_CHECKING:
    from access.projects.narrowing import Narrowing
    from access.projects.reading import Standing
    from audit.model import Actor
    from infra.wiring.haven import Haven

ProjectId = Annotated[str, typer.Argument(help="The project's id.")]
Read = Annotated[
    int | None,
    typer.Option("--version", help="The version that you read: refused when another is asked for by now."),
]


def new_narrowing(file: Annotated[Path, typer.Argument(help="The file to write.")]) -> None:
    """Write a commented file for what a controller takes away of its part of a project.

    Example: `haven project narrowing narrowing.yaml`
    """
    from access.projects.narrowing import TEMPLATE

    write_new(file, TEMPLATE)
    typer.echo(
        f"Written: {file}. Keep what you narrow, then: haven project approve PROJECT --narrowing {file} --as ..."
    )


def new_questions(file: Annotated[Path, typer.Argument(help="The file to write.")]) -> None:
    """Write the questions of the release test, which the Caldicott Guardian answers case by case.

    Example: `haven project questions answers.yaml`
    """
    from access.projects.policies import RELEASE_TEST

    lines = [f"# {question}\n{key}: \n" for key, question in RELEASE_TEST.items()]
    write_new(file, "# The release test of one project. Answer each in a sentence or more.\n" + "".join(lines))
    typer.echo(f"Written: {file}. Answer each, then: haven project endorse PROJECT --answers {file} --as GUARDIAN")


def approve_project(
    project: ProjectId,
    controller: As,
    narrowing: Annotated[Path | None, typer.Option("--narrowing", help="What you take away (YAML).")] = None,
    without: Annotated[list[str] | None, typer.Option("--without", help="TABLE.COLUMN; may be repeated.")] = None,
    dates: Annotated[list[str] | None, typer.Option("--dates", help="TABLE=day, month or year; repeatable.")] = None,
    until: Annotated[datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="Not after.")] = None,
    condition: Annotated[list[str] | None, typer.Option("--condition", help="In words; may be repeated.")] = None,
    version: Read = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Approve a controller's own part, whole or narrowed, as the controller itself or as one of its delegates.

    Example: `haven project approve diabetes-admissions --dates hospital_episodes=year --as hospital`
    """
    haven = open_haven(home)
    actor = haven.actor(controller)
    taken = _narrowing(narrowing, without or [], dates or [], until, condition or [])
    haven.access.approve(project, _controller_of(haven, actor), by=actor, narrowing=taken, version=version)
    say_project(haven.access.asked_of(project), as_json)


def refuse_project(
    project: ProjectId,
    decider: As,
    reason: Annotated[str, typer.Option("--reason", help="Why, in a sentence. The public register shows it.")],
    version: Read = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Refuse a controller's own part. The applicant may submit a changed version.

    Example: `haven project refuse diabetes-admissions --reason "the purpose is not ours" --as council`
    """
    haven = open_haven(home)
    actor = haven.actor(decider)
    haven.access.refuse(project, _controller_of(haven, actor), reason, by=actor, version=version)
    say_project(haven.access.asked_of(project), as_json)


def endorse_project(
    project: ProjectId,
    guardian: As,
    answers: Annotated[Path | None, typer.Option("--answers", help="The answered release test (YAML).")] = None,
    refuse: Annotated[str | None, typer.Option("--refuse", help="Refuse instead: why, in a sentence.")] = None,
    version: Read = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Decide as Caldicott Guardian, after every controller has approved.

    Example: `haven project endorse blood-pressure --answers docs/examples/release-test.yaml --as greta`
    """
    from access.projects.model import Outcome

    haven = open_haven(home)
    outcome = Outcome.APPROVED if refuse is None else Outcome.REFUSED  # also by a reason that is empty
    haven.access.endorse(project, outcome, _answers(answers), refuse, by=haven.actor(guardian), version=version)
    say_project(haven.access.asked_of(project), as_json)


def withdraw_approval(
    project: ProjectId,
    controller: As,
    reason: Annotated[str, typer.Option("--reason", help="Why; names nobody.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take an approval back, as a controller, its delegate or the Caldicott Guardian. The project stops at once.

    Example: `haven project withdraw diabetes-admissions --as council --reason "purpose changed"`
    """
    haven = open_haven(home)
    actor = haven.actor(controller)
    person = haven.access.person(actor.partition(":")[2]) if actor.startswith("person:") else None
    if person and "caldicott_guardian" in person.roles:
        haven.access.withdraw_endorsement(project, reason, by=actor)
    else:
        haven.access.withdraw(project, _controller_of(haven, actor), reason, by=actor)
    say_project(haven.access.project(project), as_json)


def suspend_project(
    project: ProjectId,
    reason: Annotated[str, typer.Option("--reason", help="Why; names nobody.")],
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Stop a project until it is resumed: an incident, a doubt. Queries under way are cut.

    Example: `haven project suspend blood-pressure --reason "an incident is looked into" --as lena`
    """
    haven = open_haven(home)
    haven.access.suspend(project, reason, by=acting(haven, officer))
    typer.echo("Suspended.")


def resume_project(project: ProjectId, officer: Officer = None, home: Home = DEFAULT_HOME) -> None:
    """Lift a suspension. The other parts are asked again.

    Example: `haven project resume blood-pressure --as lena`
    """
    haven = open_haven(home)
    haven.access.resume(project, by=acting(haven, officer))
    say_project(haven.access.project(project), as_json=False)


def recertify_project(
    project: ProjectId,
    lead: As,
    keep: Annotated[list[str] | None, typer.Option("--keep", help="Who still needs access; default: all.")] = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Say, as the project's lead, who still needs access: every quarter. Who is left out loses it at once.

    Example: `haven project recertify blood-pressure --as asha --keep asha`
    """
    haven = open_haven(home)
    people = frozenset(keep) if keep else haven.access.project(project).version.people
    version = haven.access.recertify(project, people, by=haven.actor(lead))
    typer.echo(f"Recertified for a quarter: {', '.join(sorted(version.people)) or 'nobody'}.")


def close_project(project: ProjectId, person: As, home: Home = DEFAULT_HOME) -> None:
    """End a project for good.

    Example: `haven project close diabetes-admissions --as asha`
    """
    haven = open_haven(home)
    haven.access.close(project, by=haven.actor(person))
    typer.echo("Closed.")


def _narrowing(
    file: Path | None, without: list[str], dates: list[str], until: datetime | None, conditions: list[str]
) -> Narrowing:
    """The narrowing of the file, or of the options. Raises AccessError when both are given, or one cannot be read."""
    from access.documents import load_document, parse_document
    from access.errors import AccessError
    from access.projects.narrowing import Narrowing

    if file is not None:
        if without or dates or until or conditions:
            raise AccessError("Give a file or options, not both.", where="--narrowing", mend="Put all into the file.")
        return load_document(file, Narrowing)
    lines = ["conditions: " + json.dumps(conditions)]
    taken: dict[str, list[str]] = {}
    for one in without:
        table, _, column = one.partition(".")
        taken.setdefault(table, []).append(column)
    lines.append("without: " + json.dumps(taken))
    pairs = [one.partition("=") for one in dates]
    lines.append("dates: " + json.dumps({table: precision for table, _, precision in pairs}))
    lines += [f"ends: {until.date()}"] if until else []
    return parse_document("\n".join(lines), Narrowing, name="the options")


def _answers(file: Path | None) -> dict[str, str]:
    from access.documents import load_document
    from access.projects.answers import ReleaseTest

    return load_document(file, ReleaseTest).model_dump() if file else {}


def _controller_of(haven: Haven, actor: Actor) -> str:
    """The organisation that decides: the actor itself, or the one whose delegate the person is."""
    kind, _, name = actor.partition(":")
    if kind == "organisation":
        return name
    person = haven.access.person(name)
    return person.organisation if person else name


def say_project(standing: Standing, as_json: bool) -> None:
    """A project as it stands: what is asked, who decided what, what is not in force."""
    data = standing.as_data()
    if as_json:
        print_json(data)
        return
    typer.echo(f"{data['project']} version {data['version']}: {data['state']}; waits for {data['waits_for']}")
    if data["closed_on"]:
        typer.echo(f"  closed on {data['closed_on']}")
    typer.echo(f"  {data['title']}")
    typer.echo(f"  for {data['purpose']} on {data['legal_basis']}; applied for by {data['applicant']}")
    for line in data["asked"] + data["described"]:
        typer.echo(f"    {line}")
    typer.echo(f"  lead {data['lead']}; people: {', '.join(data['people'])}; ends {data['ends']}")
    for one in data["approvals"]:
        reason = f" ({one['reason']})" if one["reason"] else ""
        typer.echo(f"  {one['controller']:<12} {one['state']}{reason}")
        for narrowed in one["narrowing"]:
            typer.echo(f"    - {narrowed}")
    if data["guardian"]:
        typer.echo(f"  {'guardian':<12} {data['guardian']['state']} by {data['guardian']['by'].partition(':')[2]}")
    for one in data["not_in_force"]:
        typer.echo(f"  not in force: {one['reason']} {one['mend'] or ''}".rstrip())


DECIDING = (
    ("narrowing", new_narrowing),
    ("approve", approve_project),
    ("refuse", refuse_project),
    ("questions", new_questions),
    ("endorse", endorse_project),
    ("withdraw", withdraw_approval),
    ("suspend", suspend_project),
    ("resume", resume_project),
    ("recertify", recertify_project),
    ("close", close_project),
)
"""Name and function of each, in the order of `haven project --help`."""
