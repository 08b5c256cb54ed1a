"""How is evidence kept so that the airlock can believe it? Signed by the gateway, encrypted, tied to one query.

A file for each query: a header (which query, which statement's hash, which scope, which figures) and a table with a row
for each group, under AES-256-GCM with the project's and the query's name bound in, and an Ed25519 signature inside over
both. It holds true counts: it lies beside the log, for this account only, and nothing of it goes to who asked.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from access.keys.files import write_private
from access.keys.signatures import signature, verifies
from environments.gateway.errors import EvidenceInvalid

MAGIC = b"haven evidence 1\n"
CONTEXT = b"haven/evidence/1\n"
NONCE_BYTES = 12
PRIVATE_FOLDER = 0o700


@dataclass(frozen=True)
class Evidence:
    """What stands behind a query's figures.

    header: query, project, sql, sql_digest, parameters, scope_version, scope_build, at, columns (the names of the
    result's), keys, figures. groups: a row for each group: its keys, `people`, `rows`, and for each figure `people_N`,
    `largest_N` (two numbers), `total_N` (absolute).
    """

    header: Mapping[str, Any]
    groups: pa.Table

    @property
    def people(self) -> int:
        """People behind the groups, added up: who stands in several counts in each."""
        return sum(self.groups["people"].to_pylist())


class EvidenceFolder:
    """The evidence of a haven's queries. key_of: the AES key of a project; signer: the gateway's signing key."""

    def __init__(self, folder: Path, key_of: Callable[[str], bytes], signer: Ed25519PrivateKey) -> None:
        self._folder = folder
        self._key_of = key_of
        self._signer = signer

    def seal(self, evidence: Evidence) -> str:
        """Write it, durable; the SHA-256 of its file, for the log. Raises OSError."""
        header = json.dumps(evidence.header, sort_keys=True).encode()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, evidence.groups.schema) as writer:
            writer.write_table(evidence.groups)
        body = sink.getvalue().to_pybytes()
        signed = signature(_told(header, body), self._signer, CONTEXT)
        whole = json.dumps({"header": header.decode(), "signature": signed.decode()}).encode()
        nonce = os.urandom(NONCE_BYTES)
        project, query = str(evidence.header["project"]), str(evidence.header["query"])
        clear = len(whole).to_bytes(4, "big") + whole + body
        content = MAGIC + nonce + AESGCM(self._key_of(project)).encrypt(nonce, clear, _bound(project, query))
        path = self._path(project, query)
        for folder in (self._folder, path.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
        write_private(path, content)
        return hashlib.sha256(content).hexdigest()

    def open(self, project: str, query: str) -> Evidence | None:
        """The evidence of a query; None where there is none. Raises EvidenceInvalid for what was changed or moved."""
        try:
            content = self._path(project, query).read_bytes()
        except FileNotFoundError:
            return None
        nonce, sealed = content[len(MAGIC) :][:NONCE_BYTES], content[len(MAGIC) + NONCE_BYTES :]
        try:
            if not content.startswith(MAGIC):
                raise ValueError
            clear = AESGCM(self._key_of(project)).decrypt(nonce, sealed, _bound(project, query))
            length = int.from_bytes(clear[:4], "big")
            whole, body = json.loads(clear[4 : 4 + length]), clear[4 + length :]
            header = whole["header"].encode()
            if not verifies(whole["signature"].encode(), _told(header, body), self._signer.public_key(), CONTEXT):
                raise ValueError
            return Evidence(json.loads(header), pa.ipc.open_stream(body).read_all())
        except (InvalidTag, ValueError, KeyError, TypeError, pa.ArrowException):
            raise EvidenceInvalid(
                "The evidence of this query is damaged or was put in the place of another; it counts for nothing.",
                where=self._path(project, query).name,
                mend="Run the query again.",
            ) from None

    def _path(self, project: str, query: str) -> Path:
        return self._folder / project / f"{query}.evidence"


def _told(header: bytes, body: bytes) -> bytes:
    """What is signed: the header, and the table by its hash."""
    return base64.b64encode(header) + b"\n" + hashlib.sha256(body).hexdigest().encode()


def _bound(project: str, query: str) -> bytes:
    return json.dumps([project, query]).encode()
