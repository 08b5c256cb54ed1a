"""`haven disclosure ...`: a table checked, attacked or mitigated before it is submitted; the owners' profiles."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli import anonymity, inspection
from infra.cli.common import NOT_PASSED, AsJson, print_json
from infra.cli.disclosure_tables import (
    By,
    Count,
    Data,
    Hierarchies,
    Largest,
    NoTotals,
    Overlapping,
    Person,
    ProfileName,
    Source,
    Table,
    Totals,
    Value,
    Zeros,
)

if TYPE_CHECKING:
    from environments.disclosure.audit import Audit
    from environments.disclosure.model import Cell, CheckResult


class Method(StrEnum):
    """How a table is made fit."""

    SECONDARY = "secondary"
    SUPPRESS_AND_ROUND = "suppress-and-round"
    MIDPOINT_6 = "midpoint-6"
    CELL_KEY = "cell-key"


class CostOf(StrEnum):
    """What hiding a further cell costs."""

    CELLS = "cells"
    VALUES = "values"


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    disclosure = typer.Typer(
        no_args_is_help=True, help="Disclosure control of what is to leave, before it is submitted."
    )
    disclosure.command("check")(check_table)
    disclosure.command("audit")(audit_tables)
    disclosure.command("suppress")(suppress_table)
    disclosure.command("profiles")(profiles)
    anonymity.register(disclosure)
    inspection.register(disclosure)
    app.add_typer(disclosure, name="disclosure")


def check_table(
    by: By,
    profile: ProfileName,
    table: Table = None,
    data: Data = None,
    count: Count = None,
    person: Person = None,
    value: Value = None,
    largest: Largest = None,
    total: Totals = None,
    hierarchy: Hierarchies = None,
    structural_zero: Zeros = None,
    overlapping: Overlapping = None,
    no_totals: NoTotals = False,
    secondary: Annotated[
        bool, typer.Option("--secondary", help="Some hidden counts are not small: they protect others.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a table under an owner's profile: each cell with its status and reason.

    A finished table as it would leave; or the true numbers that microdata give, or a table with its largest
    contributions: then nothing need be rounded yet, and a cell that is not `ok` is one to be hidden.

    Example: `haven disclosure check --table admissions.csv --by age,sex --count people --profile hes`
    """
    from environments.disclosure.check import check_counts_table
    from environments.disclosure.profile import criteria

    rules = criteria(profile)
    source = Source(
        by, table, data, count, person, value, largest, total or (), hierarchy or (), structural_zero or (),
        overlapping, no_totals, {"secondary_suppression": secondary},
    )  # fmt: skip
    frame, context, stage = source.read(rules)
    result = check_counts_table(frame, context, rules, stage)
    _show_check(result, as_json)
    if not result.passed:
        raise typer.Exit(NOT_PASSED)


def audit_tables(
    table: Annotated[list[Path], typer.Option("--table", help="A finished table; may be repeated: audited together.")],
    by: Annotated[list[str], typer.Option("--by", help="Its category columns; once for all tables, or once for each.")],
    count: Annotated[str, typer.Option("--count", help="The column that counts distinct people, in every table.")],
    value: Value = None,
    total: Totals = None,
    hierarchy: Hierarchies = None,
    overlapping: Overlapping = None,
    profile: Annotated[str | None, typer.Option("--profile", help="Whose rules say what is too close.")] = None,
    mark: Annotated[list[str] | None, typer.Option("--mark", help="What else stands for a hidden number.")] = None,
    only_small: Annotated[
        bool, typer.Option("--only-small", help="The reader knows that every hidden count is below the threshold.")
    ] = False,
    negative: Annotated[bool, typer.Option("--negative", help="Hidden amounts may be below zero.")] = False,
    as_json: AsJson = False,
) -> None:
    """Attack finished tables: what a reader can work out of each hidden cell, over all the tables together.

    Example: `haven disclosure audit --table admissions.csv --by age,sex --count people --profile hes`
    """
    from environments.disclosure.audit import audit
    from environments.disclosure.errors import TableUnfit
    from environments.disclosure.profile import criteria

    if len(by) not in (1, len(table)):
        raise TableUnfit("Each table has its category columns.", where="--by", mend="Name them once, or once a table.")
    if only_small and profile is None:
        raise TableUnfit("Below which threshold?", where="--only-small", mend="Name the profile.")
    rules = criteria(profile) if profile else None
    every = by * len(table) if len(by) == 1 else by
    known = {column for columns in by for column in columns.split(",")}
    if strange := [one for one in hierarchy or () if one.partition("=")[0] not in known]:
        raise TableUnfit(f"No table has this column: {strange[0]}.", where="--hierarchy", mend="Write area=areas.csv.")
    sources = [
        Source(
            columns, path, None, count, None, value, None, total or (),
            [one for one in hierarchy or () if one.partition("=")[0] in columns.split(",")], (), overlapping,
        )
        for path, columns in zip(table, every, strict=True)
    ]  # fmt: skip
    read = [source.read(rules)[:2] for source in sources]
    found = audit(read, rules, marks=mark or (), only_small=only_small, negative=negative)
    _show_audit(found, as_json)
    if found.told:
        raise typer.Exit(NOT_PASSED)


