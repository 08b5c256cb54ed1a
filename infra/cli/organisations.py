"""`haven organisation`, `agreement`, `authoriser`: who takes part, under which agreement, and who answers for it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.common import (
    DEFAULT_HOME,
    NOT_PASSED,
    AsJson,
    Home,
    Officer,
    acting,
    must_be_invented,
    one_of,
    open_haven,
    print_json,
)

if TYPE_CHECKING:
    from access.organisations.agreement import Agreement

DAY = ["%Y-%m-%d"]
File = Annotated[Path, typer.Argument(help="The agreement's YAML file.")]
Name = Annotated[str, typer.Argument(help="The organisation's id.")]


def register(app: typer.Typer) -> None:
    """Add these topics' commands to the command line."""
    organisation = typer.Typer(no_args_is_help=True, help="Register organisations, record their assessments, look.")
    organisation.command("add")(add_organisation)
    organisation.command("assess")(assess_organisation)
    organisation.command("list")(list_organisations)
    app.add_typer(organisation, name="organisation")
    agreement = typer.Typer(no_args_is_help=True, help="Data sharing agreements: write, check, print, register, end.")
    agreement.command("new")(new_agreement)
    agreement.command("check")(check_agreement)
    agreement.command("print")(print_agreement)
    agreement.command("add")(add_agreement)
    agreement.command("withdraw")(withdraw_agreement)
    agreement.command("list")(list_agreements)
    app.add_typer(agreement, name="agreement")
    authoriser = typer.Typer(no_args_is_help=True, help="Who answers for anonymisation.")
    authoriser.command("appoint")(appoint_authoriser)
    authoriser.command("end")(end_authoriser)
    authoriser.command("show")(show_authoriser)
    app.add_typer(authoriser, name="authoriser")


