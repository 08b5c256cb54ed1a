"""How is a delivery made at the controller's side? A manifest is written beside the files; nothing is changed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from linkage.contracts.contract import DatasetContract
from linkage.errors import DeliveryRefused
from linkage.intake.held import BESIDE
from linkage.intake.manifest import Manifest, PackedFile, Period, sha256_of
from linkage.intake.reading import count_rows
from linkage.intake.reasons import Fault
from linkage.intake.signing import SIGNATURE, read_signing_key, signature_of


def pack(
    folder: Path,
    contract: DatasetContract,
    *,
    name: str | None = None,
    period: Period | None = None,
    supersedes: str | None = None,
    sign: Path | None = None,
) -> Manifest:
    """Write manifest.json into `folder`. Raises DeliveryRefused when a file does not belong to the contract.

    sign: the file of the controller's signing key; manifest.sig is written too.
    """
    key = read_signing_key(sign) if sign else None
    if not folder.is_dir():
        raise DeliveryRefused("delivery.not_found", "There is no such folder.", mend="Name the folder of the files.")
    try:
        files = tuple(_packed(path, contract) for path in sorted(folder.iterdir()) if path.name not in BESIDE)
        _all_there(files, contract)
    except Fault as fault:
        raise DeliveryRefused(fault.code, fault.what, where=fault.where, mend=fault.mend) from None
    manifest = Manifest(
        name=name or _default_name(contract, period, supersedes),
        dataset=contract.dataset,
        controller=contract.controller,
        contract_version=contract.version,
        period=period,
        supersedes=supersedes,
        files=files,
    )
    (folder / SIGNATURE).unlink(missing_ok=True)  # an earlier manifest's
    written = manifest.write(folder)
    if key:
        (folder / SIGNATURE).write_bytes(signature_of(written.read_bytes(), key))
    return manifest


def _packed(path: Path, contract: DatasetContract) -> PackedFile:
    if path.is_symlink() or not path.is_file():
        raise Fault("file.not_plain", where=path.name)
    entry = contract.file_for(path.name)
    if entry is None:
        raise Fault("file.not_in_contract", where=path.name)
    try:
        rows = count_rows(path, entry)
    except Fault as fault:
        fault.where = path.name
        raise
    return PackedFile(name=path.name, sha256=sha256_of(path), bytes=path.stat().st_size, rows=rows)


def _all_there(files: tuple[PackedFile, ...], contract: DatasetContract) -> None:
    matched = {entry.table for file in files if (entry := contract.file_for(file.name))}
    for entry in contract.files:
        if not entry.optional and entry.table not in matched:
            raise Fault("file.missing", f"No file matches '{entry.pattern}', which the contract asks for.")


def _default_name(contract: DatasetContract, period: Period | None, supersedes: str | None) -> str:
    """A name that says what it is; a correction carries the name of what it corrects, with its day."""
    if supersedes:
        return f"{supersedes[:100]}-corrected-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    if period:
        return f"{contract.dataset}-{period.first}-{period.last}"
    return f"{contract.dataset}-{datetime.now(UTC):%Y-%m-%d}"
