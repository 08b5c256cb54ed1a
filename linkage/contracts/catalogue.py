"""Where does an installed contract's dataset go? Into the catalogue that projects and the intake look it up in."""

from __future__ import annotations

from collections.abc import Callable

from access.organisations.model import DatasetEntry, Organisation
from access.service import Access
from audit.model import Actor
from linkage.contracts.contract import DatasetContract


def into_catalogue(access: Access) -> Callable[[DatasetContract, Actor], None]:
    """What puts a contract's dataset into this catalogue; its controller is registered with it where nobody has."""

    def register(contract: DatasetContract, by: Actor) -> None:
        if contract.controller not in {one.id for one in access.organisations()}:
            access.register_organisation(Organisation(contract.controller, contract.controller), by=by)
        access.register_dataset(entry_of(contract), by=by)

    return register


def entry_of(contract: DatasetContract) -> DatasetEntry:
    """What the catalogue says of a contract's dataset."""
    return DatasetEntry(
        id=contract.dataset,
        controller=contract.controller,
        notice=contract.fair_processing_notice,
        disclosure_profile=contract.disclosure_profile,
        tables={file.table: dict(file.payload) for file in contract.files},
    )
