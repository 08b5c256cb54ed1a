"""`haven release ...`: submitted, checked, decided, released, recalled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.common import DEFAULT_HOME, NOT_PASSED, As, AsJson, Home, open_haven, print_json, read_table_file
from infra.cli.release_show import Number, show
from infra.cli.release_words import request_said

if TYPE_CHECKING:
    from environments.airlock.model import ReleaseRequest


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    release = typer.Typer(no_args_is_help=True, help="The airlock: what may leave, decided by two people.")
    commands: dict[str, Callable[..., None]] = {
        "submit": submit,
        "check": check,
        "list": list_requests,
        "show": show,
        "decide": decide,
        "consolidate": consolidate,
        "send-back": send_back,
        "decide-as-controller": decide_as_controller,
        "release": carry_out,
        "withdraw": withdraw,
        "recall": recall,
        "acknowledge": acknowledge,
        "retry": retry,
        "lapse": lapse,
        "verify": verify,
    }
    for name, command in commands.items():
        release.command(name)(command)
    app.add_typer(release, name="release")


# -- the author


def submit(
    project: Annotated[str, typer.Argument(help="The project.")],
    files: Annotated[list[Path], typer.Argument(help="Tables of counts as CSV, and other files beside them.")],
    context: Annotated[Path, typer.Option("--context", help="What is said of it: a YAML file.")],
    who: As,
    request: Annotated[str | None, typer.Option("--request", help="A returned request that goes on.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Seal files in the airlock and have them checked at once; they pass together or not at all.

    Example: `haven release submit falls-2026 admissions.csv --context context.yaml --as asha`
    Example: `haven release submit falls-2026 admissions.csv figure.png --context context.yaml --as asha`
    """
    from access.documents import load_document
    from environments.airlock.context import RequestContext

    said = load_document(context, RequestContext)
    haven = open_haven(home)
    offered = [(file.name, read_table_file(file)) for file in files]
    done = haven.airlock.submit_set(project, offered, said, by=haven.actor(who), request_id=request)
    _tell(done, as_json)
    if done.problems:
        raise typer.Exit(NOT_PASSED)


