"""Which contracts are in force? Those installed in this haven, and those shipped with it, installed on first use.

Installing registers the dataset in the catalogue of access, so that projects can ask for its columns. A version that
is in force is never changed: other content needs another version. Whatever was installed once keeps its table names,
its controller and the kinds of its columns: approvals rest on them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from access.decisions import Refused
from access.organisations.policies import may_be_catalogued
from audit.events import EventName
from audit.model import Actor
from audit.records import Records
from linkage.contracts.catalogue import entry_of
from linkage.contracts.contract import DatasetContract, read_contract
from linkage.errors import ContractError
from linkage.store import InstalledContract, received_deliveries

SHIPPED = Path(__file__).parent
Catalogue = Callable[[DatasetContract, Actor], None]
"""Registers an installed contract's dataset where projects look it up; must bear being called twice."""


@dataclass(frozen=True)
class KnownContract:
    """A contract, and whether it is in force here or only shipped."""

    contract: DatasetContract
    installed: bool


class Contracts:
    """The contracts of one haven."""

    def __init__(self, records: Records, catalogue: Catalogue | None = None) -> None:
        self._records = records
        self._catalogue = catalogue

    def install(self, text: str, name: str, *, by: Actor) -> DatasetContract:
        """Put a contract into force; the same one again changes nothing. Raises ContractError, DocumentError."""
        contract = read_contract(text, name)
        contract.refuse_free_text()
        digest = hashlib.sha256(text.encode()).hexdigest()
        known = self._installed(contract.dataset, contract.version)
        if known is not None and known.digest != digest:
            raise ContractError(
                f"Contract {contract.dataset} {contract.version} is in force with other content.",
                where=name,
                mend="Give the changed contract a new version.",
            )
        others = self._beside(contract, name)
        if self._catalogue and _parts(contract) >= max((_parts(one) for one in others), default=[]):
            self._catalogue(contract, by)
        if known is None:
            self._record(contract, text, digest, by)
        return contract

    def named(self, dataset: str, version: str) -> DatasetContract | None:
        """The contract that a delivery names: one in force, or a shipped one of a dataset that has none in force yet.

        Nothing is changed. Beside a version that somebody installed, another one comes into force by `install` alone.
        """
        known = self._installed(dataset, version)
        if known is not None:
            return read_contract(known.text, f"contract {dataset} {version}")
        if any(one.dataset == dataset for one in self._all_installed()):
            return None
        found = (one for _, one in shipped() if (one.dataset, one.version) == (dataset, version))
        return next(found, None)

    def in_force(self, dataset: str, version: str, *, by: Actor) -> DatasetContract | None:
        """The contract that a delivery names; a shipped one is installed now. Raises ContractError, RefusedError."""
        contract = self.named(dataset, version)
        if contract is None or self._installed(dataset, version) is not None:
            return contract
        path = next(path for path, one in shipped() if one == contract)
        return self.install(path.read_text(encoding="utf-8"), path.name, by=by)

    def all(self) -> list[KnownContract]:
        """Installed and shipped contracts, by dataset and version."""
        known = {(one.dataset, one.version): KnownContract(one, True) for one in self._all_installed()}
        for _, contract in shipped():
            known.setdefault((contract.dataset, contract.version), KnownContract(contract, False))
        return [known[key] for key in sorted(known)]

    def _beside(self, contract: DatasetContract, name: str) -> list[DatasetContract]:
        """The dataset's contracts in force. Raises ContractError where this one does not fit to all in force."""
        held = self._all_installed()
        decision = may_be_catalogued(entry_of(contract), map(entry_of, held))
        if isinstance(decision, Refused):
            raise ContractError(decision.reason, where=name, mend=decision.mend)
        return [one for one in held if one.dataset == contract.dataset]

    def _all_installed(self) -> list[DatasetContract]:
        with self._records.read() as session:
            rows = session.scalars(select(InstalledContract)).all()
        return [read_contract(row.text, row.dataset) for row in rows]

    def _installed(self, dataset: str, version: str) -> InstalledContract | None:
        with self._records.read() as session:
            return session.get(InstalledContract, (dataset, version))

    def _record(self, contract: DatasetContract, text: str, digest: str, by: Actor) -> None:
        try:
            with self._records.change(by=by) as change:
                change.session.add(
                    InstalledContract(
                        dataset=contract.dataset,
                        version=contract.version,
                        digest=digest,
                        text=text,
                        at=change.at,
                        by=by,
                    )
                )
                change.record(
                    EventName.CONTRACT_INSTALLED, dataset=contract.dataset, version=contract.version, digest=digest
                )
        except IntegrityError:
            if self._installed(contract.dataset, contract.version) is None:
                raise  # not the race of two who install the same one


def shipped() -> list[tuple[Path, DatasetContract]]:
    """The contracts that come with the haven."""
    return [(p, read_contract(p.read_text(encoding="utf-8"), p.name)) for p in sorted(SHIPPED.glob("*.yaml"))]


def registers(session: Session) -> set[str]:
    """The datasets that hold one row a person, by the contract of each delivery whose rows count."""
    once: dict[str, bool] = {}
    for delivery in received_deliveries(session):
        found = session.get(InstalledContract, (delivery.dataset, delivery.contract_version))
        said = found is not None and read_contract(found.text, delivery.dataset).is_register
        once[delivery.dataset] = once.get(delivery.dataset, True) and said
    return {dataset for dataset, said in once.items() if said}


def find_contract(name: str, contracts: Contracts | None = None) -> DatasetContract:
    """A contract by file path or by dataset id (the newest version). Raises ContractError."""
    path = Path(name)
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        return read_contract(_text_of(path), name)
    known = [k.contract for k in contracts.all()] if contracts else [contract for _, contract in shipped()]
    found = [contract for contract in known if contract.dataset == name]
    if not found:
        raise ContractError(
            "There is no contract of this name.",
            mend="Name a file, or one of: " + ", ".join(sorted({c.dataset for c in known})) + ".",
        )
    return max(found, key=_parts)


def _parts(contract: DatasetContract) -> list[int]:
    """A version's numbers, to be compared."""
    return [int(part) for part in contract.version.split(".")]


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise ContractError("The contract's file cannot be read.", where=str(path), mend="Name a YAML file.") from None
