"""How is a delivery received? Checked whole, split, put into both zones, and only then switched on by its record.

Refused whole or taken in whole: nothing a refusal or a crash leaves is ever seen, because rows count only while
their delivery's record says `received`, and the next receipt removes the rest. Every outcome is in the log.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.events import EventName
from audit.model import Actor
from audit.progress import Progress, silent
from audit.records import Records
from linkage.contracts.contract import DatasetContract
from linkage.contracts.registry import Contracts
from linkage.errors import DeliveryRefused, UnknownDelivery
from linkage.intake.checks import RowChecks
from linkage.intake.manifest import Manifest, TokenManifest, check_folder, load_manifest, stamp_of
from linkage.intake.reading import open_rows
from linkage.intake.reasons import Fault
from linkage.intake.receipt import Receipt, tolerated
from linkage.intake.report import FileResult, remove_reports_except, write_reports
from linkage.intake.staging import DUCKDB_TYPES, Staging, bound_memory
from linkage.intake.tables import (
    INCOMING,
    create_identity,
    create_incoming,
    deliveries_in,
    incoming_tables,
    quoted,
    remove_deliveries_except,
)
from linkage.intake.unpack import delivery_folder, remove_leftovers
from linkage.sealed.door import SealedDoor, is_sealed
from linkage.sealed.receipt import SealedRows
from linkage.sealed.tables import ROWS as SEALED
from linkage.sealed.tables import create_sealed
from linkage.store import RECEIVED, REFUSED, SUPERSEDED, Delivery, delivery_named
from linkage.zones import Zones

REPEATED = "repeated"
KEPT_OF_REFUSED = 10_000


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
            return f"Delivery {self.name} was received before and has been superseded since: nothing was changed."
        if self.state == REPEATED:
            return f"Delivery {self.name} is in the haven already: nothing was changed."
        replaced = f", in place of {self.supersedes}" if self.supersedes else ""
        return f"Delivery {self.name} of {self.dataset} was received{replaced}."


class DeliveryIntake:
    """Receives deliveries. folder: for reports and unpacking, private to the intake. sealed: for those in mode B."""

    def __init__(
        self, folder: Path, zones: Zones, records: Records, contracts: Contracts, *, sealed: SealedDoor | None = None
    ) -> None:
        self._folder = folder
        self._zones = zones
        self._records = records
        self._contracts = contracts
        self._sealed = sealed

    @property
    def reports_folder(self) -> Path:
        """Where delivery reports lie, one folder per delivery."""
        return self._folder / "reports"

    def receive(self, path: Path, *, by: Actor, progress: Progress = silent) -> ReceiptSummary:
        """Take in a delivery: a folder or an archive. Raises DeliveryRefused; then nothing has changed."""
        with self._zones.one_delivery_at_a_time():
            self._remove_debris()
            with self._refusals_recorded(by):
                if self._sealed and is_sealed(path):
                    with self._sealed.opened(path, self._folder) as inside, delivery_folder(inside, self._folder) as it:
                        return self._receive_folder(it, by, progress, TokenManifest)
                with delivery_folder(path, self._folder) as folder:
                    return self._receive_folder(folder, by, progress, Manifest)

    def _receive_folder(self, folder: Path, by: Actor, progress: Progress, form: type[Manifest]) -> ReceiptSummary:
        progress("manifest", 0, None)
        manifest = load_manifest(folder)
        if type(manifest) is not form:  # tokens come sealed, and only tokens do
            raise Fault("tokens.sealed" if form is Manifest else "manifest.invalid")
        contract = self._contract_of(manifest, by)
        repeated = self._repeated(manifest, by)
        if repeated:
            return repeated
        delivery = Receipt(str(uuid.uuid4()), manifest, contract, folder, by)
        with self._refusal_kept(delivery), self._zones.scratch() as scratch:
            delivery.superseded = self._superseded(manifest)
            if isinstance(manifest, TokenManifest):
                self._take_tokens(delivery, manifest, scratch, progress)
                return self._switch_on(delivery)
            delivery.stamps = check_folder(folder, manifest)
            delivery.staging = Staging(scratch, contract)
            self._read_files(delivery, progress)
            self._judge(delivery)
            self._split(delivery, progress)
            return self._switch_on(delivery)

    # before reading

    def _contract_of(self, manifest: Manifest, by: Actor) -> DatasetContract:
        contract = self._contracts.in_force(manifest.dataset, manifest.contract_version, by=by)
        if contract is None:
            raise Fault("manifest.contract")
        if contract.controller != manifest.controller:
            raise Fault("manifest.controller")
        return contract

    def _repeated(self, manifest: Manifest, by: Actor) -> ReceiptSummary | None:
        """The same content again, under whatever name, changes nothing.

        What was superseded comes in again only in place of a delivery that counts now: a correction taken back.
        """
        with self._records.read() as session:
            query = select(Delivery).where(Delivery.digest == manifest.digest, Delivery.state != REFUSED)
            newest = query.order_by((Delivery.state == RECEIVED).desc(), Delivery.at.desc())
            known = session.scalars(newest).first()
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

    # reading

    def _read_files(self, receipt: Receipt, progress: Progress) -> None:
        matched = set()
        for packed in receipt.manifest.files:
            file = receipt.contract.file_for(packed.name)
            if file is None:
                raise Fault("file.not_in_contract", where=packed.name)
            matched.add(file.table)
            receipt.files.append(FileResult(packed.name, file.table))
        for file in receipt.contract.files:
            if not file.optional and file.table not in matched:
                raise Fault("file.missing", f"No file matches '{file.pattern}', which the contract asks for.")
        for packed, result in zip(receipt.manifest.files, receipt.files, strict=True):
            self._read_file(receipt, result, packed.rows, progress)

    def _read_file(self, receipt: Receipt, result: FileResult, expected: int, progress: Progress) -> None:
        file = receipt.contract.table(result.table)
        if file is None:
            raise Fault("file.not_in_contract", where=result.name)
        staging = receipt.rows_staged
        path = receipt.folder / result.name
        checks = RowChecks(file, self._records.clock.now().date())
        limit = tolerated(receipt.contract, expected)
        kept = 0
        try:
            for batch in open_rows(path, file):
                checked = checks.check(batch)
                result.rows += batch.rows
                result.forms += checked.forms
                # Far above the tolerance the delivery is refused for certain: count on, but store no more.
                if kept <= limit + KEPT_OF_REFUSED:
                    staging.add_good(file, result.name, checked.good)
                    staging.add_bad(file, result.name, checked.bad)
                else:
                    receipt.not_stored.update((result.name, bad.reasons[0].split(":")[0]) for bad in checked.bad)
                kept += len(checked.bad)
                progress(f"checking {result.name}", result.rows, expected)
        except Fault as fault:
            fault.where = result.name
            raise
        if stamp_of(path) != receipt.stamps[result.name]:
            raise Fault("delivery.changed", where=result.name)
        if result.rows != expected:
            raise Fault("file.row_count", where=result.name)

    def _judge(self, receipt: Receipt) -> None:
        """Row by row, then over all files: is it within the contract's tolerance? Raises Fault."""
        staging = receipt.rows_staged
        receipt.count_bad_rows()
        too_many = receipt.beyond_tolerance()
        if too_many is None:
            staging.settle()
            receipt.count_bad_rows()
            too_many = receipt.beyond_tolerance()
        if too_many is not None:
            self._quarantine(receipt, KEPT_OF_REFUSED)
            raise Fault("delivery.too_many_bad_rows", too_many)

    # into the zones

    def _split(self, receipt: Receipt, progress: Progress) -> None:
        """Identifiers to the one zone, payload to the other, joined by the row key only."""
        progress("splitting", 0, None)
        staging = receipt.rows_staged
        with self._zones.linkage() as linkage, _transaction(linkage):
            bound_memory(linkage)
            create_identity(linkage)
            for file in receipt.contract.files:
                if not file.joins:
                    rows = staging.identity_rows(file)
                    _insert(linkage, "identity", rows, delivery=receipt.id, dataset=receipt.contract.dataset)
        self._write_payload(receipt, staging)
        self._quarantine(receipt, None)

    def _take_tokens(
        self, receipt: Receipt, manifest: TokenManifest, scratch: duckdb.DuckDBPyConnection, progress: Progress
    ) -> None:
        """Mode B: tokens to the linkage zone, payload to the research zone; there is no identifier to split off."""
        if self._sealed is None:
            raise Fault("tokens.sealed")
        self._sealed.require_round(manifest)
        check_folder(receipt.folder, manifest)
        rows = SealedRows(scratch, receipt.contract, self._records.clock.now().date())
        receipt.files = rows.read(receipt.folder, manifest, progress)
        of_round = {"round": manifest.round, "specification": manifest.specification}
        with self._zones.linkage() as linkage, _transaction(linkage):
            bound_memory(linkage)
            create_sealed(linkage)
            for file in (file for file in receipt.contract.files if not file.joins):
                tokens, dataset = rows.token_rows(file), receipt.contract.dataset
                _insert(linkage, SEALED, tokens, delivery=receipt.id, dataset=dataset, **of_round)
        self._write_payload(receipt, rows)

    def _write_payload(self, receipt: Receipt, rows: Staging | SealedRows) -> None:
        with self._zones.research() as research, _transaction(research):
            bound_memory(research)
            for file in receipt.contract.files:
                create_incoming(research, file.table, {n: DUCKDB_TYPES[kind] for n, kind in file.payload.items()})
                _insert(research, INCOMING + file.table, rows.payload_rows(file), delivery=receipt.id)

    def _quarantine(self, receipt: Receipt, limit: int | None) -> None:
        if not any(file.bad for file in receipt.files):
            return
        with self._zones.quarantine() as quarantine, _transaction(quarantine):
            _create_quarantine(quarantine)
            rows = receipt.rows_staged.bad_rows(limit)
            _insert(quarantine, "quarantine", rows, delivery=receipt.id, dataset=receipt.contract.dataset)

    def _switch_on(self, receipt: Receipt) -> ReceiptSummary:
        """The record that makes the rows count, with its entry in the log; then what it replaced is removed."""
        result = receipt.result(RECEIVED)
        reports = write_reports(result, self.reports_folder)
        replaced = receipt.superseded
        with self._records.change(by=receipt.by) as change:
            change.session.add(receipt.record(change, RECEIVED, None))
            change.record(EventName.DELIVERY_RECEIVED, dataset=receipt.contract.dataset, **receipt.facts())
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
        kept = [key for key, state in states.items() if state != SUPERSEDED]
        _keep_only(self._zones.linkage, received, lambda _: ["identity", SEALED])
        _keep_only(self._zones.research, received, lambda zone: [INCOMING + table for table in incoming_tables(zone)])
        _keep_only(self._zones.quarantine, kept, lambda _: ["quarantine"])

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


