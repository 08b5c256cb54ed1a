"""`haven query`: ask as a project's person through the gateway. `haven gate`: judge a statement without running it."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.common import DEFAULT_HOME, As, AsJson, Home, open_haven, print_json

if TYPE_CHECKING:
    from infra.wiring.haven import Haven

Project = Annotated[str, typer.Argument(help="The project's id.")]
ROWS_SHOWN = 40
ENDS = re.compile(r";[ \t]*(?:--[^\r\n]*)?\n")
COMMENTS = re.compile(r"--[^\r\n]*|/\*.*?\*/", re.DOTALL)


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    app.command("query")(query)
    app.command("tables")(tables)
    app.command("gate")(gate)


def query(
    project: Project,
    sql: Annotated[str, typer.Argument(help="One SELECT, or @FILE.")],
    person: As,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Run one SELECT as a person of the project. The services must be up (`haven up`).

    Example: `haven query diabetes-admissions "select count(*) from gp_patients" --as asha`
    """
    haven = open_haven(home)
    text = Path(sql[1:]).read_text(encoding="utf-8") if sql.startswith("@") else sql
    table = _ask(haven, person, project, text)
    if csv:
        from pyarrow import csv as arrow_csv

        arrow_csv.write_csv(table, sys.stdout.buffer)
    elif as_json:
        print_json({"columns": table.column_names, "rows": table.to_pylist()})
    else:
        import polars

        with polars.Config(tbl_rows=ROWS_SHOWN, tbl_hide_dataframe_shape=True, tbl_formatting="ASCII_MARKDOWN"):
            typer.echo(polars.from_arrow(table))


def tables(project: Project, person: As, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The tables and columns that the project's approval gives.

    Example: `haven tables diabetes-admissions --as asha`
    """
    haven = open_haven(home)
    with _refusals_told(haven) as client:
        found = client.tables(connection=_connection(haven, person, project))
    if as_json:
        print_json([{"name": one.name, "columns": one.columns} for one in found])
        return
    typer.echo(repr(found))


def gate(
    file: Annotated[Path, typer.Argument(help="A file with statements, separated by semicolons at line ends.")],
    project: Annotated[str, typer.Option("--project", help="Whose tables may be named.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Judge statements one by one without running them. Exit status 77 when one is refused.

    Example: `haven gate queries.sql --project diabetes-admissions`
    """
    from access.decisions import Refused
    from environments.gateway.gate import Gate
    from infra.errors import DeploymentError
    from linkage.scopes.store import current_scope

    haven = open_haven(home)
    with haven.records.read() as session:
        scope = current_scope(session, project)
    if scope is None:
        raise DeploymentError(
            "Nothing is published for this project: it has no tables to judge by.",
            where=project,
            mend=f"`haven project list` shows the projects; then: haven scope publish {project}",
        )
    judge, views = Gate(), set(scope.tables)
    results: list[dict[str, Any]] = []
    for statement in _statements(file.read_text(encoding="utf-8-sig")):
        decision = judge.judge(statement, views)
        refused = decision if isinstance(decision, Refused) else None
        results.append(
            {
                "statement": statement,
                "allowed": refused is None,
                "rule": refused.code if refused is not None else None,
                "reason": refused.reason if refused is not None else None,
                "mend": refused.mend if refused is not None else None,
            }
        )
    if as_json:
        print_json(results)
    else:
        for number, one in enumerate(results, 1):
            verdict = "allowed" if one["allowed"] else f"refused [{one['rule']}] {one['reason']} {one['mend'] or ''}"
            typer.echo(f"{number:>4}  {verdict}")
    raise typer.Exit(0 if all(one["allowed"] for one in results) else 77)


def _statements(text: str) -> list[str]:
    """Split where a semicolon ends a line, but for spaces and a comment; what is only comments is no statement."""
    parts = [part.strip() for part in ENDS.split(text.replace("\r\n", "\n") + "\n")]
    return [part for part in parts if COMMENTS.sub("", part).strip()]


def _ask(haven: Haven, person: str, project: str, sql: str) -> Any:
    """Through the notebook client."""
    with _refusals_told(haven) as client:
        return client.sql(sql, connection=_connection(haven, person, project))


@contextmanager
def _refusals_told(haven: Haven) -> Iterator[Any]:
    """The notebook client; its refusals become the command line's."""
    from access.decisions import Refused, RefusedError
    from infra.errors import DeploymentError

    client = _client(haven)
    try:
        yield client
    except client.Refused as error:
        raise RefusedError(Refused(error.code, error.reason, error.mend)) from None
    except client.HavenClientError as error:
        raise DeploymentError(
            str(error), where=str(haven.settings.gateway_socket), mend="Is it up? `haven up`"
        ) from None


def _client(haven: Haven) -> Any:
    """The client distribution, from its own folder: it is no part of the haven's environment."""
    folder = str(haven.settings.clients_folder / "haven-client")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module("haven")


def _connection(haven: Haven, person: str, project: str) -> Any:
    """With a fresh token for this person; issuing it is recorded. Where an identity provider is set, their login's."""
    from audit.events import EventName
    from environments.gateway.model import AUDIENCE
    from infra.logins.parts import token_without_login

    connection = importlib.import_module(f"{_client(haven).__name__}.connection")
    actor = haven.actor(person)
    if haven.settings.identity.issuer is not None:
        _, token = haven.logins.current()
    else:
        haven.records.note(EventName.TOKEN_ISSUED, by=actor, project=project, audience=AUDIENCE)
        token = token_without_login(haven, actor.partition(":")[2], AUDIENCE)
    return connection.Connection(str(haven.settings.gateway_socket), token, project)
