"""A ladder in pieces whose first piece fails for certain while others run and wait: what is told, done and left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from linkage.matching.engines import piece_workers, running_in_pieces
from linkage.matching.engines.errors import EngineFailed
from linkage.matching.engines.piece_tables import PieceSettings, PieceTables, RunPieces
from linkage.matching.engines.running_in_pieces import InPieces
from tests.fakes.engine_runs import zone_with
from tests.fakes.evidence import accidental_evidence

PIECES = 12
FAILS = f"SELECT CASE WHEN hash(record) % {PIECES} = 0 THEN error('a value') ELSE list_sum(range(2000000)) END AS r"


@dataclass
class Happened:
    """told: the errors' text; begun: pieces that a worker was given; there: was the folder, when each had ended?"""

    told: str = ""
    begun: int = 0
    there: list[bool] = field(default_factory=list)


def fail_a_piece(under: Path, run: RunPieces | None) -> Happened:
    """A run of twelve pieces and two workers, made by `run`; the first fails at once, the others take a while."""
    happened, asked = Happened(), piece_workers._asked

    def asking(worker: Any, told: Mapping[str, Any]) -> list[int]:
        happened.begun += 1
        try:
            return asked(worker, told)
        finally:
            happened.there.append(Path(told["to"]).parent.exists())

    def join_records(tables: PieceTables, *_: object, **__: object) -> None:
        with patch.object(piece_workers, "_asked", asking):
            tables.keep("work", f"{FAILS} FROM evidence")

    evidence = accidental_evidence(1, 30, 2)
    settings = PieceSettings(under, rows_a_piece=-(-evidence.height // PIECES), run=run)
    with zone_with(evidence) as zone, patch.object(running_in_pieces, "join_records", join_records):
        try:
            InPieces(settings)(zone)
        except EngineFailed as error:
            happened.told = str(error)
    return happened
