"""The rule book of rounds: a key is used once, destroyed with a certificate, and nothing of it is done unrecorded."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path

import pyrage
import pytest

from access.keys import KeyRingError
from access.keys.certificate import require_genuine
from access.keys.custody import KeyCustody
from access.keys.errors import RecipientUnlisted, RoundTaken
from access.keys.model import RoundEnd, RoundState
from access.keys.rounds_here import RoundsHere
from audit.errors import AuditUnavailable
from audit.events import EventName
from tests.fakes.custody import ASHA, DARIA, Keys, keys_at, refused_by
from tests.fakes.havens import START


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Daria is a data engineer of the haven; Gwen and Hari are delegates; Asha's project is live."""
    return keys_at(tmp_path)


def test_a_rounds_key_is_used_once_and_then_destroyed_with_a_certificate(keys: Keys) -> None:
    """Made, taken once and sealed, destroyed: the certificate names what, when, by whom, and verifies."""
    made = keys.custody.create_round("census", "tokens of the census", ["gp"], by=DARIA)
    held = keys.opened(keys.file(keys.custody.use_round("census", keys.recipient, by=DARIA)).sealed)
    assert held["key"] == keys.ring.token_key("census").key.hex()
    assert refused_by(keys, lambda: keys.custody.use_round("census", keys.recipient, by=DARIA)) == "keys.round_used"
    keys.clock.at += timedelta(days=2)
    given = keys.custody.destroy_round("census", by=DARIA)
    said = given["statement"]
    assert (said["key_id"], said["check_value"], said["destroyed_by"]) == (
        "token/census",
        made.check_value,
        "person:daria",
    )
    assert said["destroyed_at"].startswith("2026-03-03")
    assert said["handed_out"] is True
    assert "backups" in said["what"]
    require_genuine(given, keys.ring.signing_key("certificate").public_key())
    assert keys.custody.certificate("census") == given
    with pytest.raises(KeyRingError, match="destroyed"):
        keys.ring.token_key("census")
    found = keys.custody.round("census")
    assert found is not None
    assert found.state is RoundState.DESTROYED
    assert keys.events[-2:] == [EventName.KEY_ROUND_DESTRUCTION_STARTED, EventName.KEY_ROUND_DESTROYED]
    assert held["key"] not in json.dumps(given)


def test_a_recipient_that_the_keys_place_does_not_know_is_recorded(keys: Keys) -> None:
    """Where the keys lie with another account, its refusal is in the log, and the round can still be taken."""

    class Refusing(RoundsHere):
        def sealed(self, name: str, recipient: str, *, days: int, by: str) -> bytes:
            raise RecipientUnlisted("No controller is listed with this recipient.")

    ring, custody = keys.ring, keys.custody
    custody.create_round("census", "tokens", ["gp"], by=DARIA)
    elsewhere = KeyCustody(ring, keys.access.records, keys.access, Refusing(ring))
    with pytest.raises(RecipientUnlisted):
        elsewhere.use_round("census", keys.recipient, by=DARIA)
    assert keys.events[-1] is EventName.KEY_ROUND_USE_REFUSED
    assert custody.use_round("census", keys.recipient, by=DARIA)


