"""One contract for where the keys of rounds lie: in this process, and with the linkage zone's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyrage
import pytest

from access.keys import KeyRing, KeyRingError, KeyRole, rotate_root
from access.keys.errors import RecipientUnlisted, RoundDestroyed, RoundTaken
from access.keys.model import RoundEnd, RoundSign
from access.keys.ring import sealed_file
from access.keys.round_file import SIGNER, RoundFile, is_signed_by, parts_of, statement_of
from access.keys.rounds_here import RoundsHere
from access.keys.signatures import public_of_line
from infra.accounts.serving import listed_recipients
from linkage.sealed.rounds import RoundsInTheZone
from linkage.zones import Zones
from tests.fakes.zone_processes import ME, behind_sockets

IDENTITY = pyrage.x25519.Identity.generate()
RECIPIENT = str(IDENTITY.to_public())
OTHER = str(pyrage.x25519.Identity.generate().to_public())
BY = "person:daria"


@pytest.fixture(params=["here", "there"])
def rounds(request: pytest.FixtureRequest, zones: Zones, tmp_path: Path) -> Iterator[RoundsHere | RoundsInTheZone]:
    """Where the rounds' keys lie: each adapter in turn."""
    if request.param == "here":
        yield RoundsHere(zones.keyring)
        return
    with behind_sockets(zones, tmp_path, listed=lambda one: one in (RECIPIENT, OTHER)) as there:
        yield RoundsInTheZone(there)


def _file(rounds: RoundsHere | RoundsInTheZone, content: bytes) -> RoundFile:
    """What a round's file says, by the key that the place itself names."""
    parts = parts_of(content)
    assert parts is not None
    assert is_signed_by(*parts, public_of_line(rounds.signer(), SIGNER))
    return statement_of(parts[1])


def test_a_rounds_key_leaves_sealed_and_signed_only_and_ends_for_good(
    rounds: RoundsHere | RoundsInTheZone, zones: Zones
) -> None:
    """Made, found by its sign, signed for its recipient, who opens it; destroyed or forgotten: the name is spent."""
    made = rounds.create("census", ["gp"], by=BY)
    assert rounds.find("census") == made
    assert rounds.find("none") is None
    file = _file(rounds, rounds.sealed("census", RECIPIENT, days=3, by=BY))
    assert (file.key_id, file.version, file.check_value) == (made.key_id, made.version, made.check_value)
    assert (file.datasets, file.recipient, (file.expires - file.made_at).days) == (("gp",), RECIPIENT, 3)
    held = json.loads(pyrage.decrypt(file.sealed, [IDENTITY]))
    assert (held["check_value"], held["key"]) == (made.check_value, zones.keyring.token_key("census").key.hex())
    assert rounds.destroy("census", by=BY)
    rounds.create("other", ["gp"], by=BY)
    rounds.forget("other", by=BY)
    for name, said in (("census", "was destroyed"), ("other", "erased without a certificate")):
        for refused in (
            lambda name=name: rounds.find(name),
            lambda name=name: rounds.sealed(name, RECIPIENT, days=3, by=BY),
        ):
            with pytest.raises(RoundDestroyed, match=said):
                refused()
        with pytest.raises(KeyRingError, match="there before"):
            rounds.create(name, ["gp"], by=BY)


def test_a_used_round_that_is_forgotten_leaves_its_tombstone(
    rounds: RoundsHere | RoundsInTheZone, zones: Zones, tmp_path: Path
) -> None:
    """Which round, for what, when made, used and erased, by whom and its check value; no byte of its key anywhere."""
    made = rounds.create("census", ["gp", "hospital"], by="person:daria")
    key = zones.keyring.token_key("census").key
    rounds.sealed("census", RECIPIENT, days=3, by="person:emil")
    rounds.forget("census", by="person:ewa")
    rounds.forget("census", by="person:later")
    rounds.forget("never", by=BY)
    (told,) = rounds.ended()
    assert (told.name, told.end, told.check_value) == ("census", RoundEnd.FORGOTTEN, made.check_value)
    assert told.datasets == ("gp", "hospital")
    assert (told.made_by, told.used_by, told.used_for, told.ended_by) == (
        "person:daria", "person:emil", RECIPIENT, "person:ewa")  # fmt: skip
    assert "" < str(told.made_at) <= str(told.used_at) <= str(told.ended_at)
    assert sorted(path.name for path in tmp_path.rglob("census*")) == ["census.destroyed"]
    held = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_socket()]
    assert [path for path in held if key in path.read_bytes() or key.hex().encode() in path.read_bytes()] == []


