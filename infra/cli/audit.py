"""`haven audit ...`: verify the log, read it in words, search it."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.common import DEFAULT_HOME, AsJson, Home, print_json, require_home

if TYPE_CHECKING:
    from audit.search import Wanted

By = Annotated[str | None, typer.Option("--by", help="Who: asha, or person:asha.")]
Project = Annotated[str | None, typer.Option("--project", help="Concerning this project.")]
Dataset = Annotated[str | None, typer.Option("--dataset", help="Concerning this dataset.")]
Verb = Annotated[str | None, typer.Option("--verb", help="query, or query.refused.")]
Since = Annotated[datetime | None, typer.Option("--since", help="From this time on (UTC).")]
Until = Annotated[datetime | None, typer.Option("--until", help="Up to this time (UTC).")]
Limit = Annotated[int, typer.Option("--limit", help="At most so many, the newest.", min=1)]


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    topic = typer.Typer(no_args_is_help=True, help="Verify, read and search the audit log.")
    topic.command("verify")(verify)
    topic.command("log")(log)
    topic.command("search")(search)
    app.add_typer(topic, name="audit")


def verify(
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    public_key: Annotated[
        Path | None, typer.Option("--public-key", help="The log's key as you got it from elsewhere.")
    ] = None,
    newest: Annotated[
        Path | None, typer.Option("--newest", help="A checkpoint you kept: shows whether the log was cut back.")
    ] = None,
) -> None:
    """Derive every hash and signature of the log again; exit status 1 and the place when anything differs.

    Example: `haven audit verify --home haven-demo`
    """
    from dataclasses import asdict

    from audit.verifier import verify as verify_log
    from infra.settings import load_settings

    require_home(home)
    kept = newest.read_text(encoding="utf-8") if newest else None
    verdict = verify_log(load_settings(home).audit_folder, public_key, kept)
    if as_json:
        print_json({"whole": verdict.whole, **asdict(verdict)})
    else:
        for sentence in verdict.sentences():
            typer.echo(sentence)
    sys.exit(0 if verdict.whole else 1)


def log(home: Home = DEFAULT_HOME, as_json: AsJson = False, limit: Limit = 50) -> None:
    """The newest entries in words.

    Example: `haven audit log --home haven-demo --limit 20`
    """
    from audit.search import Wanted

    _show(home, as_json, Wanted(limit=limit))


def search(
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    by: By = None,
    project: Project = None,
    dataset: Dataset = None,
    verb: Verb = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 1000,
) -> None:
    """Entries by person, project, dataset, verb and time.

    Example: `haven audit search --home haven-demo --verb query.refused`
    """
    from datetime import UTC

    from audit.search import Wanted

    since = since.replace(tzinfo=UTC) if since and since.tzinfo is None else since
    until = until.replace(tzinfo=UTC) if until and until.tzinfo is None else until
    _show(home, as_json, Wanted(by, project, dataset, verb, since, until, limit))


def _show(home: Path, as_json: bool, wanted: Wanted) -> None:
    from audit.search import SearchIndex
    from audit.words import in_words
    from infra.settings import load_settings

    require_home(home)
    settings = load_settings(home)
    index = SearchIndex(settings.audit_folder, settings.home / "records" / "audit-index.db")
    if as_json:
        print_json(
            [
                {
                    "index": number,
                    "at": event.at.isoformat(),
                    "by": event.by,
                    "name": event.name.value,
                    "project": event.project,
                    "dataset": event.dataset,
                    "details": dict(event.details),
                }
                for number, event in index.find(wanted)
            ]
        )
        return
    for number, event in index.find(wanted):
        typer.echo(f"{number:>7}  {in_words(event)}")
