"""`haven contract ...`: what a controller has agreed to send."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.common import DEFAULT_HOME, As, AsJson, Home, open_haven, print_json

if TYPE_CHECKING:
    from linkage.contracts.contract import DatasetContract
    from linkage.contracts.registry import Contracts


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    contract = typer.Typer(no_args_is_help=True, help="What each controller has agreed to send, column by column.")
    contract.command("list")(list_contracts)
    contract.command("show")(show)
    contract.command("check")(check)
    contract.command("new")(new)
    contract.command("install")(install)
    app.add_typer(contract, name="contract")


def list_contracts(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The contracts in force, and those that come with the haven.

    Example: `haven contract list`
    """
    from linkage.contracts.registry import KnownContract, shipped

    contracts = _contracts_of(home)
    known = contracts.all() if contracts else [KnownContract(c, False) for _, c in shipped()]
    if as_json:
        print_json([{**_summary(k.contract), "in_force": k.installed} for k in known])
        return
    for each in known:
        state = "in force" if each.installed else "shipped, in force from its first delivery"
        contract = each.contract
        typer.echo(f"{contract.dataset:<14} {contract.version:<5} {contract.controller:<10} {contract.title} ({state})")


def show(
    name: Annotated[str, typer.Argument(help="A dataset, or a contract's file.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """A contract in words: its files, and each column with what becomes of it.

    Example: `haven contract show hospital`
    """
    from linkage.contracts.registry import find_contract

    contract = find_contract(name, _contracts_of(home))
    if as_json:
        print_json(contract.model_dump(mode="json"))
        return
    typer.echo(f"{contract.title} (contract {contract.dataset} {contract.version}, controller {contract.controller})")
    typer.echo(f"Notice: {contract.fair_processing_notice}")
    for file in contract.files:
        typer.echo(f"\n{file.pattern} -> {file.table}: {file.encoding}, dates {file.date_form}")
        for column in file.columns:
            typer.echo(f"  {column.header:<24} {column.type:<8} {_becomes(column):<34} {column.meaning}")


def check(
    file: Annotated[Path, typer.Argument(help="The contract's YAML file.")],
    as_json: AsJson = False,
) -> None:
    """Can this contract be put into force? Every problem is named with its line.

    Example: `haven contract check gp.yaml`
    """
    from linkage.contracts.contract import load_contract

    contract = load_contract(file)
    contract.refuse_free_text()
    if as_json:
        print_json({**_summary(contract), "valid": True})
        return
    typer.echo(f"Contract {contract.dataset} {contract.version} is valid. Install it: haven contract install {file}")


def new(
    files: Annotated[list[Path], typer.Argument(help="Sample files: CSV (also .gz) or Parquet.")],
    dataset: Annotated[str, typer.Option("--dataset", help="The dataset's id.")] = "new_dataset",
    controller: Annotated[str, typer.Option("--controller", help="The controller's id.")] = "controller",
    out: Annotated[Path | None, typer.Option("--out", help="Write here; else to the screen.")] = None,
) -> None:
    """Propose a contract from samples. Each guess is marked, and it cannot be used while a mark remains.

    Example: `haven contract new patients.csv events.csv.gz --dataset gp --controller gp --out gp.yaml`
    """
    from linkage.contracts.proposal import propose_contract

    text = propose_contract(files, dataset=dataset, controller=controller)
    if out is None:
        typer.echo(text, nl=False)
        return
    if out.exists():
        from linkage.errors import ContractError

        raise ContractError("There is a file of this name.", where=str(out), mend="Name another with --out.")
    out.write_text(text, encoding="utf-8")
    typer.echo(f"Wrote {out}. Confirm each marked line, then: haven contract check {out}")


def install(
    file: Annotated[Path, typer.Argument(help="The contract's YAML file.")],
    home: Home = DEFAULT_HOME,
    who: As = "data-engineer",
    as_json: AsJson = False,
) -> None:
    """Put a contract into force, as a data engineer: its dataset can be delivered, and projects ask for its columns.

    Example: `haven contract install gp.yaml --as daria`
    """
    from linkage.contracts.contract import load_contract

    dataset = load_contract(file).dataset
    haven = open_haven(home)
    by = haven.acting(who)
    haven.access.require_installer(dataset, by=by)
    contract = haven.contracts.install(file.read_text(encoding="utf-8-sig"), file.name, by=by)
    if as_json:
        print_json({**_summary(contract), "in_force": True})
        return
    typer.echo(f"Contract {contract.dataset} {contract.version} is in force.")


def _contracts_of(home: Path) -> Contracts | None:
    """The haven's contracts; none when there is no haven here yet, for asking makes none."""
    return open_haven(home).contracts if (home / "records").is_dir() else None


def _summary(contract: DatasetContract) -> dict[str, Any]:
    return {
        "dataset": contract.dataset,
        "version": contract.version,
        "controller": contract.controller,
        "title": contract.title,
        "files": [{"pattern": file.pattern, "table": file.table} for file in contract.files],
    }


def _becomes(column: Any) -> str:
    """Where a column goes, in words."""
    if column.identifies:
        kept = f", keeps {column.keep_as.name}" if column.keep_as else ""
        return f"identifier{kept}"
    return {"row_key": "record key (linkage only)", "join_key": "joins files", "not_kept": "checked, not kept"}.get(
        column.role, "payload" if column.role != "free_text" else "refused"
    )
