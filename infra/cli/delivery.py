"""`haven delivery ...`: packed at the controller's side, received at the haven's."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.common import DEFAULT_HOME, As, AsJson, Home, open_haven, print_json

if TYPE_CHECKING:
    from linkage.intake.manifest import Period
    from linkage.intake.service import ReceiptSummary


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    delivery = typer.Typer(no_args_is_help=True, help="Deliveries: packed by a controller, received by the haven.")
    delivery.command("keypair")(keypair)
    delivery.command("pack")(pack)
    delivery.command("receive")(receive)
    delivery.command("recipient")(recipient)
    delivery.command("list")(list_deliveries)
    delivery.command("show")(show)
    app.add_typer(delivery, name="delivery")


def keypair(file: Annotated[Path, typer.Argument(help="The new file of the signing key; keep it secret.")]) -> None:
    """Make the key with which a controller signs its deliveries; prints the public key for the haven.

    Example: `haven delivery keypair signing.key`
    """
    from linkage.intake.signing import new_signing_key

    typer.echo(new_signing_key(file))
    typer.echo(f"The key is in {file}. Send the line above to the haven; the file stays with you.", err=True)


def pack(
    folder: Annotated[Path, typer.Argument(help="The folder of the data files.")],
    contract: Annotated[str, typer.Option("--contract", help="The dataset, or the contract's YAML file.")],
    period: Annotated[str | None, typer.Option("--period", help="The days it is about: 2026-04-01/2026-09-30.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="The delivery's name; else dataset and period.")] = None,
    supersedes: Annotated[
        str | None, typer.Option("--supersedes", help="The name of the delivery that this one corrects.")
    ] = None,
    sign: Annotated[Path | None, typer.Option("--sign", help="The file of the signing key (keypair).")] = None,
    as_json: AsJson = False,
) -> None:
    """Write manifest.json beside the files: names, SHA-256, rows. Nothing leaves this machine.

    Example: `haven delivery pack outgoing --contract gp --period 2026-04-01/2026-09-30`
    """
    from linkage.contracts.registry import find_contract
    from linkage.intake.pack import pack as pack_delivery

    manifest = pack_delivery(
        folder, find_contract(contract), name=name, period=_period(period), supersedes=supersedes, sign=sign
    )
    if as_json:
        print_json(manifest.model_dump(mode="json", by_alias=True))
        return
    typer.echo(f"Packed {manifest.name}: {len(manifest.files)} files for contract {contract}.")
    typer.echo(f"Send the whole folder {folder}, as it is or as one archive.")


def receive(
    path: Annotated[
        Path, typer.Argument(help="The delivery: a folder, .zip, .tar or .tar.gz, or what an agent sealed (.age).")
    ],
    home: Home = DEFAULT_HOME,
    who: As = "data-engineer",
    as_json: AsJson = False,
) -> None:
    """Check a delivery, split identifiers from payload, and take it in whole or refuse it whole.

    Example: `haven delivery receive outgoing`
    """
    from audit.model import person
    from linkage.errors import DeliveryRefused

    try:
        summary = _received(path, home, person(who), as_json)
    except DeliveryRefused as refusal:
        if not as_json:
            typer.echo(f"Refused, reason {refusal.reason} (docs/reference/delivery-reasons.md).", err=True)
        if refusal.reports and not as_json:
            typer.echo(f"Delivery report for the controller: {refusal.reports[0]}", err=True)
        raise
    if as_json:
        print_json(_as_data(summary))
        return
    typer.echo(summary.headline)
    for table, rows in summary.rows.items():
        typer.echo(f"  {table:<24} {rows:>12,} rows")
    for reason, rows in summary.quarantined.items():
        typer.echo(f"  in quarantine: {rows:,} rows, {reason}")
    for report in summary.reports[:1]:
        typer.echo(f"Delivery report for the controller: {report}")


def recipient(home: Home = DEFAULT_HOME) -> None:
    """The age public key that a controller's agent seals its deliveries for (mode B). Not secret.

    Example: `haven delivery recipient`
    """
    typer.echo(open_haven(home).delivery_recipient)


def list_deliveries(
    dataset: Annotated[str | None, typer.Option("--dataset", help="Only this dataset's.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Every delivery that was presented, and what became of it.

    Example: `haven delivery list`
    """
    from linkage.store import all_deliveries, as_data

    with open_haven(home).records.read() as session:
        found = [as_data(delivery) for delivery in all_deliveries(session, dataset)]
    if as_json:
        print_json(found)
        return
    for each in found:
        reason = f" ({each['reason']})" if each["reason"] else ""
        typer.echo(f"{each['name']:<36} {each['dataset']:<14} {each['at'][:16]}  {each['state']}{reason}")
    if not found:
        typer.echo("No delivery was presented yet.")


