"""A ladder in pieces whose first piece to begin fails while others run and wait: what is told, done and left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Any
from unittest.mock import patch

from linkage.matching.engines import piece_workers, running_in_pieces
from linkage.matching.engines.errors import EngineFailed
from linkage.matching.engines.piece_tables import PieceSettings, PieceTables, RunPieces
from linkage.matching.engines.piece_workers import Workers
from linkage.matching.engines.running_in_pieces import InPieces
from tests.fakes.engine_runs import zone_with
from tests.fakes.evidence import accidental_evidence

PIECES = 12
FAILS = "SELECT error('a value')"
SECONDS = 60


@dataclass
class Happened:
    """told: the errors' text; begun: pieces that a worker was given; there: was the folder, when each had ended?"""

    told: str = ""
    begun: int = 0
    there: list[bool] = field(default_factory=list)


def fail_a_piece(under: Path, run: RunPieces | None) -> Happened:
    """A run of twelve pieces and two workers, made by `run`. The first to begin fails; no other ends before that."""
    happened, asked, first = Happened(), piece_workers._asked, Workers._first
    one_at_a_time, failed = Lock(), Event()

    def asking(worker: Any, told: Mapping[str, Any]) -> list[int]:
        with one_at_a_time:
            happened.begun += 1
            fails = happened.begun == 1
        try:
            if fails:
                return asked(worker, {**told, "select": FAILS})
            assert failed.wait(SECONDS)
            return asked(worker, told)
        finally:
            happened.there.append(Path(told["to"]).parent.exists())

    def noting(self: Workers, error: EngineFailed) -> EngineFailed:
        noted = first(self, error)
        failed.set()
        return noted

    def join_records(tables: PieceTables, *_: object, **__: object) -> None:
        with patch.object(piece_workers, "_asked", asking), patch.object(Workers, "_first", noting):
            tables.keep("work", "SELECT record FROM evidence")

    evidence = accidental_evidence(1, 30, 2)
    settings = PieceSettings(under, rows_a_piece=-(-evidence.height // PIECES), run=run)
    with zone_with(evidence) as zone, patch.object(running_in_pieces, "join_records", join_records):
        try:
            InPieces(settings)(zone)
        except EngineFailed as error:
            happened.told = str(error)
    return happened
