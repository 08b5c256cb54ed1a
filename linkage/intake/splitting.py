"""Which rows of a delivery are good, and what of them goes where? Read, judged whole, and split between the zones.

Identifiers and payload of one row are together here and nowhere after: where accounts are installed, this is done by
the intake's own, which can open neither zone (design section 1).
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import duckdb

from audit.clock import Clock
from audit.progress import Progress
from linkage.intake.checks import RowChecks
from linkage.intake.manifest import TokenManifest
from linkage.intake.reading import open_rows
from linkage.intake.reasons import Fault
from linkage.intake.receipt import Receipt, tolerated
from linkage.intake.report import FileResult
from linkage.intake.staging import Staging
from linkage.sealed.door import SealedDoor
from linkage.sealed.receipt import SealedRows
from linkage.separation.ports import ZoneRunner, runner_of
from linkage.zones import WorkFiles, Zones

KEPT_OF_REFUSED = 10_000


class Splitting:
    """Reads and splits deliveries. sealed: opens those in mode B; None: none is taken in.

    keeps_rows: may bad rows be kept as they came? Never where accounts are apart.
    """

    def __init__(
        self,
        zones: Zones | ZoneRunner,
        clock: Clock,
        *,
        work: WorkFiles | None = None,
        sealed: SealedDoor | None = None,
        keeps_rows: bool = True,
    ) -> None:
        self._runner = runner_of(zones)
        self._work = work or (zones if isinstance(zones, Zones) else None)
        self._clock = clock
        self._sealed = sealed
        self._keeps_rows = keeps_rows

    def _one_delivery_at_a_time(self) -> AbstractContextManager[None]:
        return self._work_files().one_delivery_at_a_time()

    def _scratch(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return self._work_files().scratch()

    def _work_files(self) -> WorkFiles:
        if self._work is None:
            raise RuntimeError("this process splits no deliveries")
        return self._work

    def _take_in(self, receipt: Receipt, scratch: duckdb.DuckDBPyConnection, progress: Progress) -> None:
        """Check, read, judge and split. Raises Fault; then no row of it counts."""
        with receipt.files_held():
            receipt.staging = Staging(scratch, receipt.contract)
            self._read_files(receipt, progress)
        self._judge(receipt)
        self._split(receipt, progress)

    def _take_tokens(
        self, receipt: Receipt, manifest: TokenManifest, scratch: duckdb.DuckDBPyConnection, progress: Progress
    ) -> None:
        """Mode B: the round is looked at first. Raises Fault."""
        if self._sealed is None:
            raise Fault("tokens.sealed")
        self._sealed.require_round(manifest)
        self._split_tokens(receipt, manifest, scratch, progress)

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
        source = receipt.held[result.name]
        checks = RowChecks(file, self._clock.now().date())
        limit = tolerated(receipt.contract, expected)
        kept = 0
        try:
            for batch in open_rows(source, file):
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
        source.close()
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
        dataset, files = receipt.contract.dataset, receipt.contract.files
        identity = ((file.table, staging.identity_rows(file)) for file in files if not file.joins)
        self._runner.run("identity.put", {"delivery": receipt.id, "dataset": dataset}, identity)
        self._put_payload(receipt, staging)
        self._quarantine(receipt, None)

    def _split_tokens(
        self, receipt: Receipt, manifest: TokenManifest, scratch: duckdb.DuckDBPyConnection, progress: Progress
    ) -> None:
        """Mode B: tokens to the linkage zone, payload to the research zone; there is no identifier to split off."""
        rows = SealedRows(scratch, receipt.contract, self._clock.now().date())
        with receipt.files_held():
            receipt.files = rows.read(receipt.held, manifest, progress)
        asked = {
            "delivery": receipt.id,
            "dataset": receipt.contract.dataset,
            "round": manifest.round,
            "specification": manifest.specification,
        }
        tokens = ((file.table, rows.token_rows(file)) for file in receipt.contract.files if not file.joins)
        self._runner.run("tokens.put", asked, tokens)
        self._put_payload(receipt, rows)

    def _put_payload(self, receipt: Receipt, rows: Staging | SealedRows) -> None:
        files = receipt.contract.files
        payload = ((file.table, rows.payload_rows(file)) for file in files)
        kinds = {file.table: dict(file.payload) for file in files}
        self._runner.run("payload.put", {"delivery": receipt.id, "kinds": kinds}, payload)

    def _quarantine(self, receipt: Receipt, limit: int | None) -> None:
        if not any(file.bad for file in receipt.files):
            return
        rows = receipt.rows_staged.bad_rows(limit, with_content=self._keeps_rows)
        asked = {"delivery": receipt.id, "dataset": receipt.contract.dataset}
        self._runner.run("quarantine.put", asked, [("bad", rows)])
