"""`haven support`: what the Confidentiality Advisory Group supports under section 251, and when it must be reviewed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.common import DEFAULT_HOME, AsJson, Home, Officer, acting, open_haven, print_json

File = Annotated[Path, typer.Argument(help="The support's YAML file.")]
Reference = Annotated[str, typer.Argument(help="The CAG reference, such as 26/CAG/0001.")]


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    support = typer.Typer(no_args_is_help=True, help="Support under section 251: register, review, withdraw, warn.")
    support.command("new")(new_support)
    support.command("add")(add_support)
    support.command("reviewed")(record_review)
    support.command("withdraw")(withdraw_support)
    support.command("list")(list_supports)
    support.command("pack")(review_pack)
    app.add_typer(support, name="support")


def new_support(file: File) -> None:
    """Write a commented file to fill in from the letter.

    Example: `haven support new cag.yaml`
    """
    from access.support.file import TEMPLATE
    from infra.cli.common import write_new

    write_new(file, TEMPLATE)
    typer.echo(f"Written: {file}. Fill it in, then: haven support add {file}")


def add_support(file: File, officer: Officer = None, home: Home = DEFAULT_HOME) -> None:
    """Register a support, or its amendment under the same reference. A flow that it does not name is refused.

    Example: `haven support add cag.yaml --as lena`
    """
    from access.documents import load_document
    from access.support.file import SupportFile

    haven = open_haven(home)
    support = load_document(file, SupportFile)
    version = haven.access.register_support(support, by=acting(haven, officer))
    typer.echo(f"Registered: {support.reference}, version {version}; annual review due on {support.review_due}.")


def record_review(
    reference: Reference,
    next_due: Annotated[datetime, typer.Option("--next", formats=["%Y-%m-%d"], help="When the next review is due.")],
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Record that the annual review was accepted.

    Example: `haven support reviewed 26/CAG/0001 --next 2028-01-01 --as lena`
    """
    haven = open_haven(home)
    haven.access.record_review(reference, next_due.date(), by=acting(haven, officer))
    typer.echo(f"Recorded: the next review is due on {next_due.date()}.")


def withdraw_support(reference: Reference, officer: Officer = None, home: Home = DEFAULT_HOME) -> None:
    """The support is gone: every project that rests on it stops at once.

    Example: `haven support withdraw 26/CAG/0001 --as lena`
    """
    haven = open_haven(home)
    haven.access.withdraw_support(reference, by=acting(haven, officer))
    typer.echo("Withdrawn.")


def list_supports(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Every support, whether it is in force, and how long until its review.

    Example: `haven support list`
    """
    from access.decisions import Refused
    from access.support.policies import days_to_review, in_force

    haven = open_haven(home)
    today = haven.clock.now().date()
    found = [(one, in_force(one, today)) for one in haven.access.supports()]
    if as_json:
        print_json(
            [
                {
                    "reference": one.reference,
                    "title": one.title,
                    "regulation": one.regulation.value,
                    "flows": [vars(flow) for flow in one.flows],
                    "review_due": one.review_due,
                    "ends": one.ends,
                    "in_force": bool(decision),
                    "rule": decision.code if isinstance(decision, Refused) else None,
                }
                for one, decision in found
            ]
        )
        return
    for one, decision in found:
        state = decision.reason if isinstance(decision, Refused) else "in force"
        typer.echo(f"{one.reference:<14} {one.title}; {state}; review in {days_to_review(one, today)} days")
    for warning in haven.access.review_warnings():
        late = "is overdue" if warning.days_left < 0 else f"is due in {warning.days_left} days"
        typer.echo(
            f"WARNING: the annual review of {warning.reference} {late}: haven support pack {warning.reference} OUT"
        )
    if not found:
        typer.echo("No support is registered.")


def review_pack(
    reference: Reference,
    out: Annotated[Path, typer.Argument(help="The folder to write it into.")],
    home: Home = DEFAULT_HOME,
) -> None:
    """Make the pack of the annual review: the year's flows, projects, counts and opt-outs, as page and data.

    Example: `haven support pack 26/CAG/0001 review-2026`
    """
    from infra.governance.review_pack import write_review_pack

    place = write_review_pack(open_haven(home), reference, out)
    typer.echo(f"Written: {place}. Read it, add what only people know, and send it.")