def quarantined_rows(zones: Zones, records: Records, name: str) -> list[dict[str, Any]]:
    """Where the bad rows of a delivery are: file, row number, reasons; never their content. Raises UnknownDelivery."""
    with records.read() as session:
        delivery = delivery_named(session, name, state=None)
    if delivery is None:
        raise UnknownDelivery(
            "No delivery is known under this name or id.", mend="`haven delivery list` shows all that were presented."
        )
    with zones.quarantine(read_only=True) as connection:
        if delivery.id not in deliveries_in(connection, "quarantine"):
            return []
        found = connection.execute(
            "SELECT file, row_number, reasons FROM quarantine WHERE delivery = ? ORDER BY file, row_number",
            [delivery.id],
        ).fetchall()
    return [{"file": file, "row": row, "reasons": list(reasons)} for file, row, reasons in found]


def _refusal(fault: Fault) -> DeliveryRefused:
    return DeliveryRefused(fault.code, fault.what, where=fault.where, mend=fault.mend)


def _keep_only(
    zone: Callable[..., AbstractContextManager[duckdb.DuckDBPyConnection]],
    kept: list[str],
    tables: Callable[[duckdb.DuckDBPyConnection], list[str]],
) -> None:
    """Remove other deliveries' rows from these tables; the zone is only written where there are any."""
    with zone(read_only=True) as connection:
        debris = [name for name in tables(connection) if deliveries_in(connection, name) - set(kept)]
    if debris:
        with zone() as connection:
            remove_deliveries_except(connection, kept, debris)


def _create_quarantine(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS quarantine (delivery TEXT NOT NULL, dataset TEXT NOT NULL, file TEXT,"
        " tbl TEXT, row_number BIGINT, reasons TEXT[], content TEXT)"
    )


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute("BEGIN")
    yield
    connection.execute("COMMIT")


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.RecordBatchReader, **constants: str) -> None:
    """As one stream: DuckDB holds what is registered until the transaction ends, so batch by batch is all at once."""
    columns = ", ".join(quoted(name) for name in rows.schema.names)
    connection.register("rows", rows)
    connection.execute(
        f"INSERT INTO {quoted(table)} ({', '.join(constants)}, {columns}) SELECT {', '.join('?' for _ in constants)},"
        f" {columns} FROM rows",
        list(constants.values()),
    )
    connection.unregister("rows")
