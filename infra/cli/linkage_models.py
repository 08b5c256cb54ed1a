"""`haven linkage train|models|approve|queue|sample|review|decide`: models of linkage, and what people decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.common import DEFAULT_HOME, As, AsJson, Home, open_haven, print_json, progress_bar

if TYPE_CHECKING:
    from infra.settings import Settings
    from linkage.matching.residual.models import TrainedModel
    from linkage.matching.residual.shown import ShownPair

Pair = Annotated[str, typer.Argument(help="The pair's id, or how it begins: haven linkage queue.")]
Comment = Annotated[str, typer.Option("--comment", help="Why; names nobody.")]
ANSWERS = "[s]ame person, [d]ifferent people, [n]ext, [q]uit"
ANSWERS_AT_THE_DOOR = "[s]ame person, [d]ifferent people, [u]nsure, [n]ext, [q]uit"
SAID = {"s": "same", "d": "different", "u": "unsure"}


def register(topic: typer.Typer) -> None:
    """Add these commands to `haven linkage`."""
    topic.command("train")(train)
    topic.command("models")(models)
    topic.command("approve")(approve)
    topic.command("queue")(queue)
    topic.command("sample")(sample)
    topic.command("review")(review)
    topic.command("decide")(decide)


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


def queue(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The doubtful pairs that wait for a reviewer, the heaviest first; no identifier is shown.

    Example: `haven linkage queue`
    """
    waiting = open_haven(home).linker.queue.waiting()
    if as_json:
        print_json(
            [
                {"pair": p.id, "weight": p.weight, "why": p.why, "asked_at": p.asked_at, "fields": p.fields}
                for p in waiting
            ]
        )
        return
    for pair in waiting:
        weight = f"weight {pair.weight:>5.1f}" if not pair.is_sample else f"{'joined':<12}"
        typer.echo(f"{pair.id[:12]}  {weight}  {pair.why.replace('_', ' ')}")
    typer.echo(
        f"{len(waiting)} pairs wait. Decide: haven linkage review --as REVIEWER" if waiting else "No pair waits."
    )


def sample(
    who: As,
    size: Annotated[int, typer.Option("--size", min=1, max=10_000, help="How many pairs at most.")] = 100,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Put a sample of what was joined into the queue, alike from every step, to see how right each step is.

    The next linkage's report says how many of each step reviewers called one person. Who they tell apart is apart.

    Example: `haven linkage sample --size 200 --as rosa`
    """
    haven = open_haven(home)
    drawn = haven.linker.queue.draw(size, by=haven.actor(who))
    if as_json:
        print_json({"pairs": drawn})
        return
    typer.echo(f"{drawn} pairs drawn. Judge them: haven linkage review --as {who}")


def review(
    who: Annotated[
        str | None, typer.Option("--as", help="Who acts: a registered person; at the zone's own door, your account.")
    ] = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Both records of each doubtful pair, field by field, and your answer. Within the linkage unit only.

    Every pair shown is recorded under your name. Stop at any time; what you answered is kept. Where accounts are
    installed, you run it as your own account, which is in the reviewers' group.

    Example: `haven linkage review --as rosa`
    """
    from infra.settings import load_settings

    settings = load_settings(home)
    if settings.separated:
        _review_at_the_door(settings)
        return
    if who is None:
        raise typer.BadParameter("Who reviews? --as NAME")
    haven = open_haven(home)
    held, actor = haven.linker.queue, haven.actor(who)
    answered = 0
    waiting = held.waiting()
    for number, pair in enumerate(waiting, 1):
        typer.echo(f"\nPair {number} of {len(waiting)}")
        _show(held.show(pair.id, by=actor))
        answer = _answer()
        if answer == "q":
            break
        if answer in ("s", "d"):
            held.decide(pair.id, answer == "s", typer.prompt("Why", default=""), by=actor)
            answered += 1
    if not waiting:
        held.require_reviewer(by=actor)
    typer.echo(
        f"\n{answered} of {len(waiting)} pairs decided." + (" They stand from the next linkage on." if answered else "")
    )


def _review_at_the_door(settings: Settings) -> None:
    """The same, asked of the linkage zone's own process: nothing else of the haven is opened."""
    from infra.accounts.layout import LINKAGE, Accounts
    from infra.accounts.serving import place_of
    from linkage.separation.reviewing import ReviewersDoor

    held = ReviewersDoor(place_of(settings, Accounts.installed(settings), LINKAGE))
    passed: list[str] = []
    answered = 0
    while True:
        pair, left = held.next_pair(passed)
        if pair is None:
            break
        typer.echo(f"\nPairs that wait: {left}")
        _show(pair)
        answer = _answer(ANSWERS_AT_THE_DOOR, "sdunq")
        if answer == "q":
            break
        if answer in SAID:
            held.decide(pair.id, SAID[answer], typer.prompt("Why", default=""))
            answered += 1
        passed.append(pair.id)
    typer.echo(f"\nAnswered: {answered}. What you said stands from the next linkage on.")


def decide(
    pair: Pair,
    same: Annotated[bool, typer.Option("--same/--different", help="One person's records, or two people's.")],
    who: As,
    comment: Comment = "",
    home: Home = DEFAULT_HOME,
) -> None:
    """Decide one pair without the reviewer's page, for example after it was looked up elsewhere.

    Example: `haven linkage decide 6f1c0a7be2d4 --different --comment "two sisters" --as rosa`
    """
    haven = open_haven(home)
    haven.linker.queue.decide(pair, same, comment, by=haven.actor(who))
    typer.echo("Kept. It stands from the next linkage on: haven linkage run")


def _answer(said: str = ANSWERS, letters: str = "sdnq") -> str:
    while True:
        answer = str(typer.prompt(said)).strip().lower()[:1]
        if answer and answer in letters:
            return answer


def _show(pair: ShownPair) -> None:
    left, right = pair.datasets
    typer.echo(f"{'':<16}{left[:28]:<30}{right[:28]:<30}weight")
    for name, a, b, weight in pair.rows:
        mark = " " if a == b else "*"
        said = "" if weight is None else f"{weight:+.1f}"
        typer.echo(f"{mark} {name.replace('_', ' '):<14}{a[:28]:<30}{b[:28]:<30}{said}")
    together = f"together {pair.weight:.1f}; " if pair.fields_weighed else ""
    typer.echo(f"  {together}{pair.why.replace('_', ' ')}")


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
