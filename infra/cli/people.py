"""`haven person`: who works here, and what shows that they may."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.common import (
    DEFAULT_HOME,
    As,
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
    from access.people.model import Person
    from infra.wiring.haven import Haven

Name = Annotated[str, typer.Argument(help="The person's id.")]
DAY = ["%Y-%m-%d"]


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    person = typer.Typer(no_args_is_help=True, help="Register people, record the evidence about them, look at them.")
    for name, command in (
        ("add", add_person),
        ("prove", prove_person),
        ("train", train_person),
        ("accredit", accredit_person),
        ("acknowledge", acknowledge),
        ("suspend", suspend_person),
        ("close", close_person),
        ("sweep", sweep_people),
        ("show", show_person),
        ("list", list_people),
    ):
        person.command(name)(command)
    app.add_typer(person, name="person")


def add_person(
    name: Annotated[str, typer.Argument(help="Short id, as used after --as.")],
    organisation: Annotated[str, typer.Option("--organisation", help="Whose person they are.")],
    role: Annotated[list[str], typer.Option("--role", help="May be given several times.")],
    full_name: Annotated[str, typer.Option("--name", help="As people write it.")] = "",
    invented: Annotated[
        bool, typer.Option("--invented", help="An invented person with all evidence; for synthetic data only.")
    ] = False,
    training_ends: Annotated[
        datetime | None, typer.Option("--training-ends", formats=DAY, help="With --invented: when it lapses.")
    ] = None,
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Register a person with their roles, or change one; an id is one person's for good. What is missing is told.

    Example: `haven person add asha --name "Asha Rao" --organisation university --role researcher`
    """
    from access.people.invented import invented_evidence
    from access.people.model import Evidence, Person, Role

    roles = frozenset(one_of(Role, one, "--role") for one in role)
    haven = open_haven(home)
    evidence = Evidence()
    if invented:
        must_be_invented(haven.settings)
        today = haven.clock.now().date()
        evidence = invented_evidence(today, training_ends.date() - today if training_ends else None)
    before = haven.access.person(name)
    person = Person(name, full_name or name, organisation, roles, evidence)
    haven.access.register_person(person, by=acting(haven, officer))
    if before is None:
        typer.echo(f"Registered: {name}.")
    else:
        typer.echo(f"Changed: {name}, who was {before.name}, {before.organisation}; {', '.join(sorted(before.roles))}.")
        if before.suspended or before.closed_on:
            typer.echo("They are let in again.")
        if before.organisation != organisation:
            typer.echo("Another employer vouches for nothing that was recorded before: the evidence is asked for anew.")
    _say_missing(haven, name)


