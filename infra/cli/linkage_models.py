"""`haven linkage train|models|approve`: models of linkage, and who stands for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.common import DEFAULT_HOME, As, AsJson, Home, open_haven, print_json, progress_bar

if TYPE_CHECKING:
    from linkage.matching.residual.models import TrainedModel


def register(topic: typer.Typer) -> None:
    """Add these commands to `haven linkage`."""
    topic.command("train")(train)
    topic.command("models")(models)
    topic.command("approve")(approve)


def train(who: As, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Train a model on what was received, without labels. Another person approves it before it is used.

    Example: `haven linkage train --as daria`
    """
    haven = open_haven(home)
    with progress_bar("training", quiet=as_json) as progress:
        model = haven.linker.models.train(by=haven.actor(who), progress=progress)
    if as_json:
        print_json(_data(model))
        return
    _say(model)
    typer.echo(f"Not used before it is approved: haven linkage approve {model.id[:12]} --as ANOTHER")


def models(
    model: Annotated[str | None, typer.Argument(help="One model, with its card.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Every model, with who trained and approved it; or one with its card: what each agreement weighs.

    Example: `haven linkage models`
    """
    held = open_haven(home).linker.models
    found = held.all() if model is None else [held.get(model)]
    in_force = held.in_force()
    if as_json:
        print_json([_data(one) | {"in_force": in_force == one.id} for one in found])
        return
    for one in found:
        state = "in force" if in_force == one.id else _state(one)
        typer.echo(f"{one.id[:12]}  {state:<34} trained by {one.trained_by}")
    if model is not None:
        _say(found[0])
    if not found:
        typer.echo("No model was trained: linkage is by the ladder only. Train one: haven linkage train")


def approve(
    who: As,
    model: Annotated[
        str | None, typer.Argument(help="The model's id, or how it begins; else the one that waits.")
    ] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Approve a model that another person trained; the next linkage uses it for everybody.

    Example: `haven linkage approve 6f1c0a7be2d4 --as rosa`
    """
    haven = open_haven(home)
    held = haven.linker.models
    done = held.approve(model or held.the_waiting_one().id, by=haven.actor(who))
    if as_json:
        print_json(_data(done))
        return
    typer.echo(f"Approved: {done.id[:12]}. The next linkage uses it: haven linkage run")


def _data(model: TrainedModel) -> dict[str, Any]:
    return {
        "id": model.id,
        "trained_by": model.trained_by,
        "approved_by": model.approved_by,
        "fits_this_version": model.fits,
        "card": model.card,
    }


def _state(model: TrainedModel) -> str:
    if not model.fits:
        return "for another version: train again"
    return f"approved by {model.approved_by}" if model.approved_by else "waits for approval"


def _say(model: TrainedModel) -> None:
    card = model.card
    typer.echo(f"Model {model.id[:12]}: {card['engine']}, {card['specification'].lower()}")
    typer.echo(f"  learned from {card['learned_from']['records']} records; prior {card['prior']}")
    typer.echo(f"  joins from weight {card['joined_from_weight']}, asks people from {card['asked_from_weight']}")
    for column, levels in card["columns"].items():
        weights = ", ".join(f"{level['agreement']} {level['weight']:+.1f}" for level in levels)
        typer.echo(f"  {column:<12} {weights}")
