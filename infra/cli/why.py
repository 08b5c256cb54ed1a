"""`haven why`, `haven access list`: may they, and if not, which rule says so and who can change it?"""

from __future__ import annotations

from typing import Annotated, get_args

import typer

from infra.cli.common import DEFAULT_HOME, AsJson, Home, open_haven, print_json
from infra.cli.project_deciding import ProjectId


def register(app: typer.Typer) -> None:
    """Add these topics' commands to the command line."""
    access = typer.Typer(no_args_is_help=True, help="Who may do what now.")
    access.command("list")(list_access)
    app.add_typer(access, name="access")
    app.command("why")(why)


def list_access(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Who may do what in which project now, and which rule says no: the same answers as `haven why`.

    Example: `haven access list`
    """
    from access.decisions import Refused
    from infra import published

    haven = open_haven(home)
    entries = published.access_list(haven.access, published.scopes_of(haven))
    if as_json:
        print_json(
            [
                {
                    "person": one.person,
                    "project": one.project,
                    "action": one.action,
                    "allowed": bool(one.decision),
                    "rule": one.decision.code if isinstance(one.decision, Refused) else None,
                }
                for one in entries
            ]
        )
        return
    for one in entries:
        answer = one.decision.code if isinstance(one.decision, Refused) else "yes"
        typer.echo(f"{one.project:<28} {one.person:<12} {one.action:<16} {answer}")
    if not entries:
        typer.echo("No project has been applied for.")


def why(
    person: Annotated[str, typer.Argument(help="The person's id.")],
    project: ProjectId,
    action: Annotated[str, typer.Argument(help="query, open-workspace, submit or check-outputs.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """May this person do this? If not: which rule says so, and who can change it. Exit status 77 for no.

    A query needs the project's data to be published, too.

    Example: `haven why asha diabetes-admissions query`
    """
    from access.decisions import Refused
    from access.errors import AccessError
    from access.service import Action
    from infra import published

    chosen = next((one for one in get_args(Action) if one == action), None)
    if chosen is None:
        raise AccessError("Not an action.", where=action, mend=f"There are: {', '.join(get_args(Action))}.")
    haven = open_haven(home)
    decision = published.why(haven.access, published.scopes_of(haven), person, project, chosen)
    refused = decision if isinstance(decision, Refused) else None
    if as_json:
        print_json(
            {
                "allowed": refused is None,
                "rule": refused.code if refused is not None else None,
                "reason": refused.reason if refused is not None else None,
                "mend": refused.mend if refused is not None else None,
            }
        )
        raise typer.Exit(77 if refused is not None else 0)
    decision.require()
    typer.echo("Yes.")
