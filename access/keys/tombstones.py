"""What stays of a round whose key was erased? A tombstone: which round, for what, when, by whom; never the key.

It lies where the key lay, with the linkage zone: who asks for an erasure cannot also take away what tells of it, and no
key ever gets the name again. The file ends as the older ones do, which said nothing but that the round was destroyed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from access.keys.files import write_private
from access.keys.model import EndedRound, RoundEnd

TOMBSTONE = ".destroyed"
USED = ".used"
OF_KEY = {"check": "check_value", "datasets": "datasets", "made_at": "made_at", "made_by": "made_by"}
"""What is taken from the key's own file, where it stands beside the wrapped key, and what it is called here."""


@dataclass(frozen=True)
class Use:
    """That a round's key was sealed: for whom, when, and who asked for it."""

    used_for: str
    used_at: str
    used_by: str


def read_use(path: Path) -> Use | None:
    """What stands beside a used round's key; None: it was not sealed yet."""
    found = _data(path)
    return Use(*(str(found[one.name]) for one in fields(Use))) if found else None


def write_use(path: Path, use: Use) -> None:
    """In a file of its own: the key's is never written anew, which would leave its old blocks on the disk."""
    write_private(path, json.dumps(asdict(use)).encode())


def write_tombstone(path: Path, key_file: Path, use: Path, end: RoundEnd, at: str | None, by: str | None) -> None:
    """All that is known of the round. A key's file that is damaged is erased all the same, and less is told."""
    known = _data(key_file)
    told: dict[str, Any] = {name: known[there] for there, name in OF_KEY.items() if there in known}
    told |= _data(use) | {"end": end.value, "ended_at": at, "ended_by": by}
    write_private(path, json.dumps(told).encode())


def read_tombstone(path: Path) -> EndedRound:
    """What it says; of an older one, the name alone."""
    found = _data(path)
    told: dict[str, Any] = {
        one.name: found.get(one.name) for one in fields(EndedRound) if one.name not in ("name", "end")
    }
    told["datasets"] = tuple(found.get("datasets") or ())
    return EndedRound(path.stem, RoundEnd(found.get("end", RoundEnd.DESTROYED.value)), **told)


def _data(path: Path) -> dict[str, Any]:
    """The JSON object in this file; empty where there is none."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
