"""`haven linkage reference load|approve|list|remove`: whose NHS number or postcode took another's place."""

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
    reference.command("approve")(approve)
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
    """Load a table. Chains are followed to their end; forks and circles are not. It waits until another approves it.

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
    typer.echo(f"{loaded.kind}, version {loaded.version}: {shown_count(loaded.rows)} rows.")
    for name, many in loaded.bad.items():
        typer.echo(f"  {shown_count(many)} rows: {REASONS[name]}")
    typer.echo(f"It waits. A linkage reviewer brings it into force: haven linkage reference approve {kind} --as NAME")


def approve(kind: Kind, who: As, home: Home = DEFAULT_HOME) -> None:
    """Bring the table that waits into force, in the place of the one before. Not by who loaded it.

    Example: `haven linkage reference approve superseded-nhs-numbers --as rhea`
    """
    haven = open_haven(home)
    approved = haven.reference_tables.approve(kind, by=haven.actor(who))
    typer.echo(f"{approved.kind}, version {approved.version}: in force. {AFTER}")


def list_tables(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The tables that linkage follows, and those that wait for approval, with version and digest.

    Example: `haven linkage reference list`
    """
    from audit.suppression import shown_count

    found = open_haven(home).reference_tables.all()
    if as_json:
        print_json([{"kind": t.kind, "version": t.version, "digest": t.digest, "in_force": t.in_force} for t in found])
        return
    for table in found:
        rows, state = f"{shown_count(table.rows):>12} rows", "in force" if table.in_force else "waits"
        typer.echo(f"{table.kind:<24} version {table.version}  {rows}  {table.digest[:12]}  {state}")
    if not found:
        typer.echo("No reference table is loaded.")


def remove(kind: Kind, who: As, home: Home = DEFAULT_HOME) -> None:
    """Follow this kind of table no more.

    Example: `haven linkage reference remove postcode-history --as rhea`
    """
    haven = open_haven(home)
    haven.reference_tables.remove(kind, by=haven.actor(who))
    typer.echo(f"{kind}: removed. {AFTER}")
