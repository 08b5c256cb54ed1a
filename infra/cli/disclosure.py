"""`haven disclosure ...`: a table checked or mitigated before it is submitted; the owners' profiles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli import anonymity
from infra.cli.common import NOT_PASSED, AsJson, print_json, read_table_file

if TYPE_CHECKING:
    from environments.disclosure.model import CheckResult, TableContext

Table = Annotated[Path, typer.Option("--table", help="The table: CSV in long form, one count a row.")]
By = Annotated[str, typer.Option("--by", help="Its category columns, separated by commas.")]
Count = Annotated[str, typer.Option("--count", help="The column that counts distinct people.")]
ProfileName = Annotated[str, typer.Option("--profile", help="The owner's profile, or several: hes+ons.")]
Totals = Annotated[list[str] | None, typer.Option("--total", help="A category that means the total; may be repeated.")]


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    disclosure = typer.Typer(no_args_is_help=True, help="Disclosure control of a table, before it is submitted.")
    disclosure.command("check")(check_table)
    disclosure.command("suppress")(suppress_table)
    disclosure.command("profiles")(profiles)
    anonymity.register(disclosure)
    app.add_typer(disclosure, name="disclosure")


def check_table(
    table: Table,
    by: By,
    count: Count,
    profile: ProfileName,
    total: Totals = None,
    as_json: AsJson = False,
) -> None:
    """Check a finished table under an owner's profile: each cell with its status and reason.

    Example: `haven disclosure check --table admissions.csv --by age,sex --count people --profile hes`
    """
    from environments.disclosure.check import check_counts_table
    from environments.disclosure.profile import criteria

    data, context = _table(table, by, count, total)
    result = check_counts_table(data, context, criteria(profile))
    _show_check(result, as_json)
    if not result.passed:
        raise typer.Exit(NOT_PASSED)


def suppress_table(
    table: Table,
    by: By,
    count: Count,
    profile: ProfileName,
    out: Annotated[Path, typer.Option("--out", help="Where the mitigated table is written.")],
    total: Totals = None,
    as_json: AsJson = False,
) -> None:
    """Hide and round a table of true counts as the owner asks, and check what comes of it from scratch.

    Example: `haven disclosure suppress --table counts.csv --by age,sex --count people --profile hes --out safe.csv`
    """
    from environments.disclosure.mitigate import suppress_and_round
    from environments.disclosure.profile import criteria

    data, context = _table(table, by, count, total)
    made = suppress_and_round(data, context, criteria(profile))
    if made.result.passed:
        made.table.write_csv(out)
    _show_check(made.result, as_json)
    if made.context.secondary_suppression and not as_json:
        typer.echo("Some hidden counts protect others: say `secondary_suppression: true` in the context.")
    if not made.result.passed:
        raise typer.Exit(NOT_PASSED)


def profiles(
    name: Annotated[str | None, typer.Argument(help="One profile, or several joined: hes+ons.")] = None,
    as_json: AsJson = False,
) -> None:
    """The owners' profiles; or the strictest of several, and which owner causes which rule.

    Example: `haven disclosure profiles hes+ons`
    """
    from environments.disclosure.profile import all_profiles, criteria

    if name is None:
        found = all_profiles().values()
        if as_json:
            print_json([one.model_dump(mode="json") for one in found])
            return
        for one in found:
            typer.echo(
                f"{one.id:<20} version {one.version}  {one.title}: fewer than {one.counts.smallest_shown} hidden"
            )
        return
    rules = criteria(name)
    if as_json:
        print_json(rules.as_data())
        return
    for rule, value in rules.counts.model_dump(mode="json").items():
        typer.echo(f"{rule:<22} {value!s:<28} asked by {', '.join(rules.causes[rule])}")


def _table(path: Path, by: str, count: str, totals: list[str] | None) -> tuple[Any, TableContext]:
    """The named columns of a table, and the context that a finished table has by itself."""
    from environments.disclosure.errors import TableUnfit
    from environments.disclosure.model import context_from
    from environments.disclosure.tables import read_table

    table = read_table(read_table_file(path))
    columns = [*by.split(","), count]
    if missing := [name for name in columns if name not in table.columns]:
        raise TableUnfit(
            f"There is no column '{missing[0]}'.", where=str(path), mend=f"It has: {', '.join(table.columns)}."
        )
    return table.select(columns), context_from({"count_column": count, "total_codes": tuple(totals or ())})


def _show_check(result: CheckResult, as_json: bool) -> None:
    if as_json:
        cells = [
            {
                "categories": dict(cell.categories),
                "column": cell.column,
                "shown": cell.shown,
                "status": cell.status.value,
                "reason": cell.reason,
                "interval": cell.interval,
            }
            for cell in result.cells
        ]
        print_json({"passed": result.passed, "problems": result.problems, "cells": cells})
        return
    for cell in result.cells:
        typer.echo(f"{cell.name:<56} {cell.shown:>10}  {cell.status.value:<16} {cell.reason}")
    for problem in result.problems:
        typer.echo(f"- {problem}")
    typer.echo("Passed." if result.passed else "Not passed.")