def suppress_table(
    by: By,
    profile: ProfileName,
    table: Table = None,
    data: Data = None,
    count: Count = None,
    person: Person = None,
    value: Value = None,
    largest: Largest = None,
    total: Totals = None,
    hierarchy: Hierarchies = None,
    structural_zero: Zeros = None,
    overlapping: Overlapping = None,
    no_totals: NoTotals = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where the mitigated table is written, if it passes.")
    ] = None,
    method: Annotated[
        Method | None,
        typer.Option("--method", help="As a rule: suppress-and-round if the owner asks for rounding, else secondary."),
    ] = None,
    cost: Annotated[
        CostOf, typer.Option("--cost", help="What hiding a further cell costs: one, or what it holds.")
    ] = CostOf.CELLS,
    record_key: Annotated[
        str | None, typer.Option("--record-key", help="For cell-key: each person's random key.")
    ] = None,
    ptable: Annotated[Path | None, typer.Option("--ptable", help="For cell-key: a CSV with pcv, ckey, pvalue.")] = None,
    seconds: Annotated[float, typer.Option("--seconds", help="How long the optimum is looked for.", min=0.0)] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Hide cells of a table of true numbers as the owner asks, and check what comes of it from scratch.

    Example: `haven disclosure suppress --table counts.csv --by age,sex --count people --profile hes --out safe.csv`
    """
    from environments.disclosure.methods import made_fit
    from environments.disclosure.profile import criteria

    rules = criteria(profile)
    source = Source(
        by, table, data, count, person, value, largest, total or (), hierarchy or (), structural_zero or (),
        overlapping, no_totals,
    )  # fmt: skip
    if method is Method.CELL_KEY:
        made = source.perturbed(rules, record_key, ptable)
    else:
        frame, context, _ = source.read(rules)
        made = made_fit(frame, context, rules, method=method and method.value, cost=cost.value, seconds=seconds)
    if made.passed and out is not None:
        made.table.write_csv(out)
    if as_json:
        print_json(made.as_data())
    else:
        _show_suppressed(made)
    if not made.passed:
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
    for rule, value in (rules.counts.model_dump(mode="json") | rules.amounts.model_dump(mode="json")).items():
        typer.echo(f"{rule:<22} {value!s:<28} asked by {', '.join(rules.causes[rule])}")


def _show_check(result: CheckResult, as_json: bool) -> None:
    if as_json:
        cells = [_cell_data(cell) for cell in result.cells]
        print_json({"passed": result.passed, "problems": result.problems, "cells": cells})
        return
    for cell in result.cells:
        typer.echo(f"{cell.name:<56} {cell.shown:>10}  {cell.status.value:<16} {cell.reason}")
    for problem in result.problems:
        typer.echo(f"- {problem}")
    typer.echo("Passed." if result.passed else "Not passed.")


def _cell_data(cell: Cell) -> dict[str, Any]:
    return {
        "categories": dict(cell.categories),
        "column": cell.column,
        "total": cell.total,
        "shown": cell.shown,
        "status": cell.status.value,
        "rules": [rule.value for rule in cell.rules],
        "reason": cell.reason,
        "interval": cell.interval,
    }


def _show_audit(found: Audit, as_json: bool) -> None:
    from environments.disclosure.audit import is_recovered

    if as_json:
        cells = [
            _cell_data(cell) | {"recovered": is_recovered(cell) and cell.status.value != "ok"} for cell in found.cells
        ]
        print_json({
            "passed": not found.told, "recovered": len(found.recovered), "told": len(found.told),
            "absent_taken_for_hidden": found.absent_hidden, "wide_left_out": found.partial, "cells": cells,
        })  # fmt: skip
        return
    for cell in found.cells:
        if cell.status.value == "ok":
            continue
        low, high = cell.interval or (None, None)
        between = f"{'any' if low is None else f'{low:.10g}'} to {'any' if high is None else f'{high:.10g}'}"
        typer.echo(f"{cell.name:<56} {between:>24}  {cell.status.value:<16} {cell.reason}")
    if found.absent_hidden:
        typer.echo("Combinations without a row were taken for hidden: the totals deny that nobody is in them.")
    if found.partial:
        typer.echo("There are too many hidden cells for the ends of each: those that are surely wide have none.")
    typer.echo(f"{len(found.recovered)} recovered exactly, {len(found.told) - len(found.recovered)} too closely.")


def _show_suppressed(made: Any) -> None:
    for cell in made.cells():
        typer.echo(f"{cell['name']:<56} {cell['shown']:>10}  {cell['status']:<10} {', '.join(cell['rules'])}")
    for problem in made.all_problems:
        typer.echo(f"- {problem}")
    typer.echo(made.summary())
    if made.context.secondary_suppression:
        typer.echo("Some hidden counts protect others: say `secondary_suppression: true` in the context.")
    typer.echo("Passed." if made.passed else "Not passed.")
