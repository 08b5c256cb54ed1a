"""`haven demo`: the whole chain on synthetic people, told as four people's story."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEMO_HOME = Path("haven-demo")


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    app.command("demo")(demo)


def demo(
    people: Annotated[int, typer.Option("--people", min=1_000, help="How many synthetic people.")] = 20_000,
    home: Annotated[
        Path, typer.Option("--home", help="Where the demo's haven is made; an older demo there is replaced.")
    ] = DEMO_HOME,
    seed: Annotated[int, typer.Option("--seed", help="Another number gives other people.")] = 1,
) -> None:
    """Four controllers deliver, records are linked, a project is approved, a notebook asks, a table leaves, and the log
    verifies; then the haven attacks itself.

    Example: `haven demo --people 20000`
    """
    from infra.demo.story import play

    play(home, people, seed)
