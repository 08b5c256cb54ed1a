"""Are the files what the contract says? The same checks as the haven's, made before anything leaves.

Rows go through batch by batch into a work file of DuckDB with bounded memory. A bad row stays here: its file, number
and reasons are written for the controller; above the contract's tolerance nothing is packed.
"""

from __future__ import annotations

import csv
import fcntl
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import duckdb

from haven_controller.errors import AgentError, FilesRefused
from haven_controller.rules.linkage.contracts.contract import DatasetContract, DeliveredFile
from haven_controller.rules.linkage.full_disks import no_room_told
from haven_controller.rules.linkage.intake.checks import RowChecks
from haven_controller.rules.linkage.intake.manifest import MANIFEST, sha256_of
from haven_controller.rules.linkage.intake.reading import count_rows, open_rows
from haven_controller.rules.linkage.intake.reasons import REASONS, Fault
from haven_controller.rules.linkage.intake.signing import SIGNATURE
from haven_controller.rules.linkage.intake.staging import Staging

Progress = Callable[[str, int, int | None], None]
CASCADED = "join.parent_quarantined"  # follows its parent, and is counted there
KEPT_OF_REFUSED = 10_000
SPILL = ".haven-controller-"


class CheckedDelivery:
    """The good rows of a folder in a work file, and what is wrong with the others."""

    def __init__(self, contract: DatasetContract, staging: Staging, connection: duckdb.DuckDBPyConnection) -> None:
        self.contract = contract
        self.staging = staging
        self.connection = connection
        self.rows: Counter[str] = Counter()  # by file, as read
        self.sources: list[str] = []  # each file's table and SHA-256
        self.not_stored: Counter[tuple[str, str]] = Counter()

    def reasons(self) -> Counter[tuple[str, str]]:
        """Rows set aside, by file and first reason."""
        return Counter(self.staging.reasons()) + self.not_stored

    def require_tolerable(self) -> None:
        """Raises FilesRefused for the first file with more bad rows than agreed."""
        for name, rows in self.rows.items():
            own = {code: n for (file, code), n in self.reasons().items() if file == name and code != CASCADED}
            bad = sum(own.values())
            if bad > self.contract.tolerated(rows):
                most = REASONS[max(own, key=lambda code: own[code])]
                raise FilesRefused(
                    "delivery.too_many_bad_rows",
                    f"{bad / rows:.1%} of the rows are bad; the contract tolerates {self.contract.tolerance:.1%}."
                    f" Most often: {most.what}",
                    where=name,
                    mend=f"{most.mend} --quarantine FILE lists the rows.",
                )

    def write_quarantine(self, path: Path) -> None:
        """Which rows stay here: file, row number, reasons, in a new file, whole or not at all; no value."""
        found = self.connection.execute(
            "SELECT file, row_number, array_to_string(reasons, ' ') FROM bad ORDER BY file, row_number"
        ).fetchall()
        draft = path.with_name(f".{path.name}.part")
        draft.unlink(missing_ok=True)
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["file", "row", "reasons"])
                writer.writerows(found)
            draft.replace(path)  # that nothing is there was asked before the files were read
        finally:
            draft.unlink(missing_ok=True)


@contextmanager
def checked(folder: Path, contract: DatasetContract, progress: Progress, work: Path) -> Iterator[CheckedDelivery]:
    """Read and check all files of a folder. work: where the work file may spill.

    Raises FilesRefused; AgentError where the disk or the memory is full, also of what is done with it.
    """
    contract.refuse_free_text()
    with no_room_told(lambda: _no_room(work)), _spill_folder(work) as spill, duckdb.connect() as connection:
        connection.execute("SET temp_directory = ?", [spill])
        connection.execute("SET enable_progress_bar = false")  # it would stand in the result for a program
        connection.execute("SET autoinstall_known_extensions = false")
        connection.execute("SET temp_file_encryption = true")
        connection.execute("SET force_mbedtls_unsafe = 'true'")  # else nothing can spill; docs/adr/0012-mode-b.md
        delivery = CheckedDelivery(contract, Staging(connection, contract), connection)
        try:
            for path, file in _files(folder, contract):
                delivery.sources.append(f"{file.table} {sha256_of(path)}")
                _read(delivery, path, file, progress)
            delivery.staging.settle()
        except Fault as fault:
            raise FilesRefused(fault.code, fault.what, where=fault.where, mend=fault.mend) from None
        yield delivery


@contextmanager
def _spill_folder(work: Path) -> Iterator[str]:
    """A private folder, gone afterwards; what a killed agent left in one goes first."""
    for left in work.glob(f"{SPILL}*"):
        _remove_if_left(left)
    with tempfile.TemporaryDirectory(dir=work, prefix=SPILL) as folder:
        held = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield folder
        finally:
            os.close(held)


def _remove_if_left(folder: Path) -> None:
    """The system gives a lock back when its process dies: who can take it knows that nobody uses the folder."""
    with suppress(OSError):
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(held)


def _no_room(work: Path) -> AgentError:
    return AgentError(
        "There is no room to work: the disk or the memory is full. Nothing was packed.",
        where=str(work.absolute()),
        mend="Make room there (three times the files), or give this computer more memory, and run the command again.",
    )


def _files(folder: Path, contract: DatasetContract) -> list[tuple[Path, DeliveredFile]]:
    """Each file with its entry in the contract. Raises Fault."""
    if not folder.is_dir():
        raise Fault("delivery.not_found", "There is no such folder.", "Name the folder of the data files.")
    found = []
    for path in sorted(folder.iterdir()):
        if path.name in {MANIFEST, SIGNATURE}:
            continue
        if path.is_symlink() or not path.is_file():
            raise Fault("file.not_plain", where=path.name)
        entry = contract.file_for(path.name)
        if entry is None:
            raise Fault("file.not_in_contract", where=path.name)
        found.append((path, entry))
    for entry in contract.files:
        if not entry.optional and entry.table not in {file.table for _, file in found}:
            raise Fault("file.missing", f"No file matches '{entry.pattern}', which the contract asks for.")
    return found


def _read(delivery: CheckedDelivery, path: Path, file: DeliveredFile, progress: Progress) -> None:
    checks = RowChecks(file, date.today())  # noqa: DTZ011 - the controller's own day
    try:
        total = count_rows(path, file)
        limit, bad = delivery.contract.tolerated(total), 0
        for batch in open_rows(path, file):
            result = checks.check(batch)
            delivery.rows[path.name] += batch.rows
            delivery.staging.add_good(file, path.name, result.good)
            if bad <= limit + KEPT_OF_REFUSED:
                delivery.staging.add_bad(file, path.name, result.bad)
            else:
                delivery.not_stored.update((path.name, row.reasons[0].split(":")[0]) for row in result.bad)
            bad += len(result.bad)
            progress(f"checking {path.name}", delivery.rows[path.name], total)
    except Fault as fault:
        fault.where = path.name
        raise
