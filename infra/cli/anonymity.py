"""`haven disclosure anonymity`, `haven disclosure generalise`: microdata measured, and made coarse enough to leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.common import NOT_PASSED, AsJson, print_json, read_table_file

if TYPE_CHECKING:
    from environments.anonymity.hierarchy import Hierarchy
    from environments.anonymity.model import (
        AnonymityRequirement,
        AnonymityResult,
        ColumnRoles,
        FailingClass,
        Generalisation,
    )

MOST_NAMED = 20  # classes, and places of one class, that a person is shown

Microdata = Annotated[Path, typer.Argument(metavar="MICRODATA", help="CSV in UTF-8 or Parquet, one row a record.")]
Quasi = Annotated[str, typer.Option("--quasi", help="The quasi-identifiers, separated by commas.")]
Sensitive = Annotated[str, typer.Option("--sensitive", help="The sensitive columns, separated by commas.")]
Person = Annotated[str | None, typer.Option("--person", help="Whose each row is: people are counted, not rows.")]
Categorical = Annotated[
    str, typer.Option("--categorical", help="Sensitive columns whose numbers are codes without an order.")
]
NullCodes = Annotated[list[str] | None, typer.Option("--null-code", help="A text that is an empty cell; repeatable.")]
AskedL = Annotated[int | None, typer.Option("--l", help="Distinct sensitive values that each class must have.")]
AskedT = Annotated[float | None, typer.Option("--t", help="How far a class may be from the whole, 0 to 1.")]


def register(disclosure: typer.Typer) -> None:
    """Add the commands on microdata to `haven disclosure`."""
    disclosure.command("anonymity")(anonymity)
    disclosure.command("generalise")(generalise_microdata)


def anonymity(
    microdata: Microdata,
    quasi: Quasi,
    sensitive: Sensitive = "",
    nulls: Annotated[str, typer.Option("--nulls", help="An empty cell is: own-value, or wildcard.")] = "own-value",
    k: Annotated[int, typer.Option("--k", help="People, or rows, that each class must have.")] = 5,
    l_asked: AskedL = None,
    t_asked: AskedT = None,
    person: Person = None,
    categorical: Categorical = "",
    null_codes: NullCodes = None,
    as_json: AsJson = False,
) -> None:
    """k-anonymity, l-diversity and t-closeness of microdata, and the classes that fall short.

    Example: `haven disclosure anonymity extract.csv --quasi age,sex,district --sensitive diagnosis --k 5 --l 2`
    """
    from environments.anonymity.measure import measure_anonymity
    from environments.anonymity.model import AnonymityRequirement
    from environments.anonymity.reading import read_microdata

    roles = _roles(quasi, sensitive, person, categorical)
    required = AnonymityRequirement(k, l_asked, t_asked)
    found = measure_anonymity(
        read_microdata(microdata, roles.columns), roles, required, _null_rule(nulls), null_codes or ()
    )
    if as_json:
        print_json(as_data(found))
    else:
        _show(found)
    if not found.passed:
        raise typer.Exit(NOT_PASSED)


def generalise_microdata(
    microdata: Microdata,
    quasi: Quasi,
    hierarchy: Annotated[
        list[str] | None,
        typer.Option("--hierarchy", help="COLUMN=FILE: values and coarser forms; repeatable."),
    ] = None,
    sensitive: Sensitive = "",
    k: Annotated[int, typer.Option("--k", help="People, or rows, that each class must have.")] = 5,
    l_asked: AskedL = None,
    t_asked: AskedT = None,
    suppress: Annotated[float, typer.Option("--suppress", help="Share of rows that may be left out, 0 to 1.")] = 0.0,
    person: Person = None,
    categorical: Categorical = "",
    null_codes: NullCodes = None,
    out: Annotated[Path | None, typer.Option("--out", help="Where the rows go: CSV, or Parquet if it ends so.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make microdata as much coarser as k, l and t need and no more: the generalisation that loses least.

    Example: `haven disclosure generalise extract.csv --quasi age,sex --hierarchy age=ages.csv --k 10 --out coarse.csv`
    """
    from environments.anonymity.generalise import generalise
    from environments.anonymity.model import AnonymityRequirement
    from environments.anonymity.reading import read_microdata
    from environments.anonymity.writing import write_microdata

    roles = _roles(quasi, sensitive, person, categorical)
    made = generalise(
        read_microdata(microdata, roles.columns),
        roles,
        _hierarchies(hierarchy or []),
        AnonymityRequirement(k, l_asked, t_asked),
        suppress=suppress,
        null_codes=null_codes or (),
    )
    if out is not None:
        write_microdata(made.table, out, source=microdata)
    found = made.generalisation
    if as_json:
        print_json({**as_data(found.result), "generalisation": _generalisation_data(found)})
        return
    for column, level in found.levels.items():
        typer.echo(f"{column}: level {level} of {found.heights[column]}, loses {found.losses[column]:.4f}")
    typer.echo(f"loss = {found.loss:.4f}: the least of {found.nodes:,} generalisations ({found.counted:,} counted)")
    typer.echo(f"left out: {found.suppressed:,} of {found.rows:,} rows; discernibility {found.discernibility:,}")
    _show(found.result)


def _generalisation_data(found: Generalisation) -> dict[str, Any]:
    return {
        "levels": found.levels,
        "heights": found.heights,
        "loss": found.loss,
        "loss_by_column": found.losses,
        "rows": found.rows,
        "suppressed": found.suppressed,
        "discernibility": found.discernibility,
        "generalisations": found.nodes,
        "counted": found.counted,
    }


