"""What ends a round? Its destruction, and not a key that is missing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from access.keys import KeyRing
from linkage.errors import LinkageError
from linkage.matching.in_zones import _living_round
from linkage.sealed.service import link_sealed
from tests.fakes.linkage_zone import AT
from tests.fakes.sealed_zone import SealedZone


def _zone_and_ring(tmp_path: Path) -> tuple[SealedZone, KeyRing]:
    zone, keyring = SealedZone(), KeyRing.open(tmp_path / "keys")
    zone.rounds["r1"] = keyring.rounds.create("r1")
    person: dict[str, str | None] = {"local_id": "s", "nhs_number": "9990000018", "date_of_birth": "1980-02-03"}
    zone.bring("a", [person | {"dataset": "gp"}])
    zone.bring_sealed("b", [person | {"dataset": "hospital"}])
    zone.link_all()
    return zone, keyring


def _link(zone: SealedZone, keyring: KeyRing) -> int:
    rounds = _living_round(SimpleNamespace(keyring=keyring))  # type: ignore[arg-type]
    try:
        link_sealed(zone.zone, zone.counting, zone.run, AT, rounds, test_range=True)
    finally:
        found = zone.zone.execute("SELECT count(n) FROM sealed_records").fetchall()
    return int(found[0][0])


def test_a_missing_key_is_no_destroyed_round(tmp_path: Path) -> None:
    """Without the key's file, as after half a restore, a run says so and the tokens stay."""
    zone, keyring = _zone_and_ring(tmp_path)
    (tmp_path / "keys" / "rounds" / "r1.json").unlink()
    with pytest.raises(LinkageError, match="missing, and was not destroyed") as told:
        _link(zone, keyring)
    assert "Restore" in str(told.value.mend)
    assert zone.zone.execute("SELECT count(n) FROM sealed_records").fetchall() == [(1,)]


@pytest.mark.parametrize("end", ["destroy", "forget"])
def test_an_ended_round_loses_its_tokens(tmp_path: Path, end: str) -> None:
    """With the tombstone there, with a certificate or without one, the tokens go."""
    zone, keyring = _zone_and_ring(tmp_path)
    getattr(keyring.rounds, end)("r1")
    assert _link(zone, keyring) == 0
