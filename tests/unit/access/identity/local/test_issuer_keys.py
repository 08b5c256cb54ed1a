"""The local issuer's key rotates: the one before stays published for as long as its tokens can be good."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from access.identity.errors import IssuerRefused
from access.identity.local.issuer_keys import VERSIONS_FILE, IssuerKeys
from access.identity.model import LEEWAY, LONGEST_LIFE
from access.keys import KeyRing
from access.keys.errors import KeyRingError
from access.keys.model import KeyRole, role_of
from audit.clock import FixedClock
from tests.fakes.tokens import NOW


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    """A key ring."""
    return KeyRing.open(tmp_path / "keys")


def _keys(ring: KeyRing, folder: Path, clock: FixedClock) -> IssuerKeys:
    return IssuerKeys(folder, lambda version: ring.signing_key("token", version), clock)


def test_a_rotation_is_seen_by_every_process_at_once(ring: KeyRing, tmp_path: Path) -> None:
    """One process rotates, another that stands already signs with the new key; what was published still is."""
    clock = FixedClock(NOW)
    one, other = (_keys(ring, tmp_path / "issuer", clock) for _ in range(2))
    before = other.current().kid
    after = one.rotate()
    assert other.current().kid == after != before
    assert [key.kid for key in other.published()] == [after, before]


def test_an_earlier_key_is_published_until_its_last_token_has_expired(ring: KeyRing, tmp_path: Path) -> None:
    """To the second; and a second rotation forgets what has ended."""
    clock = FixedClock(NOW)
    keys = _keys(ring, tmp_path / "issuer", clock)
    first = keys.current().kid
    second = keys.rotate()
    clock.at = NOW + LONGEST_LIFE + LEEWAY - timedelta(seconds=1)
    assert [key.kid for key in keys.published()] == [second, first]
    clock.at += timedelta(seconds=1)
    assert [key.kid for key in keys.published()] == [second]
    third = keys.rotate()
    assert [key.kid for key in keys.published()] == [third, second]


def test_only_versions_lie_in_the_file(ring: KeyRing, tmp_path: Path) -> None:
    """The keys hang on the key ring: the same home gives the same ones, and the file no secret."""
    clock = FixedClock(NOW)
    kid = _keys(ring, tmp_path / "issuer", clock).rotate()
    assert _keys(KeyRing.open(tmp_path / "keys"), tmp_path / "issuer", clock).current().kid == kid
    assert (tmp_path / "issuer" / VERSIONS_FILE).stat().st_size < 200


@pytest.mark.parametrize("text", ["", "[]", '{"now": 1}', '{"now": "x", "earlier": {}}', '{"now": 1, "earlier": []}'])
def test_a_damaged_list_is_an_error_and_never_the_first_key_again(ring: KeyRing, tmp_path: Path, text: str) -> None:
    """What cannot be read stops the issuer."""
    (tmp_path / VERSIONS_FILE).write_text(text)
    with pytest.raises(IssuerRefused):
        _keys(ring, tmp_path, FixedClock(NOW)).current()


def test_only_the_issuers_key_has_versions(ring: KeyRing) -> None:
    """The role that signs tokens derives them, and no other context gained a way in."""
    assert role_of("sign/token/v2") is KeyRole.IDENTITY
    for context in ("sign/token/v0", "sign/token/v2/v3", "sign/token/x", "sign/release/v2", "zone/linkage/v2"):
        assert role_of(context) is None
    with pytest.raises(KeyRingError):
        ring.only(KeyRole.AIRLOCK).signing_key("token", 2)
    assert ring.signing_key("token", 2).private_bytes_raw() != ring.signing_key("token").private_bytes_raw()
