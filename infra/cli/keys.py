"""`haven keys`: what keys there are (check values only), rotation, rounds and their end, and the two-person unwrap."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.common import DEFAULT_HOME, As, AsJson, Home, open_haven, print_json, runs_accounts

if TYPE_CHECKING:
    from access.keys.model import UnwrapRequest

Project = Annotated[str, typer.Argument(help="The project's id.")]
Round = Annotated[str, typer.Argument(help="The round's name.")]
Request = Annotated[str, typer.Argument(help="The request's id.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; names nobody.")]
Recipient = Annotated[str, typer.Option("--recipient", help="An age public key (age1...): only its holder reads it.")]
Out = Annotated[Path, typer.Option("--out", help="Where the sealed file is written; it may not exist yet.")]


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    topic = typer.Typer(
        no_args_is_help=True, help="Look at check values, rotate, destroy a round, unwrap by two people."
    )
    topic.command("list")(list_keys)
    topic.command("show")(show)
    topic.command("rotate")(rotate)
    topic.command("new-round")(new_round)
    topic.command("use-round")(use_round)
    topic.command("destroy-round")(destroy_round)
    topic.command("certificate")(certificate)
    topic.command("ended-rounds")(ended_rounds)
    topic.command("round-signer")(round_signer)
    unwrap = typer.Typer(no_args_is_help=True, help="A project's key: asked for by one person, approved by another.")
    unwrap.command("request")(request_unwrap)
    unwrap.command("approve")(approve_unwrap)
    unwrap.command("hand-out")(hand_out)
    unwrap.command("list")(list_unwraps)
    topic.add_typer(unwrap, name="unwrap")
    app.add_typer(topic, name="keys")


def list_keys(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Every key by id, version and check value; never a key.

    Example: `haven keys list`
    """
    haven = open_haven(home)
    entries = haven.custody.entries()
    if as_json:
        print_json({"root": haven.keyring.root_name, "keys": [asdict(entry) for entry in entries]})
        return
    typer.echo(f"Root key: {haven.keyring.root_name}")
    for entry in entries:
        typer.echo(f"{entry.key_id:<40} v{entry.version:<3} {entry.check_value}  {entry.state}")