def test_a_use_that_could_not_be_recorded_binds_the_round_to_its_recipient(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key was sealed, the entry not written: the same recipient can have it still, and nobody else."""
    keys.custody.create_round("census", "tokens", ["gp"], by=DARIA)
    with monkeypatch.context() as patch:
        patch.setattr(keys.access.records.log, "append", _no_log)
        with pytest.raises(AuditUnavailable):
            keys.custody.use_round("census", keys.recipient, by=DARIA)
    other = str(pyrage.x25519.Identity.generate().to_public())
    with pytest.raises(RoundTaken, match="another recipient"):
        keys.custody.use_round("census", other, by=DARIA)
    assert keys.events[-1] is EventName.KEY_ROUND_USE_REFUSED
    assert keys.file(keys.custody.use_round("census", keys.recipient, by=DARIA)).recipient == keys.recipient


def test_a_certificate_that_was_changed_is_told(keys: Keys) -> None:
    """One letter of the statement, or another haven's key, and it is not genuine."""
    keys.custody.create_round("census", "tokens", ["gp"], by=DARIA)
    given = keys.custody.destroy_round("census", by=DARIA)
    public = keys.ring.signing_key("certificate").public_key()
    changed = {**given, "statement": {**given["statement"], "destroyed_by": "person:emil"}}
    for wrong in (changed, {**given, "signature": base64.b64encode(bytes(64)).decode()}, {}):
        with pytest.raises(KeyRingError, match="not this haven's"):
            require_genuine(wrong, public)
    with pytest.raises(KeyRingError):
        require_genuine(given, keys.ring.signing_key("release").public_key())


def test_a_destruction_that_was_cut_short_is_finished_by_the_same_command(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No certificate while the key may still lie there; the second run erases and certifies."""
    keys.custody.create_round("census", "tokens", ["gp"], by=DARIA)
    with monkeypatch.context() as patch:
        patch.setattr("access.keys.rounds.erase", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            keys.custody.destroy_round("census", by=DARIA)
    with pytest.raises(KeyRingError, match="no certificate"):
        keys.custody.certificate("census")
    with pytest.raises(KeyRingError, match="destroyed"):
        keys.ring.token_key("census")
    assert keys.ring.rounds.lies_here("census")
    keys.custody.destroy_round("census", by=DARIA)
    assert not keys.ring.rounds.lies_here("census")
    assert keys.custody.certificate("census")


def _interrupted(_: object) -> None:
    raise KeyboardInterrupt


def test_what_may_not_be_destroyed(keys: Keys) -> None:
    """The standing round of the spine; a round that is not there; one that is gone; and not by a researcher."""
    keys.custody.create_round("census", "tokens", ["gp"], by=DARIA)
    assert refused_by(keys, lambda: keys.custody.destroy_round("spine", by=DARIA)) == "keys.round_standing"
    assert refused_by(keys, lambda: keys.custody.destroy_round("none", by=DARIA)) == "keys.round_unknown"
    assert refused_by(keys, lambda: keys.custody.destroy_round("census", by=ASHA)) == "keys.no_keeper"
    keys.custody.destroy_round("census", by=DARIA)
    assert refused_by(keys, lambda: keys.custody.destroy_round("census", by=DARIA)) == "keys.round_destroyed"
    assert (
        refused_by(keys, lambda: keys.custody.create_round("census", "again", ["gp"], by=DARIA)) == "keys.round_known"
    )
    assert refused_by(keys, lambda: keys.custody.create_round("spine", "again", ["gp"], by=DARIA)) == "keys.round_known"


def test_without_the_log_no_round_is_made_or_destroyed(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """No log, no change: a round that could not be recorded leaves no key; one that could not be ended stays."""
    keys.custody.create_round("kept", "tokens", ["gp"], by=DARIA)
    with monkeypatch.context() as patch:
        patch.setattr(keys.access.records.log, "append", _no_log)
        with pytest.raises(AuditUnavailable):
            keys.custody.create_round("census", "tokens", ["gp"], by=DARIA)
        with pytest.raises(AuditUnavailable):
            keys.custody.destroy_round("kept", by=DARIA)
    assert keys.ring.rounds.names() == ["kept"]
    assert keys.ring.token_key("kept")
    with pytest.raises(KeyRingError, match="there before"):
        keys.custody.create_round("census", "tokens", ["gp"], by=DARIA)
    assert keys.custody.create_round("census-again", "tokens", ["gp"], by=DARIA).state is RoundState.CREATED
    (told,) = keys.custody.ended_rounds()
    assert (told.name, told.end, told.datasets) == ("census", RoundEnd.FORGOTTEN, ("gp",))
    assert (told.made_by, told.used_at, told.ended_by) == (DARIA, None, DARIA)
    assert told.made_at == told.ended_at == START.isoformat()


def _no_log(_: object) -> None:
    raise AuditUnavailable("The log does not answer.")
