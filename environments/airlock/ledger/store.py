"""Where do the ledger's sets lie? Sealed: a file for each round of a request, and one that numbers the people.

Under AES-256-GCM, with the project's and the request's name bound in, for this account only. A set says who is in a
cell: it is more telling than the table, and nobody is shown one. Nothing here is ever removed; which of it counts, the
state of the request says (docs/adr/0023-release-ledger.md).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray
from pyroaring import BitMap

from access.keys.files import locked, write_private
from environments.airlock.errors import EvidenceBroken
from environments.airlock.ledger.model import Marks
from environments.disclosure.ledger.model import CellName, LedgerDifference, LedgerTable, PersonSet

MAGIC = b"haven ledger 2\n"
NONCE_BYTES = 12
PRIVATE = 0o700
PEOPLE = "ledger/people"  # no project's name
NUMBERED = np.dtype([("mark", "<u8"), ("number", "<u4")])


class Numbered(NamedTuple):
    """How many people had numbers, and the digest of their marks in the order of the numbers."""

    size: int
    digest: str


NOBODY = Numbered(0, "")


@dataclass(frozen=True)
class LedgerRecord:
    """One round of a request: its tables by file name, and what they were found to differ from by too few people.

    people: how they were numbered when it was written; its sets mean nothing under other numbers.
    """

    tables: dict[str, LedgerTable]
    differences: tuple[LedgerDifference, ...] = ()
    people: Numbered = NOBODY


class LedgerStore:
    """The sealed files. key_of: the AES key of a project's evidence, and of the file that numbers people."""

    def __init__(self, folder: Path, key_of: Callable[[str], bytes]) -> None:
        self._folder = folder
        self._key_of = key_of

    def alone(self) -> AbstractContextManager[None]:
        """One table at a time is tested and entered: of two that are harmful together the second meets the first."""
        return locked(self._folder)

    def numbers(self, marks: Marks) -> NDArray[np.uint32]:
        """The numbers of people; who was never met gets the next. Within `alone`. Raises EvidenceBroken."""
        place, known = self._folder / "people", self._people()
        unknown = np.setdiff1d(marks, known["mark"])
        if unknown.size:
            # In the order of the marks, which is by chance: neighbours have nothing in common.
            added = np.empty(unknown.size, NUMBERED)
            added["mark"], added["number"] = unknown, np.arange(known.size, known.size + unknown.size)
            known = np.concatenate([known, added])
            known = known[np.argsort(known["mark"])]
            self._seal(place, PEOPLE, PEOPLE, known.tobytes())
        found: NDArray[np.uint32] = known["number"][np.searchsorted(known["mark"], marks)]
        return found

    def _people(self) -> NDArray[Any]:
        """Everybody with a number. Raises EvidenceBroken where it is gone, though tables were entered."""
        content = self._opened(self._folder / "people", PEOPLE, PEOPLE)
        if content is None and next(self._folder.glob("*/round-*"), None) is not None:
            raise _lost()
        return np.frombuffer(content or b"", NUMBERED)

    def require_people(self, records: Iterable[LedgerRecord]) -> None:
        """Do the people begin with those whom each record was numbered with? Within `alone`. Raises EvidenceBroken."""
        bound = {one.people for one in records} - {NOBODY}
        if not bound:
            return
        known = self._people()
        most = max(bound, key=lambda one: one.size)
        if known.size < most.size or _digest(known, most.size) != most.digest:
            raise _lost()

    def numbered(self) -> Numbered:
        """How the people stand now: what a record is bound to. Within `alone`."""
        known = self._people()
        return Numbered(known.size, _digest(known, known.size))

    def write(self, project: str, request: str, round_number: int, record: LedgerRecord) -> None:
        """Keep a round's tables, in place of what is there of it."""
        parts: list[bytes] = []

        def told(one: PersonSet) -> tuple[str, int, int]:
            parts.append(one.people.serialize())
            return one.cell.cell, len(parts[-1]), one.digest

        tables = [
            {"file": name, "smallest": one.smallest, "layers": [[told(cell) for cell in layer] for layer in one.layers]}
            for name, one in record.tables.items()
        ]
        differences = [[one.cells, one.earlier] for one in record.differences]
        people = [record.people.size, record.people.digest]
        header = json.dumps({"tables": tables, "differences": differences, "people": people}).encode()
        content = len(header).to_bytes(8, "big") + header + b"".join(parts)
        self._seal(self._place(request, round_number), project, f"{request}/{round_number}", content)

    def read(self, project: str, request: str, round_number: int) -> LedgerRecord | None:
        """A round's tables; None where none were entered. Raises EvidenceBroken for what was changed or moved."""
        place = self._place(request, round_number)
        content = self._opened(place, project, f"{request}/{round_number}")
        if content is None:
            return None
        length = int.from_bytes(content[:8], "big")
        header = json.loads(content[8 : 8 + length])
        tables, at = {}, 8 + length
        for table in header["tables"]:
            layers = []
            for layer in table["layers"]:
                sets = []
                for cell, size, digest in layer:
                    people = BitMap.deserialize(content[at : at + size])
                    sets.append(PersonSet(CellName(request, table["file"], cell), people, digest))
                    at += size
                layers.append(sets)
            tables[table["file"]] = LedgerTable.of(table["smallest"], layers)
        differences = tuple(LedgerDifference(_names(cells), _names(old)) for cells, old in header["differences"])
        return LedgerRecord(tables, differences, Numbered(*header["people"]))

    def _place(self, request: str, round_number: int) -> Path:
        return self._folder / request / f"round-{round_number}"

    def _seal(self, place: Path, project: str, name: str, content: bytes) -> None:
        nonce = os.urandom(NONCE_BYTES)
        place.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        sealed = AESGCM(self._key_of(project)).encrypt(nonce, content, _bound(project, name))
        write_private(place, MAGIC + nonce + sealed)

    def _opened(self, place: Path, project: str, name: str) -> bytes | None:
        try:
            content = place.read_bytes()
            if not content.startswith(MAGIC):
                raise ValueError
            nonce = content[len(MAGIC) :][:NONCE_BYTES]
            sealed = memoryview(content)[len(MAGIC) + NONCE_BYTES :]
            return AESGCM(self._key_of(project)).decrypt(nonce, sealed, _bound(project, name))
        except FileNotFoundError:
            return None
        except (OSError, InvalidTag, ValueError):
            raise EvidenceBroken(
                "A file of the release ledger is damaged or stands in the place of another: nothing can be tested.",
                where=place.parent.name,
                mend="Keep the machine as it is and tell the data team; the ledger comes back from its backup.",
            ) from None


def _digest(known: NDArray[Any], count: int) -> str:
    """Of the first people by number."""
    marks = np.zeros(known.size, np.uint64)
    marks[known["number"]] = known["mark"]
    return hashlib.sha256(marks[:count].tobytes()).hexdigest()


def _lost() -> EvidenceBroken:
    return EvidenceBroken(
        "The release ledger's file of people is gone, or older than its tables: nothing can be tested.",
        where="ledger/people",
        mend="Keep the machine as it is and tell the data team; the ledger comes back from its backup.",
    )


def _names(cells: Sequence[Sequence[str]]) -> tuple[CellName, ...]:
    return tuple(CellName(*one) for one in cells)


def _bound(project: str, name: str) -> bytes:
    return json.dumps([project, name]).encode()
