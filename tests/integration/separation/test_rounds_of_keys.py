"""One contract for where the keys of rounds lie: in this process, and with the linkage zone's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyrage
import pytest

from access.keys import KeyRingError
from access.keys.errors import RecipientUnlisted, RoundDestroyed
from access.keys.rounds_here import RoundsHere
from infra.accounts.serving import listed_recipients
from linkage.sealed.rounds import RoundsInTheZone
from linkage.zones import Zones
from tests.fakes.zone_processes import ME, behind_sockets

IDENTITY = pyrage.x25519.Identity.generate()
RECIPIENT = str(IDENTITY.to_public())


@pytest.fixture(params=["here", "there"])
def rounds(request: pytest.FixtureRequest, zones: Zones, tmp_path: Path) -> Iterator[RoundsHere | RoundsInTheZone]:
    """Where the rounds' keys lie: each adapter in turn."""
    if request.param == "here":
        yield RoundsHere(zones.keyring.rounds)
        return
    with behind_sockets(zones, tmp_path, listed=lambda one: one == RECIPIENT) as there:
        yield RoundsInTheZone(there)


def test_a_rounds_key_leaves_sealed_only_and_ends_for_good(rounds: RoundsHere | RoundsInTheZone, zones: Zones) -> None:
    """Made, found by its sign, opened by its recipient, destroyed: the name is spent; one forgotten stays free."""
    made = rounds.create("census")
    assert rounds.find("census") == made
    assert rounds.find("none") is None
    held = json.loads(pyrage.decrypt(rounds.sealed("census", RECIPIENT), [IDENTITY]))
    assert (held["check_value"], held["key"]) == (made.check_value, zones.keyring.token_key("census").key.hex())
    assert rounds.destroy("census")
    for refused in (lambda: rounds.find("census"), lambda: rounds.sealed("census", RECIPIENT)):
        with pytest.raises(RoundDestroyed, match="compared with nothing"):
            refused()
    with pytest.raises(KeyRingError, match="there before"):
        rounds.create("census")
    rounds.create("other")
    rounds.forget("other")
    assert rounds.find("other") is None
    assert rounds.create("other")


def test_nobody_takes_or_ends_the_standing_round(rounds: RoundsHere | RoundsInTheZone, zones: Zones) -> None:
    """The spine's key is neither sealed nor erased nor named, whoever asks; it is there afterwards."""
    key = zones.keyring.token_key("spine")
    tries: list[Callable[[], object]] = [
        lambda: rounds.create("spine"),
        lambda: rounds.sealed("spine", RECIPIENT),
        lambda: rounds.destroy("spine"),
        lambda: rounds.forget("spine"),
        lambda: rounds.sealed("../roles", RECIPIENT),
    ]
    for one in tries:
        with pytest.raises(KeyRingError):
            one()
    assert rounds.find("spine") is None
    assert zones.keyring.token_key("spine") == key


@pytest.mark.skipif(ME != 0, reason="the list is root's")
def test_a_rounds_key_is_sealed_for_nobody_whom_root_has_not_listed(zones: Zones, tmp_path: Path) -> None:
    """Neither in a process without a list nor for another than the listed; root lists a recipient without a restart."""
    listed = listed_recipients(tmp_path / "controllers")
    (tmp_path / "controllers").mkdir()
    with behind_sockets(zones, tmp_path) as there:
        rounds = RoundsInTheZone(there)
        rounds.create("census")
        with pytest.raises(RecipientUnlisted):
            rounds.sealed("census", RECIPIENT)
    with behind_sockets(zones, tmp_path, listed=listed) as there:
        rounds = RoundsInTheZone(there)
        with pytest.raises(RecipientUnlisted, match="sealed for nobody else") as refused:
            rounds.sealed("census", RECIPIENT)
        assert "zones/controllers" in str(refused.value.mend)
        (tmp_path / "controllers" / "gp.recipient").write_text(f"# the practice\n{RECIPIENT}\n", encoding="utf-8")
        assert pyrage.decrypt(rounds.sealed("census", RECIPIENT), [IDENTITY])
        with pytest.raises(RecipientUnlisted):
            rounds.sealed("census", RECIPIENT[:-1])