def withdraw(request: Number, who: As, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Take your own request back, while it is your turn.

    Example: `haven release withdraw 6f1c... --as asha`
    """
    haven = open_haven(home)
    _tell(haven.airlock.withdraw(request, by=haven.actor(who)), as_json)


# -- the checkers


def check(request: Number, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Run the check of a submitted request that a crash left unchecked.

    Example: `haven release check 6f1c...`
    """
    _tell(open_haven(home).airlock.check(request), as_json)


def list_requests(
    project: Annotated[str | None, typer.Option("--project", help="Only this project's.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="Only those in this state.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Every request with its state and whose turn it is.

    Example: `haven release list --state checking`
    """
    from environments.airlock.web import as_data

    found = [one for one in open_haven(home).airlock.list(project) if state in (None, one.state.value)]
    if as_json:
        print_json([as_data(one) for one in found])
        return
    for one in found:
        names = ", ".join(file.name for file in one.files)
        typer.echo(f"{one.id}  {one.project:<24} {one.state:<16} {names}  (next: {one.whose_turn})")
    if not found:
        typer.echo("No request.")


def decide(
    request: Number,
    who: As,
    approve: Annotated[bool, typer.Option("--approve/--refuse", help="The verdict.")],
    comment: Annotated[str, typer.Option("--comment", help="What must be mended; a refusal needs one.")] = "",
    file: Annotated[str | None, typer.Option("--file", help="Only this file; else all.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """One checker's verdict; nobody sees it until the other is in.

    Example: `haven release decide 6f1c... --approve --as cara`
    """
    haven = open_haven(home)
    _tell(haven.airlock.decide(request, approve, comment, by=haven.actor(who), file=file), as_json)


def consolidate(
    request: Number,
    outcome: Annotated[str, typer.Argument(help="approved, returned or rejected")],
    who: As,
    comment: Annotated[str, typer.Option("--comment", help="What was agreed.")] = "",
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """What the checkers agreed after their verdicts differed.

    Example: `haven release consolidate 6f1c... returned --comment "Make the age groups coarser." --as cara`
    """
    from environments.airlock.states import ReleaseState

    if outcome not in ("approved", "returned", "rejected"):
        raise typer.BadParameter("one of approved, returned, rejected", param_hint="OUTCOME")
    haven = open_haven(home)
    _tell(haven.airlock.consolidate(request, ReleaseState(outcome), comment, by=haven.actor(who)), as_json)


def send_back(
    request: Number,
    who: As,
    comment: Annotated[str, typer.Option("--comment", help="What is missing.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Return a request that cannot be judged as it is.

    Example: `haven release send-back 6f1c... --comment "Which year is it?" --as cara`
    """
    haven = open_haven(home)
    _tell(haven.airlock.send_back(request, comment, by=haven.actor(who)), as_json)


def decide_as_controller(
    request: Number,
    controller: Annotated[str, typer.Argument(help="The controller that kept a veto.")],
    who: As,
    approve: Annotated[bool, typer.Option("--approve/--refuse", help="The decision.")],
    comment: Annotated[str, typer.Option("--comment", help="Why; a refusal needs one.")] = "",
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """The decision of a controller that kept a veto, by its delegate.

    Example: `haven release decide-as-controller 6f1c... gp --approve --as gita`
    """
    haven = open_haven(home)
    done = haven.airlock.decide_as_controller(request, controller, approve, comment, by=haven.actor(who))
    _tell(done, as_json)


# -- out, and back


def carry_out(request: Number, who: As, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Ask everything again and write the files to the outbox, or say why not. Safe to repeat.

    Example: `haven release release 6f1c... --as cara`
    """
    haven = open_haven(home)
    done = haven.airlock.release(request, by=haven.actor(who))
    if as_json:
        print_json({"request": done.request, "folder": done.folder, "manifest": done.manifest,
                    "register": done.register_entry})  # fmt: skip
        return
    typer.echo(f"Released into {done.folder}, with its signed manifest and its entry in the public register.")


def recall(
    request: Number,
    who: As,
    reason: Annotated[str, typer.Option("--reason", help="Why it is taken back.")],
    incident: Annotated[str, typer.Option("--incident", help="The incident's number.")],
    told: Annotated[list[str] | None, typer.Option("--told", help="A recipient who is told; may be repeated.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take a release back: its files leave the outbox, and their content can never be released again.

    Example: `haven release recall 6f1c... --reason "A count was not hidden." --incident INC-7 --as cara`
    """
    haven = open_haven(home)
    _tell(haven.airlock.recall(request, reason, incident, recipients=told or (), by=haven.actor(who)), as_json)


def acknowledge(
    request: Number,
    recipient: Annotated[str, typer.Argument(help="The recipient who acknowledged the recall.")],
    who: As,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Record that a recipient has acknowledged a recall: they do it, or somebody of the organisation.

    Example: `haven release acknowledge 6f1c... "City Council" --as dara`
    """
    haven = open_haven(home)
    _tell(haven.airlock.acknowledge_recall(request, recipient, by=haven.actor(who)), as_json)


def retry(request: Number, who: As, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Put a failed request through again; its verdicts are asked anew.

    Example: `haven release retry 6f1c... --as cara`
    """
    haven = open_haven(home)
    _tell(haven.airlock.retry(request, by=haven.actor(who)), as_json)


def lapse(
    days: Annotated[int, typer.Option("--days", min=1, help="Idle for so long.")] = 30,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Let every request lapse on which nothing has moved.

    Example: `haven release lapse --days 30`
    """
    from datetime import timedelta

    lapsed = open_haven(home).airlock.lapse_idle(idle=timedelta(days=days))
    if as_json:
        print_json(lapsed)
        return
    typer.echo("\n".join(f"Lapsed: {one}" for one in lapsed) or "No request was idle for so long.")


def verify(
    folder: Annotated[Path, typer.Argument(help="A release as received.")],
    key: Annotated[str | None, typer.Option("--key", help="The haven's public key, base64; else this haven's.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Check a received release against its signed manifest. With --key no haven is needed.

    Example: `haven release verify outbox/6f1c... --key A6EHv...`
    """
    import base64

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from environments.airlock.files.manifest import verify_release

    if key is None:
        public = open_haven(home).keyring.signing_key("release").public_key()
    else:
        try:
            public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        except ValueError:
            raise typer.BadParameter("an Ed25519 public key in base64", param_hint="--key") from None
    content = verify_release(folder, public)
    if as_json:
        print_json(content)
        return
    typer.echo(f"Whole and signed: {len(content['files'])} files of request {content['request']}.")


# -- parts


def _tell(request: ReleaseRequest, as_json: bool) -> None:
    from environments.airlock.web import as_data

    if as_json:
        print_json(as_data(request))
        return
    typer.echo(request_said(request))
