"""`haven release show`: what a request is, as far as who looks may see it, and what its checker judges."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.common import DEFAULT_HOME, AsJson, Home, open_haven, print_json, write_new
from infra.cli.release_words import comparison_said, in_a_line, request_said, reviewed_said

if TYPE_CHECKING:
    from environments.airlock.model import ReleaseFile, ReleaseRequest
    from environments.disclosure.sealed.model import EvidenceComparison
    from infra.wiring.haven import Haven

Number = Annotated[str, typer.Argument(help="The request's number.")]
OPENED_BY_PROGRAMS = ("png", "jpg", "jpeg", "pdf", "xlsx", "docx", "parquet")


def show(
    request: Number,
    who: Annotated[str | None, typer.Option("--as", help="Who looks: blind verdicts are shown to an auditor.")] = None,
    table: Annotated[bool, typer.Option("--table", help="Also the sealed files and their check (checkers).")] = False,
    name: Annotated[str | None, typer.Option("--file", help="The same of this file alone.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="With --file: the folder into which a checker takes a copy to open.")
    ] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """One request: its state, problems, verdicts as far as they may be seen, and every move.

    A checker also sees how each file stands to the sealed evidence of its queries, and which earlier cells it is too
    near; of a figure or another file, what its inspector found and what a person must look at.

    Example: `haven release show 6f1c... --as cara --table`
    Example: `haven release show 6f1c... --as cara --file figure.png --out to-check`
    """
    from environments.airlock.web import as_data

    haven = open_haven(home)
    found = _as_seen(haven, request, who)
    data: dict[str, Any] = as_data(found)
    comparisons, data["near"] = _beside(haven, found, who)
    data["evidence"] = {one: said if isinstance(said, str) else said.as_data() for one, said in comparisons.items()}
    reviewed = _reviewed(haven, found, who, table, name)
    if reviewed:
        data["tables"] = reviewed
    if out is not None:
        data["taken"] = str(_taken(haven, found, who, name, out))
    if as_json:
        print_json(data)
        return
    typer.echo(request_said(found))
    for one, said in comparisons.items():
        typer.echo(f"  {one}: {said}" if isinstance(said, str) else comparison_said(one, said))
    for sentence in data["near"]:
        typer.echo(f"  {in_a_line(sentence)}")
    for verdict in found.every_verdict:
        word = "approves" if verdict.approve else "objects"
        typer.echo(in_a_line(f"  round {verdict.round}: {verdict.by} {word}. {verdict.comment}"))
    for move in found.moves:
        typer.echo(in_a_line(f"  {move.at:%Y-%m-%d %H:%M}  {move.after:<16} by {move.by}. {move.reason or ''}"))
    for shown in reviewed:
        typer.echo(reviewed_said(shown))
    if out is not None:
        typer.echo(f"Taken to look at: {data['taken']}")


def _as_seen(haven: Haven, request: str, who: str | None) -> ReleaseRequest:
    """The request as this person may see it; an auditor who may act today sees all of it."""
    from access.people.model import Role
    from access.people.policies import may_hold_office

    if who is None:
        return haven.airlock.get(request)
    actor = haven.actor(who)
    found = haven.access.person(actor.partition(":")[2])
    if may_hold_office(found, Role.AUDITOR, haven.records.clock.now().date()):
        return haven.airlock.whole(request)
    return haven.airlock.get(request, viewer=actor)


def _beside(
    haven: Haven, request: ReleaseRequest, who: str | None
) -> tuple[dict[str, EvidenceComparison | str], list[str]]:
    """For a checker, how each file stands to its queries' evidence, and to which earlier cells it is too near.

    A sentence stands where that cannot be read.
    """
    from environments.airlock.errors import AirlockError

    if who is None:
        return {}, []
    by = haven.actor(who)
    try:
        near = [one.sentence for one in haven.airlock.near(request.id, by=by)]
        return {**haven.airlock.comparisons(request.id, by=by)}, near
    except AirlockError as error:
        return {"evidence": str(error)}, []


def _reviewed(
    haven: Haven, request: ReleaseRequest, who: str | None, every: bool, name: str | None
) -> list[dict[str, Any]]:
    """What a checker judges: every file, or the named one."""
    if not every and name is None:
        return []
    if who is None:
        raise typer.BadParameter("say who looks with --as", param_hint="--table" if name is None else "--file")
    files = [file for file in request.files if name in (None, file.name)]
    if not files:
        raise typer.BadParameter("the request has no such file", param_hint="--file")
    return [_judged(haven, request, file, who) for file in files]


def _judged(haven: Haven, request: ReleaseRequest, file: ReleaseFile, who: str) -> dict[str, Any]:
    """A sealed file, what its author says of it, what the check finds, and what people must look at.

    text: None of a file that only a program opens.
    """
    content, done = haven.airlock.review(request.id, file.name, by=haven.actor(who))
    return {
        "name": file.name,
        "text": None if file.name.lower().endswith(OPENED_BY_PROGRAMS) else content.decode("utf-8-sig", "replace"),
        "context": {key: value for key, value in file.context.items() if value not in ("", None, [], {}, False)},
        "problems": list(done.problems),
        "inspection": None if done.inspection is None else done.inspection.as_data(),
        "written_anew": done.inspection is not None and done.inspection.offered != file.sha256,
        "look_at": list(done.look_at),
    }


def _taken(haven: Haven, request: ReleaseRequest, who: str | None, name: str | None, folder: Path) -> Path:
    """A copy of a sealed file in a checker's folder. Raises RefusedError, AccessError."""
    if who is None or name is None:
        raise typer.BadParameter("say who takes which file: --as WHO --file NAME", param_hint="--out")
    content = haven.airlock.take(request.id, name, by=haven.actor(who))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_new(folder / name, content)
    return folder / name
