"""What is a request for a package? One version of one package, why, and the file that was mirrored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from environments.airlock.model import Move
from environments.airlock.packages.states import OWNER, PackageState


@dataclass(frozen=True)
class PackageRequest:
    """A request, as it stands. name: as indexes normalise it; file, sha256: of what was mirrored, None before."""

    id: str
    project: str
    name: str
    version: str
    state: PackageState
    author: str
    why: str
    members: frozenset[str]
    checkers: frozenset[str]
    file: str | None
    sha256: str | None
    created: datetime
    moved: datetime
    moves: tuple[Move, ...]

    @property
    def makers(self) -> frozenset[str]:
        """Who asked for it."""
        return frozenset({self.author})

    @property
    def whose_turn(self) -> str:
        """Who acts next, in words."""
        return OWNER[self.state]


def normalised(name: str) -> str:
    """One spelling for all of a package's names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
