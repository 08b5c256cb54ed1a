"""`haven-controller`: the commands. Results go to standard output, progress and errors to standard error."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from haven_controller.errors import AgentError, NotAgreed
from haven_controller.rules.audit.errors import HavenError

EXAMPLE = """
from the first line to the last:

  haven-controller key-new controller.key                  send the printed recipient to the haven
  haven-controller pin haven-round-signer-1:... --fingerprint "1a2b ..." --identity controller.key
                                                           the haven's signing key, compared by telephone, once
  haven-controller check outgoing --contract gp.yaml       are the files what the contract says?
  haven-controller show  outgoing --contract gp.yaml       what would leave: columns and counts, no values
  haven-controller pack  outgoing --contract gp.yaml --round gp.round --identity controller.key \\
                         --to age1... --name gp-2026 --out gp-2026.age

NHS numbers, names, birthdays and postcodes do not leave this machine, and your own numbers of records do not either.
What leaves are keyed tokens of combinations, and the payload that the contract names. Your haven sends the round's
file and its recipient.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0, or the exit status of what went wrong."""
    told = _parser().parse_args(arguments)
    try:
        result: int = told.run(told)
    except HavenError as error:
        print(f"haven-controller: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("\nhaven-controller: stopped; nothing was sent and nothing is left.", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"haven-controller: {error.strerror or 'the system refused'}.", file=sys.stderr)
        return 74
    except Exception as error:  # noqa: BLE001 - what a library says of its error may quote a row
        print(
            f"haven-controller: a fault of the agent's own ({type(error).__name__}); please report it.", file=sys.stderr
        )
        return 70
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="haven-controller",
        description="Check, tokenise and seal a delivery at the controller's side: no identifier leaves.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    key_new = _command(commands, "key-new", _key_new, "Make your age identity; prints the recipient for the haven.",
                       "haven-controller key-new controller.key")  # fmt: skip
    key_new.add_argument("file", type=Path, help="the new file of the identity; keep it secret")
    keypair = _command(commands, "keypair", _keypair, "Make your signing key; prints the public key for the haven.",
                       "haven-controller keypair signing.key")  # fmt: skip
    keypair.add_argument("file", type=Path, help="the new file of the signing key; keep it secret")
    _pin_command(commands)
    for name, run, what in (
        ("check", _check, "Are the files what the contract says? Nothing is written but the list of bad rows."),
        ("show", _show, "What would leave: columns and counts, never a value."),
        ("pack", _pack, "Check, tokenise and seal; above the contract's tolerance nothing is packed."),
    ):
        example = f"haven-controller {name} outgoing --contract gp.yaml"
        more = " --round gp.round --identity controller.key --to age1... --name gp-2026 --out gp-2026.age"
        command = _command(commands, name, run, what, example + (more if name == "pack" else ""))
        command.add_argument("folder", type=Path, help="the folder of the data files")
        command.add_argument("--contract", type=Path, required=True, help="the contract's YAML file")
        command.add_argument("--quarantine", type=Path, help="the new list of bad rows: file, row number, reasons")
        command.add_argument("--json", action="store_true", help="the result for a program")
        if name == "show":
            command.add_argument("--bloom", action="store_true", help="as it would leave with hardened Bloom filters")
        if name == "pack":
            _pack_options(command)
    return parser


def _pin_command(commands: Any) -> None:
    pin = _command(commands, "pin", _pin, "Keep the haven's key that signs rounds' files; files of others are refused.",
                   'haven-controller pin haven-round-signer-1:... --fingerprint "1a2b ..." --identity controller.key'
                   )  # fmt: skip
    pin.add_argument("line", metavar="LINE", help="as the haven prints it (haven keys round-signer)")
    pin.add_argument("--fingerprint", required=True, metavar="LETTERS", help="as you were told it by telephone")
    pin.add_argument("--identity", type=Path, required=True, help="the file of your identity (key-new)")


def _pack_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--round", type=Path, required=True, help="the round's file, as the haven sent it")
    command.add_argument("--identity", type=Path, required=True, help="the file of your identity (key-new)")
    command.add_argument("--to", required=True, metavar="AGE1...", help="the haven's recipient for deliveries")
    command.add_argument("--out", type=Path, required=True, help="the sealed delivery; may not exist yet")
    command.add_argument("--name", help="the delivery's name; else the dataset and today's date")
    command.add_argument("--period", help="the days it is about: 2026-04-01/2026-09-30")
    command.add_argument("--bloom", action="store_true", help="send hardened Bloom filters too; only with --agreed")
    command.add_argument("--agreed", metavar="REFERENCE", help="the written agreement to send Bloom filters")
    command.add_argument("--sign", type=Path, help="the file of your signing key (keypair)")
    command.add_argument("--supersedes", help="the name of the delivery that this one corrects")
    command.add_argument(
        "--invented", action="store_true", help="the people are invented: NHS numbers of the test range stand for them"
    )


def _command(commands: Any, name: str, run: Any, what: str, example: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=what, description=what, epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    command.set_defaults(run=run)
    return command


def _key_new(told: argparse.Namespace) -> int:
    from haven_controller.rounds import new_identity

    print(new_identity(told.file))
    print(
        f"The identity is in {told.file}. Send the line above to the haven; the file stays with you.", file=sys.stderr
    )
    return 0


def _keypair(told: argparse.Namespace) -> int:
    from haven_controller.rules.linkage.intake.signing import new_signing_key

    print(new_signing_key(told.file))
    print(f"The key is in {told.file}. Send the line above to the haven; the file stays with you.", file=sys.stderr)
    return 0


def _pin(told: argparse.Namespace) -> int:
    from haven_controller.known_haven import pin

    letters = pin(told.identity, told.line, told.fingerprint)
    print(f"Pinned for {told.identity}: {letters}. Rounds' files that another key signed are refused.")
    return 0


def _check(told: argparse.Namespace) -> int:
    with _opened(told) as delivery:
        _say(_checked_data(delivery), told.json)
        delivery.require_tolerable()
    return 0


def _show(told: argparse.Namespace) -> int:
    from haven_controller.rules.linkage.sealed.composites import COMPOSITES, NUMBER
    from haven_controller.rules.linkage.sealed.filters import FIELDS, FILTER

    with _opened(told) as delivery:
        rows = delivery.staging.rows()
        leaves: dict[str, Any] = {}
        for file in delivery.contract.files:
            if not file.joins:
                tokens = [f"{NUMBER}: NHS number (tells that two differ)"]
                tokens += [f"{key.name}: {key.label}" for key in COMPOSITES]
                if told.bloom:
                    tokens.append(f"{FILTER}: a hardened Bloom filter of {', '.join(FIELDS)}; only under an agreement")
                leaves[f"tokens of {file.table}"] = {"rows": rows[file.table], "columns": ["row_key", *tokens]}
            columns = ["row_key", *(f"{name}: {kind}" for name, kind in file.payload.items())]
            leaves[f"payload of {file.table}"] = {"rows": rows[file.table], "columns": columns}
        _say(leaves, told.json)
    return 0


def _pack(told: argparse.Namespace) -> int:
    from haven_controller.packing import Told, pack
    from haven_controller.rounds import open_round, recipient_of

    opened_round = open_round(told.round, told.identity, datetime.now(UTC))
    key = opened_round.key
    recipient, period = recipient_of(told.to), _period(told.period)
    _require_new(told.out)
    agreed = _agreed(told)
    with _opened(told) as delivery:
        opened_round.require_dataset(delivery.contract.dataset)
        delivery.require_tolerable()
        name = told.name or f"{delivery.contract.dataset}-{datetime.now(UTC):%Y-%m-%d}"
        said = Told(name, period, told.supersedes, told.invented, agreed, told.sign)
        manifest = pack(delivery, key, recipient, said, told.out, _progress)
    if told.json:
        _say(manifest.model_dump(mode="json", by_alias=True), True)
        return 0
    print(f"Packed {manifest.name} for round {manifest.round} (check value {manifest.round_check}): {told.out}")
    for file in manifest.files:
        print(f"  {file.name:<40} {file.rows:>12,} rows")
    for code, rows in manifest.set_aside.items():
        print(f"  stays here: {rows:,} rows, {code}")
    print("Send this one file. Only the haven can open it.")
    return 0


def _agreed(told: argparse.Namespace) -> str | None:
    """The agreement under which Bloom filters leave; the warning is told each time. Raises NotAgreed."""
    if not told.bloom:
        return None
    from haven_controller.rules.linkage.sealed.filters import WARNING

    print(f"haven-controller: WARNING. {WARNING}", file=sys.stderr)
    if not told.agreed:
        raise NotAgreed(
            "Bloom filters leave under an agreement only.", where="--bloom", mend="Name it: --agreed REFERENCE"
        )
    reference: str = told.agreed
    return reference


def _require_new(out: Path, option: str = "--out") -> None:
    """What is there is never written over. Raises AgentError."""
    if out.exists() or out.is_symlink():
        raise AgentError("The file is there already.", where=str(out), mend=f"Name another one with {option}.")
    if not out.parent.is_dir():
        raise AgentError("There is no such folder.", where=str(out.parent), mend=f"Make it, or name another {option}.")


def _opened(told: argparse.Namespace) -> Any:
    """The folder, read and checked; the list of bad rows is written in any case."""
    from contextlib import contextmanager

    from haven_controller.checking import checked
    from haven_controller.rules.linkage.contracts.contract import load_contract

    if told.quarantine:
        _require_new(told.quarantine, "--quarantine")
    contract = load_contract(told.contract)
    work = told.out.parent if "out" in told else Path.cwd()

    @contextmanager
    def opened() -> Any:
        with checked(told.folder, contract, _progress, work) as delivery:
            if told.quarantine:
                delivery.write_quarantine(told.quarantine)
            yield delivery

    return opened()


def _checked_data(delivery: Any) -> dict[str, Any]:
    aside = {f"{file}: {code}": rows for (file, code), rows in sorted(delivery.reasons().items())}
    return {"rows read": dict(delivery.rows), "rows that can be packed": delivery.staging.rows(), "stays here": aside}


def _say(data: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(data, indent=2, ensure_ascii=False))
        return
    for title, content in data.items():
        rows = f" ({content['rows']:,} rows)" if "rows" in content else ""
        print(f"{title}{rows}")
        if "columns" in content:
            print("\n".join(f"  {column}" for column in content["columns"]))
        else:
            print("\n".join(f"  {name:<48} {count:>12,}" for name, count in content.items()) or "  nothing")


def _progress(step: str, done: int, total: int | None) -> None:
    """One line that is written over, where a person looks on."""
    if sys.stderr.isatty():
        of = f" of {total:,}" if total else ""
        print(f"\r\033[K{step}: {done:,}{of}", end="" if done != total else "\r\033[K", file=sys.stderr, flush=True)


def _period(text: str | None) -> Any:
    from haven_controller.rules.linkage.intake.manifest import Period

    if text is None:
        return None
    try:
        first, last = (date.fromisoformat(part) for part in text.split("/"))
        return Period.model_validate({"from": first, "to": last})
    except ValueError:
        raise AgentError(
            "The period is not two dates in order.", where="--period", mend="Write it as 2026-04-01/2026-09-30."
        ) from None


if __name__ == "__main__":
    sys.exit(main())
