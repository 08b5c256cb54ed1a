"""`haven linkage queue|sample|review|decide`: what people decide of pairs of records.

A pair's fields and weights are printed for its reviewer and go nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.common import DEFAULT_HOME, As, AsJson, Home, open_haven, print_json

if TYPE_CHECKING:
    from infra.settings import Settings
    from linkage.matching.residual.shown import ShownField, ShownPair

Pair = Annotated[str, typer.Argument(help="The pair's id, or how it begins: haven linkage queue.")]
Comment = Annotated[str, typer.Option("--comment", help="Why; names nobody.")]
ANSWERS = "[s]ame person, [d]ifferent people, [n]ext, [q]uit"
ANSWERS_AT_THE_DOOR = "[s]ame person, [d]ifferent people, [u]nsure, [n]ext, [q]uit"
SAID = {"s": "same", "d": "different", "u": "unsure"}
UNITS = 100
"""Weights are shown in hundredths of a bit."""
FULL_NAME = "full_name"
NAME, VALUE, WORDS = 16, 32, 24
"""Signs in a line for the field, for each record's value, and for the model's words."""


def register(topic: typer.Typer) -> None:
    """Add these commands to `haven linkage`."""
    topic.command("queue")(queue)
    topic.command("sample")(sample)
    topic.command("review")(review)
    topic.command("decide")(decide)


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
        _say(held.show(pair.id, by=actor))
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
        _say(pair)
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


def _say(pair: ShownPair) -> None:
    for line in shown_lines(pair):
        typer.echo(line)


def shown_lines(pair: ShownPair) -> list[str]:
    """A pair as its reviewer reads it: each field, and the weights that add up, to the last place, to its own."""
    figures = iter(adding_up(pair.parts, pair.weight))
    lines = [_line("", *pair.datasets, *(("agreement", "weight") if pair.weighed else ()))]
    for field in pair.fields:
        said = () if field.weight is None else (field.agreement or "", next(figures))
        lines.append(_line(field.name.replace("_", " "), *_values(field), *said, differs=field.differs))
        if field.rarity is not None:
            lines.append(_sum_line("how rare the value is", next(figures)))
    lines += [_sum_line(what, next(figures)) for what, _ in pair.others]
    if pair.weighed:
        lines.append(_sum_line("together", f"{round(pair.weight * UNITS) / UNITS:.2f}"))
    return [*lines, f"  asked because: {pair.why.replace('_', ' ')}"]


def adding_up(parts: Sequence[float], total: float) -> list[str]:
    """Each part in hundredths, signed, so that as shown they add up to the total as shown.

    None is more than a hundredth away from what it is: those change that were rounded most (largest remainders).
    """
    units = [round(part * UNITS) for part in parts]
    missing = round(total * UNITS) - sum(units)
    step = 1 if missing > 0 else -1
    most_rounded = sorted(range(len(parts)), key=lambda place: step * (units[place] - parts[place] * UNITS))
    for place in most_rounded[: abs(missing)]:
        units[place] += step
    return [f"{one / UNITS:+.2f}" for one in units]


def _values(field: ShownField) -> tuple[str, str]:
    """Of both records. A full name is compared as surname and forename, in lines of their own."""
    if field.name == FULL_NAME:
        return field.written
    left, right = (_value(*both) for both in zip(field.written, field.compared, strict=True))
    return left, right


def _value(written: str, compared: str) -> str:
    """As written; and what it stands for, unless that is the same but for capitals and signs."""
    if _plain(written) == _plain(compared):
        return written
    return f"{written} = {compared or 'says nothing'}".strip()


def _plain(text: str) -> str:
    return re.sub(r"\W", "", text).upper()


def _line(name: str, left: str, right: str, words: str = "", weight: str = "", *, differs: bool = False) -> str:
    values = "".join(f"{value[: VALUE - 2]:<{VALUE}}" for value in (left, right))
    return f"{'*' if differs else ' '} {name:<{NAME - 2}}{values}{words:<{WORDS}}{weight:>7}".rstrip()


def _sum_line(what: str, weight: str) -> str:
    return f"  {'':<{NAME - 2}}{what:<{2 * VALUE + WORDS}}{weight:>7}"