def prove_person(
    name: Name,
    kind: Annotated[str, typer.Argument(help="How: passport-in-person, nhs-smartcard, digital-identity, ...")],
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Record that you checked who somebody is. The document's number is not kept.

    Example: `haven person prove asha passport-in-person --as admin`
    """
    from access.people.model import ProofingKind

    haven = open_haven(home)
    haven.access.record_proofing(name, one_of(ProofingKind, kind, "KIND"), by=acting(haven, officer))
    typer.echo(f"Recorded: the identity of {name} was proved.")
    _say_missing(haven, name)


def train_person(
    name: Name,
    kind: Annotated[str, typer.Argument(help="information-governance, safe-researcher or output-checking.")],
    score: Annotated[int, typer.Option("--score", help="Of the test, in per cent; 80 passes.")],
    passed_on: Annotated[
        datetime | None, typer.Option("--on", formats=DAY, help="The day of the test. Default: today.")
    ] = None,
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Record the result of a training's test. Information governance holds for a year.

    Example: `haven person train asha information-governance --score 92 --on 2026-11-02 --as admin`
    """
    from access.people.model import PASS_MARK, TrainingKind

    haven = open_haven(home)
    day = passed_on.date() if passed_on else haven.clock.now().date()
    training = haven.access.record_training(
        name, one_of(TrainingKind, kind, "KIND"), day, score, by=acting(haven, officer)
    )
    typer.echo(
        f"Recorded: holds until {training.ends}."
        if score >= PASS_MARK
        else f"Recorded: not passed; {PASS_MARK} per cent passes."
    )
    _say_missing(haven, name)


def accredit_person(
    name: Name,
    number: Annotated[str, typer.Argument(help="The accreditation's number.")],
    ends: Annotated[datetime, typer.Option("--ends", formats=DAY, help="The last day on which it holds.")],
    scheme: Annotated[str, typer.Option("--scheme", help="Who accredited.")] = "accredited researcher",
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Record a researcher's accreditation.

    Example: `haven person accredit asha 12345 --ends 2030-06-30 --as admin`
    """
    haven = open_haven(home)
    haven.access.record_accreditation(name, scheme, number, ends.date(), by=acting(haven, officer))
    over = " It is over already." if ends.date() < haven.clock.now().date() else ""
    typer.echo(f"Recorded: accredited until {ends.date()}.{over}")
    _say_missing(haven, name)


ACKNOWLEDGED = (
    "I keep confidential what I learn here, try to identify nobody, take nothing out but through the airlock,"
    " and report what goes wrong. I know that access ends, and sanctions follow, if I do not."
)


def acknowledge(person: As, home: Home = DEFAULT_HOME) -> None:
    """Acknowledge your own duty of confidence, and the conditions of working here, for a year.

    Example: `haven person acknowledge --as asha`
    """
    haven = open_haven(home)
    actor = haven.actor(person)
    haven.access.acknowledge(actor.partition(":")[2], by=actor)
    typer.echo(ACKNOWLEDGED)
    typer.echo("Acknowledged for a year.")


def suspend_person(name: Name, officer: Officer = None, home: Home = DEFAULT_HOME) -> None:
    """Take every right from a person at once. `haven person add` with the same id lifts it.

    Example: `haven person suspend asha`
    """
    haven = open_haven(home)
    haven.access.suspend_person(name, by=acting(haven, officer))
    typer.echo(f"Suspended: {name}.")


def close_person(
    name: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why, in a few words.")] = "left the organisation",
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Close the account of somebody who left.

    Example: `haven person close asha --reason "left the university"`
    """
    haven = open_haven(home)
    haven.access.close_person(name, reason, by=acting(haven, officer))
    typer.echo(f"Closed: {name}.")


def sweep_people(
    organisation: Annotated[str, typer.Argument(help="Whose people.")],
    staff: Annotated[Path, typer.Argument(help="CSV with the columns person and organisation: who works where now.")],
    officer: Officer = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Hold an organisation's people against its own list: leavers are closed, movers lose their roles.

    Example: `haven person sweep university staff.csv --as admin`
    """
    haven = open_haven(home)
    became = haven.access.sweep(organisation, _staff(staff), by=acting(haven, officer))
    for name, what in sorted(became.items()):
        typer.echo(f"{name:<16} {what}")
    typer.echo(f"{len(became)} changed." if became else "Nobody left or moved.")


def show_person(name: Name, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """What is known of a person, until when it holds, and whether they may act today.

    Example: `haven person show asha`
    """
    from access.people.policies import exists

    haven = open_haven(home)
    person = haven.access.person(name)
    exists(person).require()
    if person is None:
        raise RuntimeError("a person that exists is found")
    data = _as_data(person, haven.clock.now().date())
    if as_json:
        print_json(data)
        return
    typer.echo(f"{person.id}: {person.name}, {person.organisation}; {', '.join(sorted(person.roles))}")
    for one in data["evidence"]:
        typer.echo(f"  {one}")
    typer.echo(f"  may act: {'yes' if data['may_act'] else data['reason']}")
    if data["lapses_on"]:
        typer.echo(f"  the next part lapses on {data['lapses_on']}")


def list_people(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Who is registered, with which roles, and who may not act today?

    Example: `haven person list`
    """
    haven = open_haven(home)
    today = haven.clock.now().date()
    data = [_as_data(one, today) for one in haven.access.people()]
    if as_json:
        print_json(data)
        return
    for one in data:
        mark = "" if one["may_act"] else f" ({one['rule']})"
        typer.echo(f"{one['id']:<16} {one['organisation']:<16} {', '.join(one['roles'])}{mark}")


def _as_data(person: Person, today: date) -> dict[str, Any]:
    from access.decisions import Refused
    from access.people.model import ACKNOWLEDGEMENT_HOLDS
    from access.people.policies import lapses_on, may_act

    decision, evidence = may_act(person, today), person.evidence
    refused = decision if isinstance(decision, Refused) else None
    told = [f"identity proved on {evidence.proofing.on}: {evidence.proofing.kind}"] if evidence.proofing else []
    told += [f"{one.kind}: {one.score} per cent, until {one.ends}" for one in evidence.trainings]
    if evidence.accreditation:
        told.append(f"accredited ({evidence.accreditation.scheme}) until {evidence.accreditation.ends}")
    if evidence.acknowledged_on:
        told.append(f"confidence acknowledged until {evidence.acknowledged_on + ACKNOWLEDGEMENT_HOLDS}")
    return {
        "id": person.id,
        "name": person.name,
        "organisation": person.organisation,
        "roles": sorted(person.roles),
        "evidence": told,
        "may_act": refused is None,
        "rule": refused.code if refused is not None else None,
        "reason": refused.reason if refused is not None else None,
        "lapses_on": lapses_on(person) if refused is None else None,
        "suspended": person.suspended,
        "closed_on": person.closed_on,
        "last_seen": person.last_seen,
    }


def _say_missing(haven: Haven, name: str) -> None:
    """What still keeps this person from acting, with the command that mends it."""
    from access.decisions import Refused
    from access.people.policies import may_act

    decision = may_act(haven.access.person(name), haven.clock.now().date())
    if isinstance(decision, Refused):
        typer.echo(f"May not act yet: {decision.reason} {decision.mend or ''}".rstrip())


def _staff(path: Path) -> dict[str, str]:
    from access.errors import AccessError

    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        raise AccessError("The list cannot be read.", where=str(path), mend="Give a CSV in UTF-8.") from None
    if not rows or not {"person", "organisation"} <= set(rows[0]):
        raise AccessError(
            "The list has no rows, or lacks a column: everybody would be closed.",
            where=str(path),
            mend="Its first line is: person,organisation.",
        )
    told = {((row["person"] or "").strip(), (row["organisation"] or "").strip()) for row in rows}
    if len(staff := dict(told)) < len(told):
        raise AccessError(
            "The list names somebody at two organisations.",
            where=str(path),
            mend="One line a person: where they work now.",
        )
    return staff
