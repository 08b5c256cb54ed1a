"""Device codes: every pair of states, one use each, patience, expiry, and no guessing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access.identity.errors import GrantRefused
from access.identity.local.device_grants import (
    ANSWERS,
    INTERVAL,
    LETTERS,
    LIFE,
    MOST_OPEN,
    MOST_WRONG,
    MOVES,
    SLOWER,
    DeviceGrant,
    DeviceGrants,
    GrantState,
)
from access.identity.oauth import challenge_of
from tests.fakes.tokens import CLIENT, NOW

VERIFIER = "v" * 48
PROOF = challenge_of(VERIFIER)


def _word(told: pytest.ExceptionInfo[GrantRefused]) -> tuple[str, str]:
    return told.value.word, told.value.rule


@pytest.mark.parametrize("before", list(GrantState))
@pytest.mark.parametrize("after", list(GrantState))
def test_a_code_moves_only_as_the_table_says(before: GrantState, after: GrantState) -> None:
    """Every pair of states: the table allows it, or it is refused."""
    grant = DeviceGrant("d", "BCDF-GHJK", CLIENT, PROOF, NOW + LIFE, state=before)
    if after in MOVES[before]:
        grant.move(after)
        assert grant.state is after
    else:
        with pytest.raises(GrantRefused):
            grant.move(after)
        assert grant.state is before


def test_every_state_has_its_line_and_its_answer() -> None:
    """A new state breaks this test until it stands in the tables."""
    assert set(MOVES) == set(GrantState)
    assert set(ANSWERS) == set(GrantState) - {GrantState.APPROVED}


def test_a_code_is_redeemed_once_by_whoever_holds_its_secret() -> None:
    """Approved, redeemed, spent; with another secret or as another client it is none."""
    grants = DeviceGrants()
    code, grant = grants.start(CLIENT, PROOF, NOW)
    grants.shown(grant.user_code, NOW).move(GrantState.APPROVED)
    for verifier, client in (("w" * 48, CLIENT), (VERIFIER, "haven-portal"), ("", CLIENT)):
        with pytest.raises(GrantRefused) as told:
            grants.redeem(code, verifier, client, NOW)
        assert _word(told) == ("invalid_grant", "device.unknown")
    assert grants.redeem(code, VERIFIER, CLIENT, NOW) is grant
    with pytest.raises(GrantRefused) as told:
        grants.redeem(code, VERIFIER, CLIENT, NOW)
    assert _word(told) == ("invalid_grant", "device.replayed")


def test_who_asks_too_soon_has_to_wait_longer() -> None:
    """slow_down adds five seconds each time; who waits is answered."""
    grants, now = DeviceGrants(), NOW
    code, _ = grants.start(CLIENT, PROOF, now)
    for wait, word in (
        (timedelta(0), "authorization_pending"),
        (INTERVAL / 2, "slow_down"),
        (INTERVAL, "slow_down"),
        (INTERVAL + 2 * SLOWER, "authorization_pending"),
        (INTERVAL + 2 * SLOWER, "authorization_pending"),
    ):
        now += wait
        with pytest.raises(GrantRefused) as told:
            grants.redeem(code, VERIFIER, CLIENT, now)
        assert told.value.word == word


def test_a_code_ends() -> None:
    """After ten minutes neither the short nor the long code serves, approved or not."""
    grants = DeviceGrants()
    code, grant = grants.start(CLIENT, PROOF, NOW)
    grants.shown(grant.user_code, NOW).move(GrantState.APPROVED)
    with pytest.raises(GrantRefused) as told:
        grants.redeem(code, VERIFIER, CLIENT, NOW + LIFE)
    assert told.value.word == "expired_token"
    _, other = grants.start(CLIENT, PROOF, NOW)
    with pytest.raises(GrantRefused):
        grants.shown(other.user_code, NOW + LIFE)


def test_short_codes_are_read_as_people_write_them() -> None:
    """Small letters, spaces and strokes do not matter; vowels are in none."""
    grants = DeviceGrants()
    _, grant = grants.start(CLIENT, PROOF, NOW)
    assert set(grant.user_code) <= set(LETTERS) | {"-"}
    assert grants.shown(" " + grant.user_code.lower().replace("-", " ") + " ", NOW) is grant


def test_nobody_guesses_short_codes() -> None:
    """After ten wrong ones no code is looked at until they are ten minutes old."""
    grants = DeviceGrants()
    _, grant = grants.start(CLIENT, PROOF, NOW)
    for _ in range(MOST_WRONG):
        with pytest.raises(GrantRefused) as told:
            grants.shown("BBBB-BBBB", NOW)
        assert told.value.rule == "device.unknown"
    with pytest.raises(GrantRefused) as told:
        grants.shown(grant.user_code, NOW)
    assert told.value.rule == "device.guessing"
    _, fresh = grants.start(CLIENT, PROOF, NOW + LIFE)
    assert grants.shown(fresh.user_code, NOW + LIFE) is fresh


def test_not_more_than_so_many_logins_are_under_way() -> None:
    """Memory has a bound; what ended makes room."""
    grants = DeviceGrants()
    for _ in range(MOST_OPEN):
        grants.start(CLIENT, PROOF, NOW)
    with pytest.raises(GrantRefused):
        grants.start(CLIENT, PROOF, NOW)
    grants.start(CLIENT, PROOF, NOW + LIFE)
    assert len(grants.open) == 1


def test_the_long_code_is_kept_nowhere() -> None:
    """Only its hash is held, and nothing shows it."""
    grants = DeviceGrants()
    code, _ = grants.start(CLIENT, PROOF, NOW)
    assert code not in repr(grants)