def add_organisation(
    name: Annotated[str, typer.Argument(help="Short id, as contracts name it.")],
    title: Annotated[str, typer.Argument(help="As people write it.")],
    invented: Annotated[
        bool, typer.Option("--invented", help="With an invented security assessment; for synthetic data only.")
    ] = False,
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Register an organisation: a controller, or one that people belong to or data go to.

    Example: `haven organisation add hospital "St Example's Hospital"`
    """
    from access.organisations.model import Organisation
    from access.people.invented import invented_assessment

    haven = open_haven(home)
    if invented:
        must_be_invented(haven.settings)
    security = invented_assessment(haven.clock.now().date()) if invented else None
    haven.access.register_organisation(Organisation(name, title, security), by=acting(haven, officer))
    typer.echo(f"Registered: {name}.")
    if not invented:
        typer.echo(f"Its security assessment: haven organisation assess {name} ODS-CODE STATUS --ends DATE")


def assess_organisation(
    name: Name,
    ods_code: Annotated[str, typer.Argument(help="Its code at the Organisation Data Service.")],
    status: Annotated[str, typer.Argument(help="standards-met, standards-exceeded, approaching-standards, ...")],
    ends: Annotated[datetime, typer.Option("--ends", formats=DAY, help="The last day on which it holds.")],
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Record what the Data Security and Protection Toolkit says of an organisation.

    Example: `haven organisation assess hospital RX1 standards-met --ends 2027-06-30 --as lena`
    """
    from access.organisations.model import SecurityAssessment, SecurityStatus

    haven = open_haven(home)
    assessment = SecurityAssessment(ods_code, one_of(SecurityStatus, status, "STATUS"), ends.date())
    haven.access.assess_organisation(name, assessment, by=acting(haven, officer))
    over = " It is over already." if assessment.ends < haven.clock.now().date() else ""
    typer.echo(f"Recorded: {name} {status} until {assessment.ends}.{over}")


def list_organisations(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Which organisations are registered, and which may take part today?

    Example: `haven organisation list`
    """
    from access.decisions import Refused
    from access.organisations.policies import may_take_part

    haven = open_haven(home)
    today = haven.clock.now().date()
    found = [(one, may_take_part(one, today)) for one in haven.access.organisations()]
    if as_json:
        print_json(
            [
                {
                    "id": one.id,
                    "name": one.name,
                    "status": one.security and one.security.status.value,
                    "ends": one.security and one.security.ends,
                    "takes_part": bool(decision),
                    "rule": decision.code if isinstance(decision, Refused) else None,
                }
                for one, decision in found
            ]
        )
        return
    for one, decision in found:
        held = f"{one.security.status} until {one.security.ends}" if one.security else "not assessed"
        mark = f" ({decision.code})" if isinstance(decision, Refused) else ""
        typer.echo(f"{one.id:<16} {one.name:<32} {held}{mark}")


def new_agreement(file: File) -> None:
    """Write the standard template to fill in.

    Example: `haven agreement new gp.yaml`
    """
    from access.organisations.agreement import TEMPLATE
    from infra.cli.common import write_new

    write_new(file, TEMPLATE)
    typer.echo(f"Written: {file}. Fill it in, then: haven agreement check {file}")


def check_agreement(file: File) -> None:
    """Does the agreement fit the template, and what is missing before it can be registered?

    Example: `haven agreement check gp.yaml`
    """
    from access.decisions import Refused
    from access.organisations.policies import may_run
    from audit.clock import SystemClock

    agreement = _load(file)
    runs = may_run(agreement, SystemClock().now().date())
    if isinstance(runs, Refused):
        typer.echo(f"- {runs.reason} {runs.mend}")
    for party in agreement.unsigned:
        typer.echo(f"- not signed by {party}")
    if agreement.unsigned:
        typer.echo(f"To sign: haven agreement print {file} OUT.pdf")
    elif runs:
        typer.echo("Complete.")
    raise typer.Exit(0 if runs and not agreement.unsigned else NOT_PASSED)


def print_agreement(
    file: File, out: Annotated[Path, typer.Argument(help="Where the page goes: a file in .pdf or .html.")]
) -> None:
    """Make the page that both parties sign, as PDF or, for a browser, as HTML.

    Example: `haven agreement print gp.yaml gp.pdf`
    """
    from infra.cli.common import write_new
    from infra.governance.agreement_page import agreement_page, agreement_pdf

    agreement = _load(file)
    write_new(out, agreement_pdf(agreement) if out.suffix.lower() == ".pdf" else agreement_page(agreement))
    typer.echo(f"Written: {out}. Print it, have it signed, and write the signatures into {file}.")


def add_agreement(file: File, officer: Officer = None, home: Home = DEFAULT_HOME) -> None:
    """Register a signed agreement, or one of the same id, amended and signed anew. Projects are held against it.

    Example: `haven agreement add gp.yaml --as lena`
    """
    haven = open_haven(home)
    agreement = _load(file)
    version = haven.access.register_agreement(agreement, by=acting(haven, officer))
    typer.echo(f"Registered: {agreement.id}, version {version}, in force from {agreement.starts} to {agreement.ends}.")


def withdraw_agreement(
    agreement: Annotated[str, typer.Argument(help="The agreement's id.")],
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """End an agreement, as a party or as governance lead. Projects that need it stop at once.

    Example: `haven agreement withdraw gp-2026 --as gp`
    """
    haven = open_haven(home)
    haven.access.withdraw_agreement(agreement, by=acting(haven, officer))
    typer.echo("Withdrawn.")


def list_agreements(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Every agreement, and whether it is in force today.

    Example: `haven agreement list`
    """
    found = open_haven(home).access.agreements()
    if as_json:
        print_json([one.model_dump(mode="json") | {"in_force": holds} for one, holds in found])
        return
    for one, holds in found:
        state = "in force" if holds else "not in force"
        typer.echo(
            f"{one.id:<20} {one.discloser} -> {one.recipient:<12} {', '.join(one.datasets)}; {state}, to {one.ends}"
        )
    if not found:
        typer.echo("No agreement is registered.")


def appoint_authoriser(
    person: Annotated[str, typer.Argument(help="Somebody with the role anonymisation_authoriser.")],
    until: Annotated[datetime, typer.Option("--until", formats=DAY, help="The last day of the appointment.")],
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Name the person who answers for anonymisation. Without one, no project on real people's data is live.

    Example: `haven authoriser appoint sian --until 2027-12-31 --as lena`
    """
    haven = open_haven(home)
    haven.access.appoint_authoriser(person, until.date(), by=acting(haven, officer))
    typer.echo(f"{person} answers for anonymisation until {until.date()}.")


def end_authoriser(
    person: Annotated[str, typer.Argument(help="Who answers for anonymisation now.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it ends before its day, in a sentence.")],
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """End an appointment at once, as a governance lead or as that person. Projects that rest on it alone stop.

    Example: `haven authoriser end sian --reason "Sian moves to another post." --as lena`
    """
    haven = open_haven(home)
    haven.access.end_authoriser(person, reason, by=acting(haven, officer))
    left = haven.access.authorisers()
    typer.echo(f"{person} answers for anonymisation no more.")
    typer.echo(
        f"Still: {', '.join(left)}." if left else "Nobody does now: haven authoriser appoint PERSON --until DATE."
    )


def show_authoriser(home: Home = DEFAULT_HOME) -> None:
    """Who answers for anonymisation today?

    Example: `haven authoriser show`
    """
    names = open_haven(home).access.authorisers()
    typer.echo(", ".join(names) or "Nobody: haven authoriser appoint PERSON --until DATE.")


def _load(file: Path) -> Agreement:
    from access.documents import load_document
    from access.organisations.agreement import Agreement

    return load_document(file, Agreement)
