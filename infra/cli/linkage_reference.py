"""`haven linkage reference load|list|remove`: whose NHS number or postcode took another's place."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.common import DEFAULT_HOME, As, AsJson, Home, open_haven, print_json

Kind = Annotated[str, typer.Argument(help="superseded-nhs-numbers or postcode-history.")]
AFTER = "The next linkage looks at everybody: haven linkage run"


def register(topic: typer.Typer) -> None:
    """Add these commands to `haven linkage`."""
    reference = typer.Typer(no_args_is_help=True, help="Superseded NHS numbers and recoded postcodes.")
    reference.command("load")(load)
    reference.command("list")(list_tables)
    reference.command("remove")(remove)
    topic.add_typer(reference, name="reference")


def load(
    kind: Kind,
    file: Annotated[
        Path,
        typer.Argument(help="CSV: old_nhs_number,new_nhs_number; or old_postcode,new_postcode,from (YYYY-MM-DD)."),
    ],
    who: As,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Load a table in the place of the one before. Chains are followed to their end; forks and circles are not.

    Example: `haven linkage reference load superseded-nhs-numbers superseded.csv --as daria`
    """
    from audit.suppression import shown_count
    from linkage.references.reading import REASONS

    haven = open_haven(home)
    loaded = haven.reference_tables.load(kind, file, by=haven.actor(who))
    if as_json:
        print_json(
            asdict(loaded)
            | {"rows": shown_count(loaded.rows), "bad": {name: shown_count(many) for name, many in loaded.bad.items()}}
        )
        return
    typer.echo(f"{loaded.kind}, version {loaded.version}: {shown_count(loaded.rows)} rows. {AFTER}")
    for name, many in loaded.bad.items():
        typer.echo(f"  {shown_count(many)} rows: {REASONS[name]}")


def list_tables(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The tables that linkage follows, with version and digest.

    Example: `haven linkage reference list`
    """
    from audit.suppression import shown_count

    found = open_haven(home).reference_tables.all()
    if as_json:
        print_json([{"kind": t.kind, "version": t.version, "digest": t.digest} for t in found])
        return
    for table in found:
        typer.echo(f"{table.kind:<24} version {table.version}  {shown_count(table.rows):>12} rows  {table.digest[:12]}")
    if not found:
        typer.echo("No reference table is loaded.")


def remove(kind: Kind, who: As, home: Home = DEFAULT_HOME) -> None:
    """Follow this kind of table no more.

    Example: `haven linkage reference remove postcode-history --as daria`
    """
    haven = open_haven(home)
    haven.reference_tables.remove(kind, by=haven.actor(who))
    typer.echo(f"{kind}: removed. {AFTER}")
