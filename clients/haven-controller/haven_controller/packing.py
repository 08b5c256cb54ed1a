"""What leaves? Tokens and payload as Parquet under random row keys, a manifest, and nothing else; sealed with age.

The controller's own keys of its records end here: a row key is random. Rows of tokens are in random order. Until it is
sealed, what is packed waits in hidden files beside the archive: clear text is nowhere but in memory.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pyrage
from pydantic import ValidationError

from haven_controller.checking import CheckedDelivery, Progress
from haven_controller.errors import AgentError
from haven_controller.rules.access.keys.model import HeldKey
from haven_controller.rules.linkage.contracts.contract import DeliveredFile
from haven_controller.rules.linkage.intake.hidden import HiddenFile
from haven_controller.rules.linkage.intake.manifest import (
    MANIFEST,
    PackedFile,
    Period,
    TokenManifest,
    content_of,
    sha256_of,
)
from haven_controller.rules.linkage.intake.signing import SIGNATURE, read_signing_key, signature_of
from haven_controller.rules.linkage.sealed.composites import TOKENS, sealed_tokens
from haven_controller.rules.linkage.standardise.specification import IDENTITY, VERSION

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

ROW_KEY = "row_key"
TOKEN_SCHEMA = pa.schema([(ROW_KEY, pa.string()), *((name, pa.uint64()) for name in TOKENS)])
ARROW_TYPES = {
    "text": pa.string(),
    "code": pa.string(),
    "integer": pa.int64(),
    "decimal": pa.float64(),
    "date": pa.date32(),
    "boolean": pa.bool_(),
}


@dataclass(frozen=True)
class Told:
    """What the controller says of the delivery. invented: its people are, and their NHS numbers of the test range.

    bloom_agreed: the agreement under which Bloom filters are sent too; None: none are.
    sign: the file of the controller's signing key; None: it is not signed.
    """

    name: str
    period: Period | None = None
    supersedes: str | None = None
    invented: bool = False
    bloom_agreed: str | None = None
    sign: Path | None = None


def pack(
    delivery: CheckedDelivery,
    key: HeldKey,
    recipient: pyrage.x25519.Recipient,
    told: Told,
    out: Path,
    progress: Progress,
) -> TokenManifest:
    """Write the sealed delivery to `out`, whole or not at all. Raises AgentError."""
    with ExitStack() as open_files:
        written = _written(delivery, key, told, out.parent, progress)
        files = [(open_files.enter_context(file), rows) for file, rows in written]
        manifest = _manifest(delivery, key, told, [_packed(file, rows) for file, rows in files])
        progress("sealing", 0, None)
        _seal([*_signed_manifest(manifest, told, out.parent, open_files), *(f for f, _ in files)], recipient, out)
    return manifest


def _written(
    delivery: CheckedDelivery, key: HeldKey, told: Told, folder: Path, progress: Progress
) -> Iterator[tuple[HiddenFile, int]]:
    for file in delivery.contract.files:
        if not file.joins:
            tokens = HiddenFile(folder, f"tokens-{file.table}.parquet")
            yield tokens, _write_tokens(delivery, file, key, told, tokens, progress)
        payload = HiddenFile(folder, f"payload-{file.table}.parquet")
        yield payload, _write_payload(delivery, file, payload, progress)


def _write_tokens(
    delivery: CheckedDelivery, file: DeliveredFile, key: HeldKey, told: Told, target: HiddenFile, progress: Progress
) -> int:
    rows, total = 0, delivery.staging.rows()[file.table]
    schema = TOKEN_SCHEMA.append(pa.field("bloom", pa.binary())) if told.bloom_agreed else TOKEN_SCHEMA
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for batch in delivery.staging.identity_rows(file):
            people = pl.DataFrame(pa.table({name: batch.column(name) for name in IDENTITY}))
            tokens = sealed_tokens(people, key, test_range=told.invented)
            columns = [_texts(batch.column(ROW_KEY)), *(tokens[name].to_arrow() for name in TOKENS)]
            if told.bloom_agreed:
                columns.append(_filters(people, key, told))
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            rows += batch.num_rows
            progress(f"tokens of {file.table}", rows, total)
    return rows


def _write_payload(delivery: CheckedDelivery, file: DeliveredFile, target: HiddenFile, progress: Progress) -> int:
    schema = payload_schema(file)
    rows, total = 0, delivery.staging.rows()[file.table]
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for batch in delivery.staging.payload_rows(file):
            columns = [_texts(batch.column(ROW_KEY)), *(batch.column(name) for name in file.payload)]
            cast = [column.cast(schema.field(place).type) for place, column in enumerate(columns)]
            writer.write_table(pa.Table.from_arrays(cast, schema=schema))
            rows += batch.num_rows
            progress(f"payload of {file.table}", rows, total)
    return rows


def payload_schema(file: DeliveredFile) -> pa.Schema:
    """The columns that leave for the research zone."""
    return pa.schema([(ROW_KEY, pa.string()), *((name, ARROW_TYPES[kind]) for name, kind in file.payload.items())])


def _filters(people: pl.DataFrame, key: HeldKey, told: Told) -> Any:
    try:
        from haven_controller.rules.linkage.sealed.filters import bloom_filters
    except ImportError:
        raise AgentError(
            "Bloom filters need fable-core, which is not installed.", mend="pip install 'haven-controller[bloom]'"
        ) from None
    return pa.array(bloom_filters(people, key, test_range=told.invented).to_list(), pa.binary())


def _texts(keys: Any) -> Any:
    """Row keys as text, in whatever form DuckDB gives them."""
    values = keys.to_pylist()
    return pa.array([str(value) if value is not None else None for value in values], pa.string())


def _packed(file: HiddenFile, rows: int) -> PackedFile:
    return PackedFile(name=file.name, sha256=sha256_of(file), bytes=file.size, rows=rows)


def _manifest(delivery: CheckedDelivery, key: HeldKey, told: Told, files: list[PackedFile]) -> TokenManifest:
    contract = delivery.contract
    aside: dict[str, int] = {}
    for (_, code), count in delivery.reasons().items():
        aside[code] = aside.get(code, 0) + count
    content = {
        "mode": "tokens",
        "name": told.name,
        "dataset": contract.dataset,
        "controller": contract.controller,
        "contract_version": contract.version,
        "period": told.period,
        "supersedes": told.supersedes,
        "files": tuple(files),
        "round": key.key_id.removeprefix("token/"),
        "round_version": key.version,
        "round_check": key.check_value,
        "specification": VERSION,
        "invented": told.invented,
        "bloom_agreed": told.bloom_agreed,
        "set_aside": dict(sorted(aside.items())),
        "content": content_of(delivery.sources, key.key),
    }
    try:
        return TokenManifest.model_validate(content)
    except ValidationError as error:
        wrong = ", ".join(str(item["loc"][0]) for item in error.errors(include_input=False) if item["loc"])
        raise AgentError(
            f"The manifest cannot be written: {wrong}.", mend="Names are letters, digits, dots, hyphens, underscores."
        ) from None


def _signed_manifest(manifest: TokenManifest, told: Told, folder: Path, open_files: ExitStack) -> list[HiddenFile]:
    """The manifest, and its signature where there is a key."""
    contents = {MANIFEST: manifest.as_bytes()}
    if told.sign:
        contents[SIGNATURE] = signature_of(contents[MANIFEST], read_signing_key(told.sign))
    files = [open_files.enter_context(HiddenFile(folder, name)) for name in contents]
    for file in files:
        file.write(contents[file.name])
    return files


def _seal(files: list[HiddenFile], recipient: pyrage.x25519.Recipient, out: Path) -> None:
    """One tar of plain files with the manifest first, encrypted; renamed when it is complete."""
    draft = out.with_name(f".{out.name}.part")
    draft.unlink(missing_ok=True)
    with HiddenFile(out.parent, "delivery.tar") as plain:
        with tarfile.open(fileobj=plain, mode="w|") as archive:
            for file in files:
                entry = tarfile.TarInfo(file.name)
                entry.size, entry.mode = file.size, 0o600
                with file.open() as source:
                    archive.addfile(entry, source)
        try:
            with plain.open() as source, _Target(draft, "x") as target:
                try:
                    pyrage.encrypt_io(source, target, [recipient])
                except pyrage.EncryptError:
                    if target.fault is not None:
                        raise target.fault from None
                    raise
                os.fsync(target.fileno())
            draft.replace(out)
        finally:
            draft.unlink(missing_ok=True)


class _Target(io.FileIO):
    """A file that remembers why it could not be written: who seals into it says only that it could not."""

    fault: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.fault = error
            raise
