"""`haven sanction`, `emergency`: what takes access away at once, and what gives it for some hours."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from infra.cli.common import DEFAULT_HOME, AsJson, Home, Officer, acting, open_haven, print_json

DAY = ["%Y-%m-%d"]


def register(app: typer.Typer) -> None:
    """Add these topics' commands to the command line."""
    sanction = typer.Typer(no_args_is_help=True, help="Bar a person or an organisation, and lift it.")
    sanction.command("impose")(impose_sanction)
    sanction.command("lift")(lift_sanction)
    sanction.command("list")(list_sanctions)
    app.add_typer(sanction, name="sanction")
    emergency = typer.Typer(no_args_is_help=True, help="Break-glass: let somebody in despite lapsed evidence.")
    emergency.command("open")(open_emergency)
    emergency.command("review")(review_emergency)
    emergency.command("list")(list_emergencies)
    app.add_typer(emergency, name="emergency")


def impose_sanction(
    subject: Annotated[str, typer.Argument(help="A person's or an organisation's id, or person:ID, organisation:ID.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, in a sentence.")],
    until: Annotated[datetime | None, typer.Option("--until", formats=DAY, help="Default: for good.")] = None,
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Bar a person or an organisation, with everybody in it, from this moment.

    Example: `haven sanction impose asha --reason "tried to identify somebody" --until 2027-12-31 --as lena`
    """
    haven = open_haven(home)
    day = until.date() if until else None
    sanction = haven.access.sanction(haven.registered(subject), reason, day, by=acting(haven, officer))
    typer.echo(f"Barred: {sanction.subject}. The sanction is {sanction.id}.")


def lift_sanction(
    sanction: Annotated[str, typer.Argument(help="The sanction's id.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, in a sentence.")],
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Lift a sanction before its end.

    Example: `haven sanction lift 0b0d... --reason "the appeal was upheld" --as lena`
    """
    haven = open_haven(home)
    haven.access.lift_sanction(sanction, reason, by=acting(haven, officer))
    typer.echo("Lifted.")


def list_sanctions(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Who is or was barred, why, and until when?

    Example: `haven sanction list`
    """
    haven = open_haven(home)
    today = haven.clock.now().date()
    found = haven.access.sanctions()
    if as_json:
        print_json([vars(one) | {"in_force": one.holds_on(today)} for one in found])
        return
    for one in found:
        state = "in force" if one.holds_on(today) else "over"
        typer.echo(f"{one.id} {one.subject:<24} {state:<8} until {one.until or 'lifted'}: {one.reason}")
    if not found:
        typer.echo("Nobody was barred.")


def open_emergency(
    name: Annotated[str, typer.Argument(help="The person's id.")],
    project: Annotated[str, typer.Argument(help="The project's id.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it cannot wait, in a sentence.")],
    hours: Annotated[float, typer.Option("--hours", help="At most 4.")] = 1.0,
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Break the glass: let somebody work on though their evidence has run out. Alerts, and must be reviewed.

    Example: `haven emergency open asha blood-pressure --reason "the outbreak's numbers are due" --hours 2 --as lena`
    """
    haven = open_haven(home)
    ends = haven.access.open_emergency(name, project, reason, hours, by=acting(haven, officer))
    typer.echo(f"Open until {ends:%Y-%m-%d %H:%M} UTC. Another governance lead reviews it: haven emergency list.")


def review_emergency(
    emergency: Annotated[str, typer.Argument(help="The emergency's id.")],
    finding: Annotated[str, typer.Option("--finding", help="What the review found, in a sentence.")],
    justified: Annotated[bool, typer.Option("--justified/--not-justified", help="Was it right to do it?")],
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Say whether an emergency was justified. Nobody reviews what they allowed or used.

    Example: `haven emergency review 0b0d... --justified --finding "numbers were sent in time" --as max`
    """
    haven = open_haven(home)
    haven.access.review_emergency(emergency, finding, justified=justified, by=acting(haven, officer))
    typer.echo("Reviewed.")


def list_emergencies(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Every break-glass, and which wait for their review.

    Example: `haven emergency list`
    """
    found = open_haven(home).access.emergencies()
    if as_json:
        print_json(
            [
                {
                    "id": one.id,
                    "person": one.person,
                    "project": one.project,
                    "reason": one.reason,
                    "by": one.by,
                    "starts": one.starts,
                    "ends": one.ends,
                    "reviewed_by": one.reviewed_by,
                    "justified": one.justified,
                }
                for one in found
            ]
        )
        return
    for one in found:
        state = f"reviewed by {one.reviewed_by}" if one.reviewed_by else "WAITS FOR ITS REVIEW"
        typer.echo(f"{one.id} {one.person:<12} {one.project:<24} {one.starts:%Y-%m-%d %H:%M} {state}")
    if not found:
        typer.echo("The glass was never broken.")