def show(
    name: Annotated[str, typer.Argument(help="The delivery's name or id.")],
    rows: Annotated[bool, typer.Option("--rows", help="Also the numbers of the rows in quarantine.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """One delivery: rows by table, quarantine by reason with how to mend each, and its report.

    Example: `haven delivery show gp-2026-04-01-2026-09-30 --rows`
    """
    from linkage.intake.reasons import REASONS
    from linkage.intake.service import quarantined_rows

    haven = open_haven(home)
    data = _delivery_data(haven, name)
    if rows:
        data["quarantined_rows"] = quarantined_rows(haven.zone_runner, haven.records, data["id"])
    if as_json:
        print_json(data)
        return
    typer.echo(f"{data['name']} ({data['dataset']}): {data['state']} {data['at'][:16]} by {data['by']}")
    if data["round"]:
        typer.echo(f"  tokens under the key of round {data['round']}, check value {data['round_check']}")
    for table, count in data["rows"].items():
        typer.echo(f"  {table:<24} {count:>12,} rows")
    for reason, count in data["quarantined"].items():
        typer.echo(f"  in quarantine: {count:,} rows, {reason}: {REASONS[reason].what} {REASONS[reason].mend}")
    for row in data.get("quarantined_rows", ()):
        typer.echo(f"  {row['file']} row {row['row']}: {', '.join(row['reasons'])}")
    for report in data["reports"]:
        typer.echo(f"Report: {report}")


def _delivery_data(haven: Any, name: str) -> dict[str, Any]:
    from linkage.errors import UnknownDelivery
    from linkage.store import as_data, delivery_named

    with haven.records.read() as session:
        delivery = delivery_named(session, name) or delivery_named(session, name, state=None)
        if delivery is None:
            raise UnknownDelivery(
                "No delivery is known under this name or id.",
                mend="`haven delivery list` shows all that were presented.",
            )
        data = as_data(delivery)
    folder = haven.delivery_intake.reports_folder / data["id"]
    return {**data, "reports": [str(path) for path in sorted(folder.glob("delivery-report.*"))]}


def _received(path: Path, home: Path, by: Any, quiet: bool) -> ReceiptSummary:
    """Receive with a progress bar, unless a program reads the output."""
    intake = open_haven(home).delivery_intake
    if quiet:
        return intake.receive(path, by=by)
    from rich.progress import Progress as Bars

    with Bars(transient=True) as bars:
        task = bars.add_task("", total=None)
        return intake.receive(
            path,
            by=by,
            progress=lambda step, done, total: bars.update(task, description=step, completed=done, total=total),
        )


def _as_data(summary: ReceiptSummary) -> dict[str, Any]:
    return {
        "delivery": summary.delivery,
        "name": summary.name,
        "dataset": summary.dataset,
        "state": summary.state,
        "supersedes": summary.supersedes,
        "rows": summary.rows,
        "quarantined": summary.quarantined,
        "reports": [str(path) for path in summary.reports],
    }


def _period(text: str | None) -> Period | None:
    from linkage.errors import DeliveryRefused
    from linkage.intake.manifest import Period

    if text is None:
        return None
    try:
        first, last = (date.fromisoformat(part) for part in text.split("/"))
        return Period.model_validate({"from": first, "to": last})
    except ValueError:
        raise DeliveryRefused(
            "delivery.period", "The period is not two dates in order.", mend="Write it as 2026-04-01/2026-09-30."
        ) from None
