"""What did the controller pack? Names, SHA-256 and row counts of the files, checked before any row is read.

The digest of what was packed is the delivery's identity: the same content twice is the same delivery.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from linkage.contracts.contract import DatasetContract
from linkage.intake.reasons import Fault
from linkage.intake.sources import Source

MANIFEST = "manifest.json"
LARGEST_MANIFEST = 4 * 1024 * 1024
FileName = Annotated[str, StringConstraints(pattern=r"^[^/\\\x00-\x1f]{1,200}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class PackedFile(BaseModel):
    """One data file as it was packed. rows: without the header."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: FileName
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    bytes: int = Field(ge=0, strict=True)
    rows: int = Field(ge=0, strict=True)


class Period(BaseModel):
    """The days that the delivery is about, both included."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    first: date = Field(alias="from")
    last: date = Field(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError("the period ends before it begins")
        return self


class Manifest(BaseModel):
    """manifest.json."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    haven_manifest: Literal[1] = 1
    name: Name
    dataset: Word
    controller: Word
    contract_version: str = Field(max_length=40)
    period: Period | None = None
    supersedes: Name | None = None
    files: tuple[PackedFile, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _files_once(self) -> Self:
        names = [file.name.casefold() for file in self.files]
        if len(set(names)) < len(names):
            raise ValueError("a file stands twice in the manifest")
        if {MANIFEST, "manifest.sig"} & set(names):
            raise ValueError("the manifest cannot name itself")
        return self

    def require_contract(self, contract: DatasetContract) -> None:
        """Was it packed for this contract? Raises Fault."""
        if (self.dataset, self.contract_version) != (contract.dataset, contract.version):
            raise Fault(
                "manifest.contract",
                f"The delivery was packed for contract {self.dataset} {self.contract_version[:40]}, and is received"
                f" under {contract.dataset} {contract.version}.",
            )
        if self.controller != contract.controller:
            raise Fault("manifest.controller")

    @property
    def digest(self) -> str:
        """SHA-256 of what was packed. The delivery's name is no part of it: the same content is the same delivery."""
        content = self.model_dump(mode="json", include={"dataset", "controller", "contract_version", "period"})
        content["files"] = sorted([f.name, f.sha256, f.rows] for f in self.files)
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def as_bytes(self) -> bytes:
        """What manifest.json holds."""
        text = json.dumps(self.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False)
        return f"{text}\n".encode()

    def write(self, folder: Path) -> Path:
        """Write manifest.json, whole or not at all."""
        draft = folder / f".{MANIFEST}.part"
        draft.write_bytes(self.as_bytes())
        return draft.replace(folder / MANIFEST)


Check = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Round = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")]


class TokenManifest(Manifest):
    """manifest.json of a delivery in mode B: tokens under a round's key instead of identifiers (linkage.sealed).

    specification: the rules of standardisation. invented: numbers of the NHS test range stand for people.
    set_aside: rows that stayed with the controller, by reason. bloom_agreed: the agreement to send Bloom filters.
    content: `content_of` the controller's own files. Row keys are random, so that the files here are never twice alike.
    """

    mode: Literal["tokens"]
    round: Round
    round_version: int = Field(ge=1, strict=True)
    round_check: Check
    specification: str = Field(max_length=40)
    invented: bool = False
    set_aside: dict[str, int] = Field(default_factory=dict)
    bloom_agreed: Annotated[str, StringConstraints(min_length=3, max_length=120)] | None = None
    content: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

    @property
    def digest(self) -> str:
        """SHA-256 of what was packed, in what way: a controller's same files in the same round are one delivery."""
        told = {"dataset", "controller", "contract_version", "period", "round", "round_check", "specification"}
        said = self.model_dump(mode="json", include=told | {"invented", "bloom_agreed", "content"})
        return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def content_of(files: list[str], key: bytes) -> str:
    """HMAC over the SHA-256 of a controller's files under the round's key: it tells nothing to who has not the key."""
    told = "haven-content/1\n" + "\n".join(sorted(files))
    return hmac.digest(key, told.encode(), "sha256").hex()


def parse_manifest(content: bytes) -> Manifest:
    """What manifest.json says. Raises Fault naming each wrong key, never its value."""
    try:
        data = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_unique_keys)
        form = TokenManifest if isinstance(data, dict) and "mode" in data else Manifest
        return form.model_validate(data)
    except UnicodeDecodeError:
        raise _invalid("it is not UTF-8") from None
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, e['loc'])) or 'manifest'}: {e['msg']}" for e in error.errors(include_input=False)
        ]
        raise _invalid("; ".join(problems[:6])) from None
    except _RepeatedKey:
        raise _invalid("a key stands twice in it") from None
    except (ValueError, RecursionError):  # not JSON, or a number of thousands of digits
        raise _invalid("it is not JSON") from None


def sha256_of(source: Source | Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with source.open("rb") if isinstance(source, Path) else source.open() as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _RepeatedKey(ValueError):
    pass


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) < len(pairs):
        raise _RepeatedKey
    return keys


def _invalid(why: str) -> Fault:
    return Fault("manifest.invalid", f"manifest.json is not a manifest: {why}.")
