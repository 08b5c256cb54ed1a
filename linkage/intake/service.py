"""How is a delivery received? Checked whole, split, put into both zones, and only then switched on by its record.

Refused whole or taken in whole: nothing a refusal or a crash leaves is ever seen, because rows count only while
their delivery's record says `received`, and the next receipt removes the rest. Every outcome is in the log.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from access.service import Access
from audit.events import EventName
from audit.model import Actor, Json
from audit.progress import Progress, silent
from audit.records import Records
from linkage.contracts.catalogue import entry_of
from linkage.contracts.contract import DatasetContract
from linkage.contracts.registry import Contracts
from linkage.errors import ContractError, DeliveryRefused, UnknownDelivery
from linkage.intake.door import IntakeDoor
from linkage.intake.held import OpenedDelivery
from linkage.intake.manifest import Manifest, TokenManifest, parse_manifest
from linkage.intake.reasons import Fault
from linkage.intake.receipt import Receipt
from linkage.intake.report import remove_reports_except, write_reports
from linkage.intake.signing import Senders
from linkage.intake.splitting import Splitting
from linkage.intake.unpack import opened_delivery, opened_tar, remove_leftovers
from linkage.sealed.door import SealedDoor, is_sealed
from linkage.separation.ports import ZoneRunner, runner_of
from linkage.store import DESTROYED, RECEIVED, REFUSED, SUPERSEDED, Delivery, delivery_named
from linkage.zones import Zones

REPEATED = "repeated"


@dataclass(frozen=True)
class ReceiptSummary:
    """What a receipt did. state: received, or repeated when the same content was in already."""

    delivery: str
    name: str
    dataset: str
    state: str
    rows: dict[str, int]
    quarantined: dict[str, int]
    reports: tuple[Path, ...]
    supersedes: str | None = None
    counts: bool = True  # a repeated delivery that has been superseded since does not

    @property
    def headline(self) -> str:
        """One sentence without counts."""
        if self.state == REPEATED and not self.counts:
            return f"Delivery {self.name} was received before and counts no more: nothing was changed."
        if self.state == REPEATED:
            return f"Delivery {self.name} is in the haven already: nothing was changed."
        replaced = f", in place of {self.supersedes}" if self.supersedes else ""
        return f"Delivery {self.name} of {self.dataset} was received{replaced}."


class DeliveryIntake(Splitting):
    """Receives deliveries. folder: for reports and unpacking, private to the intake. sealed: for those in mode B.

    access: says who may. Here and nowhere else it is asked, so that no way leads past it.

    door: the process of the intake's own account, which reads and splits there; None: it is done here.
    senders: the controllers' keys, where it is done here; None: of tests, in which nobody signs.
    """

    def __init__(
        self,
        folder: Path,
        zones: Zones | ZoneRunner,
        records: Records,
        contracts: Contracts,
        access: Access,
        *,
        door: IntakeDoor | None = None,
        sealed: SealedDoor | None = None,
        senders: Senders | None = None,
    ) -> None:
        super().__init__(zones, records.clock, sealed=sealed)
        self._folder = folder
        self._records = records
        self._contracts = contracts
        self._access = access
        self._door = door
        self._senders = senders

    @property
    def reports_folder(self) -> Path:
        """Where delivery reports lie, one folder per delivery."""
        return self._folder / "reports"

    def receive(self, path: Path, *, by: Actor, progress: Progress = silent) -> ReceiptSummary:
        """Take in a delivery: a folder or an archive.

        Raises RefusedError (nothing was read) or DeliveryRefused (nothing has changed); both are recorded.
        """
        self._access.require_receiver(by=by)
        with self._one_delivery_at_a_time() if self._door is None else self._door.one_delivery_at_a_time():
            self._remove_debris()
            with self._refusals_recorded(by):
                if self._door is not None:
                    return self._receive_through(self._door, path, by, progress)
                if self._sealed and is_sealed(path):
                    with self._sealed.opened(path, self._folder) as tar, opened_tar(tar, self._folder) as inside:
                        return self._receive_opened(inside, path, by, progress, TokenManifest)
                with opened_delivery(path, self._folder) as delivery:
                    return self._receive_opened(delivery, path, by, progress, Manifest)

    def _receive_opened(
        self, opened: OpenedDelivery, path: Path, by: Actor, progress: Progress, form: type[Manifest]
    ) -> ReceiptSummary:
        progress("manifest", 0, None)
        content = opened.manifest()
        manifest = parse_manifest(content)
        if type(manifest) is not form:  # tokens come sealed, and only tokens do
            raise Fault("tokens.sealed" if form is Manifest else "manifest.invalid")
        contract = self._contract_of(manifest)
        signed = self._senders is not None and self._senders.require(contract.controller, content, opened.signature())
        self._let_in(contract, by)
        repeated = self._repeated(manifest, by, signed=signed)
        if repeated:
            return repeated
        delivery = Receipt(str(uuid.uuid4()), manifest, contract, path, by, opened)
        with self._refusal_kept(delivery):
            delivery.superseded = self._superseded(manifest)
            with self._scratch() as scratch:
                if isinstance(manifest, TokenManifest):
                    self._take_tokens(delivery, manifest, scratch, progress)
                else:
                    self._take_in(delivery, scratch, progress)
            return self._switch_on(delivery)

    def _receive_through(self, door: IntakeDoor, path: Path, by: Actor, progress: Progress) -> ReceiptSummary:
        """The same, where another account reads: this one sees names, hashes and counts."""
        progress("manifest", 0, None)
        manifest, signed = door.manifest(path)
        contract = self._contract_of(manifest)
        self._let_in(contract, by)
        repeated = self._repeated(manifest, by, signed=signed)
        if repeated:
            return repeated
        delivery = Receipt(str(uuid.uuid4()), manifest, contract, path, by)
        with self._refusal_kept(delivery):
            delivery.superseded = self._superseded(manifest)
            door.take_in(delivery, progress)
            return self._switch_on(delivery)

    # before reading

    def _contract_of(self, manifest: Manifest) -> DatasetContract:
        contract = self._contracts.named(manifest.dataset, manifest.contract_version)
        if contract is None:
            raise Fault("manifest.contract")
        manifest.require_contract(contract)
        return contract

    def _let_in(self, contract: DatasetContract, by: Actor) -> None:
        """Ask whether the dataset may come in; then, and never before, a shipped contract comes into force."""
        self._access.require_ingest(contract.dataset, contract.identifiers, entry_of(contract), by=by)
        try:
            self._contracts.in_force(contract.dataset, contract.version, by=by)
        except ContractError as error:
            raise Fault("manifest.contract", error.what, error.mend) from None

    def _repeated(self, manifest: Manifest, by: Actor, *, signed: bool) -> ReceiptSummary | None:
        """The same content again, under whatever name, changes nothing.

        What was superseded comes in again only in place of a delivery that counts now: a correction taken back. A
        signed one that says what it said before is no new word of its controller. Raises Fault.
        """
        with self._records.read() as session:
            query = select(Delivery).where(Delivery.digest == manifest.digest, Delivery.state != REFUSED)
            newest = query.order_by((Delivery.state == RECEIVED).desc(), Delivery.at.desc())
            known = session.scalars(newest).first()
            if signed and self._replayed(session, manifest):
                raise Fault("signature.replayed")
            if known is None or (known.state == SUPERSEDED and self._takes_back(session, manifest)):
                return None
        self._records.note(
            EventName.DELIVERY_REPEATED, by=by, dataset=known.dataset, delivery=known.id, digest=manifest.digest
        )
        reports = tuple(sorted((self.reports_folder / known.id).glob("delivery-report.*")))
        return ReceiptSummary(
            known.id,
            known.name,
            known.dataset,
            REPEATED,
            dict(known.rows),
            dict(known.quarantined),
            reports,
            counts=known.state == RECEIVED,
        )

    @staticmethod
    def _replayed(session: Session, manifest: Manifest) -> bool:
        """Was this very manifest received before, and replaced since? By its name, its content and what it replaced."""
        query = select(Delivery).where(
            Delivery.digest == manifest.digest, Delivery.name == manifest.name, Delivery.state == SUPERSEDED
        )
        for known in session.scalars(query):
            replaced = session.get(Delivery, known.supersedes) if known.supersedes else None
            if manifest.supersedes in ({replaced.name, replaced.id} if replaced else {None}):
                return True
        return False

    @staticmethod
    def _takes_back(session: Session, manifest: Manifest) -> bool:
        replaced = delivery_named(session, manifest.supersedes) if manifest.supersedes else None
        return replaced is not None and replaced.dataset == manifest.dataset

    def _superseded(self, manifest: Manifest) -> Delivery | None:
        """The delivery that this one replaces. Raises Fault when the names do not fit."""
        with self._records.read() as session:
            same_name = delivery_named(session, manifest.name)
            replaced = delivery_named(session, manifest.supersedes) if manifest.supersedes else None
        if manifest.supersedes and (replaced is None or replaced.dataset != manifest.dataset):
            raise Fault("delivery.nothing_to_supersede")
        if same_name is not None and (replaced is None or replaced.id != same_name.id):
            raise Fault("delivery.name_taken")
        return replaced

    def destroy(self, delivery: str, *, by: Actor) -> None:
        """A delivery counts no more, for good, and its rows are removed here; done again, it finishes.

        Whether it may be is asked before (access.retention). What was linked goes with the next linkage.
        """
        with self._one_delivery_at_a_time() if self._door is None else self._door.one_delivery_at_a_time():
            with self._records.read() as session:
                destroyed = session.get_one(Delivery, delivery).state == DESTROYED
            if not destroyed:
                with self._records.change(by=by) as change:
                    row = change.session.get_one(Delivery, delivery)
                    row.state = DESTROYED
                    change.record(EventName.DELIVERY_DESTROYED, dataset=row.dataset, delivery=row.id)
            self._remove_debris()

    # afterwards

    def _switch_on(self, receipt: Receipt) -> ReceiptSummary:
        """The record that makes the rows count, with its entry in the log; then what it replaced is removed."""
        result = receipt.result(RECEIVED)
        reports = write_reports(result, self.reports_folder)
        replaced, dataset = receipt.superseded, receipt.contract.dataset
        grounds: list[Json] = [*self._access.grounds_of(dataset)]  # papers end; on which it came in is a fact of today
        with self._records.change(by=receipt.by) as change:
            change.session.add(receipt.record(change, RECEIVED, None))
            change.record(EventName.DELIVERY_RECEIVED, dataset=dataset, grounds=grounds, **receipt.facts())
            if replaced is not None:
                old = change.session.get_one(Delivery, replaced.id)
                old.state = SUPERSEDED
                change.record(
                    EventName.DELIVERY_SUPERSEDED, dataset=old.dataset, delivery=old.id, superseded_by=receipt.id
                )
        if replaced is not None:
            self._remove_debris()
        return ReceiptSummary(
            receipt.id,
            receipt.manifest.name,
            receipt.contract.dataset,
            RECEIVED,
            result.rows_by_table(),
            result.by_reason(),
            reports,
            replaced.name if replaced else None,
        )

    def _remove_debris(self) -> None:
        """Remove every row whose delivery does not stand as received: a crash's, or a superseded delivery's."""
        remove_leftovers(self._folder)
        with self._records.read() as session:
            states: dict[str, str] = dict(session.execute(select(Delivery.id, Delivery.state)).all())
        remove_reports_except(states, self.reports_folder)
        received = [key for key, state in states.items() if state == RECEIVED]
        kept = [key for key, state in states.items() if state not in {SUPERSEDED, DESTROYED}]
        self._runner.run("identity.keep_only", {"deliveries": received})
        self._runner.run("payload.keep_only", {"deliveries": received})
        self._runner.run("quarantine.keep_only", {"deliveries": kept})

    # refusals

    @contextmanager
    def _refusals_recorded(self, by: Actor) -> Iterator[None]:
        """A refusal before anything is known of the delivery: noted in the log, then told."""
        try:
            yield
        except Fault as fault:
            self._records.note(EventName.DELIVERY_REFUSED, by=by, reason=fault.code)
            raise _refusal(fault) from None

    @contextmanager
    def _refusal_kept(self, receipt: Receipt) -> Iterator[None]:
        """A refusal of a delivery with a valid manifest: recorded, with its report and a part of its bad rows."""
        try:
            yield
        except Fault as fault:
            result = receipt.result(REFUSED)
            result.refused = (fault.code, fault.what, fault.where, fault.mend)
            reports = write_reports(result, self.reports_folder)
            with self._records.change(by=receipt.by) as change:
                change.session.add(receipt.record(change, REFUSED, fault.code))
                change.record(
                    EventName.DELIVERY_REFUSED, dataset=receipt.contract.dataset, reason=fault.code, **receipt.facts()
                )
            refusal = _refusal(fault)
            refusal.reports = reports
            raise refusal from None


def quarantined_rows(zones: Zones | ZoneRunner, records: Records, name: str) -> list[dict[str, Any]]:
    """Where the bad rows of a delivery are: file, row number, reasons; never their content. Raises UnknownDelivery."""
    with records.read() as session:
        delivery = delivery_named(session, name, state=None)
    if delivery is None:
        raise UnknownDelivery(
            "No delivery is known under this name or id.", mend="`haven delivery list` shows all that were presented."
        )
    rows: list[dict[str, Any]] = runner_of(zones).run("quarantine.rows", {"delivery": delivery.id}).data["rows"]
    return rows


def _refusal(fault: Fault) -> DeliveryRefused:
    return DeliveryRefused(fault.code, fault.what, where=fault.where, mend=fault.mend)