def _hierarchies(named: list[str]) -> dict[str, Hierarchy]:
    from environments.anonymity.errors import HierarchyUnfit
    from environments.anonymity.hierarchy import read_hierarchy

    found = {}
    for one in named:
        column, separator, file = one.partition("=")
        if not separator or column in found:
            raise HierarchyUnfit("Not COLUMN=FILE, or a column twice.", where="--hierarchy", mend="age=ages.csv")
        found[column] = read_hierarchy(read_table_file(Path(file)), column)
    return found


def as_data(found: AnonymityResult) -> dict[str, Any]:
    """The result for a program: k, l and t at the top."""
    return {
        "passed": found.passed,
        "k": found.k,
        "l": found.l,
        "t": found.t,
        "required": _asked(found.required),
        "nulls": found.nulls.value,
        "rows": found.rows,
        "people": found.people,
        "classes": found.classes,
        "sensitive": [
            {
                "column": one.column,
                "distance": "ordered" if one.ordered else "equal",
                "l": one.l,
                "entropy_l": one.entropy_l,
                "recursive": {"l": one.recursive_l, "c": one.recursive_c},
                "t": one.t,
                "classes_sharing_one_value": one.shared,
            }
            for one in found.sensitive
        ],
        "violations": {
            "classes": len(found.failing),
            "rows": found.rows_failing,
            "by_class": [_class_data(one, found.places_are) for one in found.failing],
            "by_row": sorted(
                (
                    {found.places_are: place, "fails": list(one.fails), "size": one.size}
                    for one in found.failing
                    for place in one.places
                ),
                key=lambda row: row[found.places_are],
            ),
        },
    }


def _class_data(one: FailingClass, places_are: str) -> dict[str, Any]:
    return {
        "class": one.categories,
        "size": one.size,
        "l": one.l,
        "t": one.t,
        "fails": list(one.fails),
        f"{places_are}s": list(one.places),
    }


def _asked(required: AnonymityRequirement) -> dict[str, Any]:
    return {"k": required.k, "l": required.l, "t": required.t}


def _roles(quasi: str, sensitive: str, person: str | None, categorical: str) -> ColumnRoles:
    from environments.anonymity.model import ColumnRoles

    return ColumnRoles(_names(quasi), _names(sensitive), person, frozenset(_names(categorical)))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _null_rule(name: str) -> Any:
    from environments.anonymity.errors import ColumnsUnfit
    from environments.anonymity.model import NullRule

    known = {one.value: one for one in NullRule}
    if name not in known:
        raise ColumnsUnfit(
            f"There is no rule for nulls '{name}'.", where="--nulls", mend=f"There are: {', '.join(known)}."
        )
    return known[name]


def _show(found: AnonymityResult) -> None:
    typer.echo(f"k = {_people_or_rows(found.k, found)}" + _reached(found))
    people = f" of {found.people:,} people" if found.people is not None else ""
    typer.echo(f"{found.classes:,} classes in {found.rows:,} rows{people}; nulls: {found.nulls.value}")
    for one in found.sensitive:
        told = "more than any" if one.recursive_c is None else f"{one.recursive_c:.4g}"
        typer.echo(
            f"{one.column}: l = {one.l}, entropy l = {one.entropy_l:.4g}, recursive (c, {one.recursive_l}) for c above"
            f" {told}, t = {one.t:.4g} ({'ordered' if one.ordered else 'equal'} distance)"
        )
    for failing in found.failing[:MOST_NAMED]:
        typer.echo(f"- fails {', '.join(failing.fails)}: {_said(failing, found)}")
    if len(found.failing) > MOST_NAMED:
        typer.echo(f"- and {len(found.failing) - MOST_NAMED:,} more classes: --json names all.")
    if found.passed:
        typer.echo("Passed: " + _asked_in_words(found.required))
    else:
        typer.echo(
            f"Not passed: {_asked_in_words(found.required)} Classes that fall short: {len(found.failing):,}, with"
            f" {found.rows_failing:,} of the rows. Make them coarser (haven disclosure generalise), or leave them out."
        )


def _reached(found: AnonymityResult) -> str:
    return "" if found.l is None or found.t is None else f", l = {found.l}, t = {found.t:.4g}"


def _people_or_rows(number: int, found: AnonymityResult) -> str:
    one, more = ("row", "rows") if found.people is None else ("person", "people")
    return f"{number:,} {one if number == 1 else more}"


def _said(failing: FailingClass, found: AnonymityResult) -> str:
    places = ", ".join(str(place) for place in failing.places[:MOST_NAMED])
    more = f" and {len(failing.places) - MOST_NAMED:,} more" if len(failing.places) > MOST_NAMED else ""
    measures = "" if failing.l is None or failing.t is None else f", l = {failing.l}, t = {failing.t:.4g}"
    return f"{failing.name}: {_people_or_rows(failing.size, found)}{measures}; {found.places_are} {places}{more}"


def _asked_in_words(required: AnonymityRequirement) -> str:
    asked = {"k": required.k, "l": required.l, "t": required.t}
    parts = [
        f"{name} {'at most' if name == 't' else 'at least'} {value}"
        for name, value in asked.items()
        if value is not None
    ]
    return f"asked is {', '.join(parts)}."