def show(
    key_id: Annotated[str, typer.Argument(help="As `haven keys list` names it: project/NAME, token/NAME.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """One key: its versions, check values and states.

    Example: `haven keys show role/linkage`
    """
    from access.keys import KeyRingError

    entries = [entry for entry in open_haven(home).custody.entries() if entry.key_id == key_id]
    if not entries:
        raise KeyRingError("There is no key of this id.", where=key_id, mend="`haven keys list` shows them.")
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    for entry in entries:
        typer.echo(f"{entry.key_id} version {entry.version}: check value {entry.check_value}, {entry.state}")


def rotate(
    what: Annotated[str, typer.Argument(help="root, or project/NAME.")],
    person: As,
    reason: Reason = "rotation",
    home: Home = DEFAULT_HOME,
) -> None:
    """Give the root key or a project's key a new version. `root` also moves it to where haven.toml names.

    Example: `haven keys rotate root --as daria`
    """
    from access.keys import KeyRingError

    haven = open_haven(home)
    kind, _, name = what.partition("/")
    if what == "root":
        place = haven.rotate_root(by=haven.actor(person))
        typer.echo(f"The root key has a new version in {place}; no other key changed.")
    elif kind == "project" and name:
        entry = haven.custody.rotate_project_key(name, reason, by=haven.actor(person))
        typer.echo(f"{entry.key_id} version {entry.version}: check value {entry.check_value}.")
        typer.echo(f"Its pseudonyms change with the next publication: haven scope publish {name}")
    else:
        raise KeyRingError(
            "Only the root key and projects' keys are rotated.",
            where=what,
            mend="Write root, or project/NAME. docs/keys.md says how the other keys end.",
        )


def new_round(
    name: Round,
    person: As,
    purpose: Annotated[str, typer.Option("--purpose", help="For what the round is; names nobody.")],
    dataset: Annotated[
        list[str], typer.Option("--dataset", help="Of which dataset its tokens are; again for another.")
    ],
    home: Home = DEFAULT_HOME,
) -> None:
    """Make the key of a new round: random, used once, then destroyed.

    Example: `haven keys new-round deaths-2026 --dataset deaths --purpose "deaths in mode B" --as daria`
    """
    haven = open_haven(home)
    made = haven.custody.create_round(name, purpose, dataset, by=haven.actor(person))
    typer.echo(f"Made: token/{made.name}, check value {made.check_value}.")


def use_round(
    name: Round,
    person: As,
    recipient: Recipient,
    out: Out,
    days: Annotated[int, typer.Option("--days", help="For how many days its file may be used.")] = 30,
    home: Home = DEFAULT_HOME,
) -> None:
    """Take the round's key, once: a file, sealed for an age recipient and signed, that the controller's agent opens.

    Example: `haven keys use-round deaths-2026 --as daria --recipient age1... --out deaths.round`
    """
    haven = open_haven(home)
    actor = haven.actor(person)
    _write_sealed(out, lambda: haven.custody.use_round(name, recipient, by=actor, days=days))
    typer.echo(f"Written, sealed and signed: {out}. Its controller's agent opens it.")


def round_signer(
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
    only_fingerprint: Annotated[bool, typer.Option("--fingerprint", help="Print the fingerprint alone.")] = False,
) -> None:
    """The public key that checks rounds' files, for controllers to pin; its fingerprint, to compare by telephone.

    Where accounts are installed root runs this too, and is told what the linkage zone's account itself wrote down: the
    administrator's account alone could tell a controller of another key.

    Example: `haven keys round-signer > signer.txt`
    """
    from access.keys.round_file import SIGNER
    from access.keys.signatures import fingerprint, public_of_line

    if runs_accounts(home):
        from infra.accounts.signer import written_signer
        from infra.settings import load_settings

        line = written_signer(load_settings(home))
    else:
        line = open_haven(home).custody.round_signer()
    letters = fingerprint(public_of_line(line, SIGNER))
    if as_json:
        print_json({"signer": line, "fingerprint": letters})
        return
    typer.echo(letters if only_fingerprint else line)
    if not only_fingerprint:
        typer.echo(f"Fingerprint, to be told by telephone: {letters}", err=True)


def ended_rounds(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The rounds whose keys were erased: of which datasets, when made, used and erased, by whom; never a key.

    `destroyed` has a certificate; `forgotten` has none: its key went because it could not be recorded, or because
    somebody asked the linkage zone for it past the records.

    Example: `haven keys ended-rounds`
    """
    found = open_haven(home).custody.ended_rounds()
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for one in found:
        typer.echo(
            f"{one.name}: {one.end} {one.ended_at or 'before this was noted'} by {one.ended_by or 'nobody named'}"
        )
        typer.echo(
            f"  datasets {' '.join(one.datasets) or 'not named'}, check value {one.check_value or 'not noted'},"
            f" made {one.made_at or 'not noted'}, used {one.used_at or 'never, as far as was noted'}"
        )
    if not found:
        typer.echo("No round's key was erased.")


def destroy_round(name: Round, person: As, home: Home = DEFAULT_HOME) -> None:
    """Destroy the round's key for good, and certify it.

    Example: `haven keys destroy-round census-2026 --as daria`
    """
    haven = open_haven(home)
    haven.custody.destroy_round(name, by=haven.actor(person))
    typer.echo(f"Destroyed. The certificate: haven keys certificate {name}")


def certificate(
    name: Round,
    home: Home = DEFAULT_HOME,
    check: Annotated[
        Path | None, typer.Option("--check", help="Is this file the certificate, unchanged and signed by this haven?")
    ] = None,
) -> None:
    """The signed certificate of a round's destruction.

    Example: `haven keys certificate census-2026`
    """
    from access.keys.certificate import read_certificate, require_genuine

    haven = open_haven(home)
    kept = haven.custody.certificate(name)
    if check is None:
        print_json(kept)
        return
    given = read_certificate(check)
    require_genuine(given, haven.keyring.signing_key("certificate").public_key())
    typer.echo("Genuine." if given == kept else "Genuine, and of another round.")
    raise typer.Exit(0 if given == kept else 65)


def request_unwrap(
    project: Project,
    person: As,
    recipient: Recipient,
    reason: Reason,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Ask for a project's key, sealed for a recipient. A delegate of a controller concerned decides, within 48 hours.

    Example: `haven keys unwrap request diabetes-admissions --as daria --recipient age1... --reason "a finding"`
    """
    haven = open_haven(home)
    _say(haven.custody.request_unwrap(project, recipient, reason, by=haven.actor(person)), as_json)


def approve_unwrap(request: Request, person: As, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Approve a request of another person. The key can then be handed out once, within 24 hours.

    Example: `haven keys unwrap approve 0c6f... --as gwen`
    """
    haven = open_haven(home)
    _say(haven.custody.approve_unwrap(request, by=haven.actor(person)), as_json)


def hand_out(request: Request, person: As, out: Out, home: Home = DEFAULT_HOME) -> None:
    """Write the project's key, sealed for the recipient of the approved request; once.

    Example: `haven keys unwrap hand-out 0c6f... --as daria --out key.age`
    """
    haven = open_haven(home)
    actor = haven.actor(person)
    _write_sealed(out, lambda: haven.custody.hand_out(request, by=actor))
    typer.echo(f"Written, sealed: {out}. Its recipient opens it with age.")


def list_unwraps(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Every request for a project's key and how it stands.

    Example: `haven keys unwrap list`
    """
    found = open_haven(home).custody.unwraps()
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for one in found:
        _say(one, False)
    if not found:
        typer.echo("Nobody has asked for a project's key.")


# -- parts


def _say(request: UnwrapRequest, as_json: bool) -> None:
    if as_json:
        print_json(asdict(request))
        return
    typer.echo(
        f"{request.id}  {request.project} v{request.version}: {request.state}, asked by {request.requested_by}, "
        f"until {request.ends:%Y-%m-%d %H:%M}"
    )


def _write_sealed(out: Path, make: Callable[[], bytes]) -> None:
    """The file first, so that a key that counts as handed out is not lost for want of a place to write."""
    from access.keys import KeyRingError

    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise KeyRingError(
            f"The sealed file cannot be made ({error.strerror}).", where=str(out), mend="Name a file that is not there."
        ) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(make())
    except BaseException:
        out.unlink()
        raise
