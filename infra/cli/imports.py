"""`haven import ...`: code and look-up tables that go in, looked at by a checker outside the project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.common import DEFAULT_HOME, As, AsJson, Home, open_haven, print_json

if TYPE_CHECKING:
    from environments.airlock.imports.model import ImportRequest

Number = Annotated[str, typer.Argument(help="The import's number.")]
Why = Annotated[str, typer.Option("--why", help="The reason.")]
SHOWN_ROWS = 50


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    topic = typer.Typer(no_args_is_help=True, help="The airlock's other side: what may come in.")
    topic.command("request")(request_import)
    topic.command("list")(list_imports)
    topic.command("show")(show)
    topic.command("approve")(approve)
    topic.command("refuse")(refuse)
    topic.command("deliver")(deliver)
    topic.command("withdraw")(withdraw)
    topic.command("recall")(recall)
    app.add_typer(topic, name="import")


def request_import(
    project: Annotated[str, typer.Argument(help="The project.")],
    files: Annotated[list[Path], typer.Argument(help="Code (.py .R .sql .ipynb) or look-up tables (.csv .parquet).")],
    who: As,
    why: Annotated[str, typer.Option("--why", help="What the files are, where from, and what for.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Ask for files to be brought into a project's workspaces.

    Example: `haven import request falls-2026 icd10.csv --why "ICD-10 chapters of NHS England, for tables" --as asha`
    """
    from infra.cli.common import read_table_file

    haven = open_haven(home)
    offered = [(path.name, read_table_file(path)) for path in files]
    _tell(haven.imports.request(project, offered, why, by=haven.actor(who)), as_json)


def list_imports(
    project: Annotated[str | None, typer.Option("--project", help="Only this project's.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="Only those in this state.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Every import with its state and whose turn it is.

    Example: `haven import list --state requested`
    """
    found = [one for one in open_haven(home).imports.list(project) if state in (None, one.state.value)]
    if as_json:
        print_json([_as_data(one) for one in found])
        return
    for one in found:
        names = ", ".join(file.name for file in one.files)
        typer.echo(f"{one.id}  {one.project:<24} {one.state:<12} {names}  (next: {one.whose_turn})")
    if not found:
        typer.echo("No import.")


def show(
    request: Number,
    file: Annotated[str | None, typer.Option("--file", help="Also this file as it was sealed (checkers).")] = None,
    who: Annotated[str | None, typer.Option("--as", help="Who looks into a file.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """One import: its files with their hashes and what to look at, every move, and a file where asked for.

    Example: `haven import show 6f1c0a2b9d3e --file icd10.csv --as cara`
    """
    haven = open_haven(home)
    found = haven.imports.get(request)
    text = None
    if file is not None:
        if who is None:
            raise typer.BadParameter("say who looks with --as", param_hint="--file")
        text = _as_text(file, haven.imports.read(request, file, by=haven.actor(who)))
    if as_json:
        print_json({**_as_data(found), **({} if text is None else {"text": text})})
        return
    _say(found)
    for move in found.moves:
        typer.echo(f"  {move.at:%Y-%m-%d %H:%M}  {move.after:<12} by {move.by}. {move.reason or ''}")
    if text is not None:
        typer.echo(f"\n{text}")


def approve(request: Number, who: As, why: Why, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Approve the files by their hashes, and have them put where the project's workspaces read them.

    Example: `haven import approve 6f1c0a2b9d3e --why "Public codes, nothing of a person." --as cara`
    """
    haven = open_haven(home)
    _tell(haven.imports.approve(request, why, by=haven.actor(who)), as_json)


def refuse(request: Number, who: As, why: Why, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Do not let the files in, and say why.

    Example: `haven import refuse 6f1c0a2b9d3e --why "Column 3 names people." --as cara`
    """
    haven = open_haven(home)
    _tell(haven.imports.refuse(request, why, by=haven.actor(who)), as_json)


def deliver(request: Number, who: As, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Ask everything again and deliver an approved import that was held, or say why not. Safe to repeat.

    Example: `haven import deliver 6f1c0a2b9d3e --as cara`
    """
    haven = open_haven(home)
    _tell(haven.imports.deliver(request, by=haven.actor(who)), as_json)


def withdraw(request: Number, who: As, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Take your own request back before it is delivered.

    Example: `haven import withdraw 6f1c0a2b9d3e --as asha`
    """
    haven = open_haven(home)
    _tell(haven.imports.withdraw(request, by=haven.actor(who)), as_json)


def recall(
    request: Number,
    who: As,
    reason: Annotated[str, typer.Option("--reason", help="Why it is taken back.")],
    incident: Annotated[str, typer.Option("--incident", help="The incident's number.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take an import out of the workspaces; these files can never come in again.

    Example: `haven import recall 6f1c0a2b9d3e --reason "A column named people." --incident INC-8 --as cara`
    """
    haven = open_haven(home)
    _tell(haven.imports.recall(request, reason, incident, by=haven.actor(who)), as_json)


# -- parts


def _as_text(name: str, content: bytes) -> str:
    """A file as a person reads it; of a Parquet file the first rows."""
    if not name.endswith(".parquet"):
        return content.decode("utf-8-sig", "replace")
    from environments.airlock.imports.inspect import parquet_table

    table = parquet_table(content)
    return f"{table.height} rows, the first {SHOWN_ROWS}:\n{table.head(SHOWN_ROWS).write_csv()}"


def _as_data(request: ImportRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "project": request.project,
        "state": request.state.value,
        "whose_turn": request.whose_turn,
        "author": request.author,
        "why": request.why,
        "held": request.held,
        "created": request.created.isoformat(),
        "moved": request.moved.isoformat(),
        "files": [
            {"name": one.name, "sha256": one.sha256, "bytes": one.size, "look_at": [*one.findings]}
            for one in request.files
        ],
        "moves": [
            {"to": move.after.value, "by": move.by, "at": move.at.isoformat(), "reason": move.reason}
            for move in request.moves
        ],
    }


def _tell(request: ImportRequest, as_json: bool) -> None:
    if as_json:
        print_json(_as_data(request))
        return
    _say(request)


def _say(request: ImportRequest) -> None:
    typer.echo(f"Import {request.id}: {request.state} (next: {request.whose_turn})")
    for file in request.files:
        typer.echo(f"  {file.name}  {file.size} bytes  sha256 {file.sha256}")
        for finding in file.findings:
            typer.echo(f"    look: {finding}")
    if request.held:
        typer.echo(f"  held: {request.held}")
    if request.state.value == "delivered":
        typer.echo(f"  in the project's workspaces: /imports/{request.id}")