def test_a_rounds_key_goes_to_one_recipient_whatever_is_asked(rounds: RoundsHere | RoundsInTheZone) -> None:
    """Again for the same, whose file may have been lost with a crash; for another never, nor for a silly time."""
    rounds.create("census", ["gp"], by=BY)
    for days in (0, 367):
        with pytest.raises(KeyRingError, match="so many days"):
            rounds.sealed("census", RECIPIENT, days=days, by=BY)
    first, again = (_file(rounds, rounds.sealed("census", RECIPIENT, days=1, by=BY)) for _ in range(2))
    assert first.check_value == again.check_value
    with pytest.raises(RoundTaken, match="another recipient"):
        rounds.sealed("census", OTHER, days=1, by=BY)


def test_the_signing_key_stays_and_is_the_linkage_roles(zones: Zones, tmp_path: Path) -> None:
    """The same after the root key's rotation; derived by no other role's ring; another haven has another."""
    folder = tmp_path / "keys"
    before = RoundsHere(KeyRing.open(folder)).signer()
    store = sealed_file(folder, real_data=False, passphrase_file=None)
    rotate_root(folder, store, store)
    whole = KeyRing.open(folder)
    assert RoundsHere(whole).signer() == before
    assert RoundsHere(whole.only(KeyRole.LINKAGE)).signer() == before
    assert RoundsHere(KeyRing.open(tmp_path / "others")).signer() != before
    for role in set(KeyRole) - {KeyRole.LINKAGE}:
        with pytest.raises(KeyRingError, match="not given"):
            whole.only(role).signing_key("round")


def test_rounds_of_an_older_home_end_and_are_not_signed(rounds: RoundsHere | RoundsInTheZone, zones: Zones) -> None:
    """A key's file without datasets is found and ended; its file would say for no dataset. An old tombstone is read."""
    made = zones.keyring.rounds.create("old")
    folder = next(path.parent for path in zones.keyring._folder.rglob("old.json"))
    content = json.loads((folder / "old.json").read_text())
    (folder / "old.json").write_text(
        json.dumps({name: content[name] for name in ("version", "nonce", "sealed", "check")})
    )
    (folder / "older.destroyed").write_text("destroyed\n")
    assert rounds.find("old") == RoundSign("token/old", 1, made.check_value, ())
    with pytest.raises(KeyRingError, match="named their datasets"):
        rounds.sealed("old", RECIPIENT, days=3, by=BY)
    rounds.destroy("old", by=BY)
    assert [(one.name, one.end, one.check_value) for one in rounds.ended()] == [
        ("old", RoundEnd.DESTROYED, made.check_value),
        ("older", RoundEnd.DESTROYED, None),
    ]


def test_nobody_takes_or_ends_the_standing_round(rounds: RoundsHere | RoundsInTheZone, zones: Zones) -> None:
    """The spine's key is neither sealed nor erased nor named, whoever asks; it is there afterwards."""
    key = zones.keyring.token_key("spine")
    tries: list[Callable[[], object]] = [
        lambda: rounds.create("spine", ["gp"], by=BY),
        lambda: rounds.sealed("spine", RECIPIENT, days=3, by=BY),
        lambda: rounds.destroy("spine", by=BY),
        lambda: rounds.forget("spine", by=BY),
        lambda: rounds.sealed("../roles", RECIPIENT, days=3, by=BY),
        lambda: rounds.create("census", [], by=BY),
        lambda: rounds.create("census", ["no dataset"], by=BY),
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
        rounds.create("census", ["gp"], by=BY)
        with pytest.raises(RecipientUnlisted):
            rounds.sealed("census", RECIPIENT, days=3, by=BY)
    with behind_sockets(zones, tmp_path, listed=listed) as there:
        rounds = RoundsInTheZone(there)
        with pytest.raises(RecipientUnlisted, match="sealed for nobody else") as refused:
            rounds.sealed("census", RECIPIENT, days=3, by=BY)
        assert "zones/controllers" in str(refused.value.mend)
        (tmp_path / "controllers" / "gp.recipient").write_text(f"# the practice\n{RECIPIENT}\n", encoding="utf-8")
        assert _file(rounds, rounds.sealed("census", RECIPIENT, days=3, by=BY)).recipient == RECIPIENT
        with pytest.raises(RecipientUnlisted):
            rounds.sealed("census", RECIPIENT[:-1], days=3, by=BY)
