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

from linkage.intake.reasons import Fault

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
        if MANIFEST in names:
            raise ValueError("the manifest cannot name itself")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of what was packed. The delivery's name is no part of it: the same content is the same delivery."""
        content = self.model_dump(mode="json", include={"dataset", "controller", "contract_version", "period"})
        content["files"] = sorted([f.name, f.sha256, f.rows] for f in self.files)
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def write(self, folder: Path) -> Path:
        """Write manifest.json, whole or not at all."""
        draft = folder / f".{MANIFEST}.part"
        text = json.dumps(self.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False)
        draft.write_text(text + "\n", encoding="utf-8")
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


def load_manifest(folder: Path) -> Manifest:
    """Read manifest.json. Raises Fault naming each wrong key, never its value."""
    path = folder / MANIFEST
    if not path.is_file() or path.is_symlink():
        raise Fault("manifest.missing")
    if path.stat().st_size > LARGEST_MANIFEST:
        raise _invalid("it is larger than any manifest")
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_unique_keys)
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


Stamp = tuple[int, int, int]


def stamp_of(path: Path) -> Stamp:
    """What changes when a file is written or replaced: inode, bytes, time of change in nanoseconds."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def check_folder(folder: Path, manifest: Manifest) -> dict[str, Stamp]:
    """Is everything there, nothing else, and each file as packed? Raises Fault for the first that is not.

    Returns each file's stamp from before it was hashed: one that differs after reading was changed meanwhile.
    """
    expected = {file.name: file for file in manifest.files}
    for entry in sorted(folder.iterdir()):
        if entry.name == MANIFEST:
            continue
        if entry.is_symlink() or not entry.is_file():
            raise Fault("file.not_plain", where=_place(entry.name, expected))
        if entry.name not in expected:
            raise Fault("file.extra")
    for file in manifest.files:
        path = folder / file.name
        if not path.is_file():
            raise Fault("file.missing", where=file.name)
        if path.stat().st_size != file.bytes:
            raise Fault("file.truncated", where=file.name)
    stamps = {file.name: stamp_of(folder / file.name) for file in manifest.files}
    for file in manifest.files:
        if sha256_of(folder / file.name) != file.sha256:
            raise Fault("file.altered", where=file.name)
    return stamps


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
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


def _place(name: str, expected: dict[str, PackedFile]) -> str | None:
    """A name is shown only when the manifest has it: any other may name a person."""
    return name if name in expected else None
