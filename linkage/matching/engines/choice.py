"""On which engine does a haven link? Chosen in its settings, for the ladder and for what weighs the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from linkage.matching.engines.running import RunLadder, in_duckdb
from linkage.matching.residual.slices import Weighing
from linkage.private_folders import sweep


@dataclass(frozen=True)
class LinkageEngine:
    """name: for the record of each run. Without arguments: DuckDB in the zone's own process.

    exchanges: the folders where any engine that could have been chosen puts tokens for the while.
    """

    name: str = "duckdb"
    ladder: RunLadder = in_duckdb
    weighing: Weighing = field(default_factory=Weighing)
    exchanges: tuple[Path, ...] = ()

    def tidy(self) -> None:
        """Remove what a killed run left, whichever engine it was on: it holds tokens."""
        for folder in self.exchanges:
            sweep(folder)
