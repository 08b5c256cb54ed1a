"""`haven optout name-objector|object|answer|objections`: an individual's objection, and what became of it.

Who objects is named to the linkage zone alone, from a prompt or a private file, never as an argument.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.common import DEFAULT_HOME, As, AsJson, Home, open_haven, print_json

if TYPE_CHECKING:
    from access.optouts.model import ObjectionTarget

Name = Annotated[str, typer.Argument(help="The objection's id, as `haven optout name-objector` printed it.")]
Target = Annotated[str, typer.Option("--to", help="To whose use: controller:NAME or project:NAME.")]


def register(topic: typer.Typer) -> None:
    """Add these commands to `haven optout`."""
    topic.command("name-objector")(name_objector)
    topic.command("object")(record)
    topic.command("answer")(answer)
    topic.command("objections")(objections)


def name_objector(
    number_file: Annotated[
        Path | None, typer.Option("--number-file", help="A file of this account only that holds the NHS number.")
    ] = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Tell the linkage zone whose wish an objection is; prints the opaque id that stands for it everywhere else.

    Where accounts are installed, a reviewer's own account does this. Example: `haven optout name-objector`
    """
    import uuid
    from datetime import UTC, datetime

    from infra.settings import load_settings

    settings = load_settings(home)
    told = {
        "number": _number(number_file),
        "objection": str(uuid.uuid4()),
        "at": datetime.now(UTC).replace(tzinfo=None).isoformat(),
        "test_range": not settings.real_data,
    }
    if settings.separated:
        from infra.accounts.layout import LINKAGE, Accounts
        from infra.accounts.serving import place_of
        from linkage.separation.reviewing import ReviewersDoor

        ReviewersDoor(place_of(settings, Accounts.installed(settings), LINKAGE)).name_objector(told)
    else:
        from linkage.separation.ports import runner_of

        runner_of(open_haven(home).zone_runner).run("optouts.name_objector", told)
    typer.echo(told["objection"])


def record(
    name: Name,
    to: Target,
    wish: Annotated[str, typer.Option("--wish", help="What the person objects to; names nobody.")],
    who: As,
    home: Home = DEFAULT_HOME,
) -> None:
    """Record an objection; it is heeded from now on, also before it is answered.

    Example: `haven optout object 6f0e2a52-0e3c-4a53-9d65-2f8a0f3a1c11 --to controller:gp --wish "No research." --as gp`
    """
    haven = open_haven(home)
    by = haven.actor(who)
    haven.opt_out_lists.require_named(name, by=by)
    made = haven.opt_outs.record_objection(name, _target(to), wish, by=by)
    typer.echo(
        f"Objection {made.id} to {made.target.kind} {made.target.name} is recorded and heeded: {made.state.value}."
    )


def answer(
    name: Name,
    to: Target,
    said: Annotated[str, typer.Option("--answer", help="upheld, declined, or withdrawn (by the person).")],
    considered: Annotated[str, typer.Option("--considered", help="The reasons considered; names nobody.")],
    who: As,
    home: Home = DEFAULT_HOME,
) -> None:
    """Answer an objection with the reasons considered; a controller concerned answers.

    Example: `haven optout answer 6f0e2a52-0e3c-4a53-9d65-2f8a0f3a1c11 --to controller:gp --answer upheld
    --considered "It is hers to say." --as gp`
    """
    from access.optouts.errors import UnknownOptOut
    from access.optouts.model import ObjectionState

    answers = {one.value for one in ObjectionState} - {ObjectionState.OPEN.value}
    if said not in answers:
        raise UnknownOptOut("This is no answer.", where=said[:40], mend=f"There are: {', '.join(sorted(answers))}.")
    haven = open_haven(home)
    made = haven.opt_outs.answer(name, _target(to), ObjectionState(said), considered, by=haven.actor(who))
    typer.echo(f"Objection {made.id} to {made.target.kind} {made.target.name}: {made.state.value}.")


def objections(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Every objection with its reasons and its answer, to show and to share; nobody is named.

    Example: `haven optout objections`
    """
    found = open_haven(home).opt_outs.objections()
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for one in found:
        typer.echo(f"{one.id}  {one.at:%Y-%m-%d}  {one.target.kind}:{one.target.name}  {one.state.value}  {one.wish}")
        if one.considered:
            typer.echo(f"{'':<36}  {one.answered_at:%Y-%m-%d}  {one.answered_by}: {one.considered}")
    if not found:
        typer.echo("No objection is recorded.")


def _number(path: Path | None) -> str:
    if path is None:
        return str(typer.prompt("NHS number", hide_input=True))
    from access.keys.files import read_secret

    return read_secret(path, "NHS number").decode("ascii", "replace")


def _target(text: str) -> ObjectionTarget:
    from access.optouts.model import ObjectionTarget

    kind, _, name = text.partition(":")
    return ObjectionTarget(kind, name)
