"""`haven test`, `haven bench`, `haven version`: is this house in order, and how fast is it?"""

from __future__ import annotations

import sys
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    app.command("test")(test)
    app.command("bench")(bench)
    app.command("version")(version)


def test(
    quick: Annotated[bool, typer.Option("--quick", help="The part that takes under three minutes.")] = False,
    only: Annotated[
        list[str] | None, typer.Option("--only", "-k", help="Only tests whose name has this in it.")
    ] = None,
) -> None:
    """Install what the tests need and run everything; the last line is the verdict.

    COMPLETE is a full pass. INCOMPLETE (exit status 3) names what was left out and how to get it.

    Example: `haven test --quick`
    """
    from infra.testing import run_tests

    sys.exit(run_tests(quick=quick, only=only or ()))


def bench(
    names: Annotated[list[str] | None, typer.Argument(help="Which benchmarks; all when none is named.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes, to see that they run.")] = False,
) -> None:
    """Measure, side by side in one run, and print ratios.

    Example: `haven bench audit --quick`
    """
    from infra.benchmarks import run_benchmarks

    run_benchmarks(names or [], quick=quick)


def version() -> None:
    """Which Haven is this?

    Example: `haven version`
    """
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        typer.echo(installed("haven"))
    except PackageNotFoundError:
        from infra.testing import ROOT

        line = next(line for line in (ROOT / "pyproject.toml").read_text().splitlines() if line.startswith("version"))
        typer.echo(line.split('"')[1])
