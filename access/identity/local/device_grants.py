"""In which state is a login by device code (RFC 8628)? Tables beside the enum; each code serves once.

A program gets two codes: a long one to ask with, and a short one that a person reads and approves in a browser. Held
in the issuer's memory only, the long one by its hash; a restart forgets all of them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from access.identity.errors import GrantRefused
from access.identity.oauth import challenge_of

LIFE = timedelta(minutes=10)
INTERVAL = timedelta(seconds=1)  # between two askings, on one machine
SLOWER = timedelta(seconds=5)  # added each time somebody asks too soon (RFC 8628 3.5)
MOST_OPEN = 100
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels: no words (RFC 8628 6.1)
MOST_WRONG = 10  # user codes that are none, within `LIFE`; then nobody can guess on (RFC 8628 5.1)


class GrantState(StrEnum):
    """A device code's life."""

    WAITING = "waiting"  # for a person to approve it
    APPROVED = "approved"
    DENIED = "denied"
    REDEEMED = "redeemed"  # its token was given; the code is spent


MOVES: Mapping[GrantState, frozenset[GrantState]] = {
    GrantState.WAITING: frozenset({GrantState.APPROVED, GrantState.DENIED}),
    GrantState.APPROVED: frozenset({GrantState.REDEEMED}),
    GrantState.DENIED: frozenset(),
    GrantState.REDEEMED: frozenset(),
}
"""From which state to which."""

ANSWERS: Mapping[GrantState, tuple[str, str, str]] = {
    GrantState.WAITING: ("authorization_pending", "device.waiting", "Nobody has approved the code yet."),
    GrantState.DENIED: ("access_denied", "device.denied", "The code was denied."),
    GrantState.REDEEMED: ("invalid_grant", "device.replayed", "The code was used already."),
}
"""What a program hears that asks in each state but APPROVED: RFC 8628's word, the rule, a sentence."""


@dataclass
class DeviceGrant:
    """One login under way. digest: of the long code, which is kept nowhere.

    challenge: of the program's own secret (RFC 7636), so that a code that is overheard serves nobody else.
    """

    digest: str
    user_code: str
    client: str
    challenge: str
    ends: datetime
    interval: timedelta = INTERVAL
    state: GrantState = GrantState.WAITING
    person: str | None = None
    session: str | None = None
    asked: datetime | None = None

    def move(self, after: GrantState) -> None:
        """Into the next state. Raises GrantRefused where the table has no such move."""
        if after not in MOVES[self.state]:
            raise GrantRefused("invalid_grant", "device.spent", "The code was decided on already.")
        self.state = after


@dataclass
class DeviceGrants:
    """The logins under way. Raises GrantRefused for all that RFC 8628 refuses."""

    open: dict[str, DeviceGrant] = field(default_factory=dict)
    wrong: list[datetime] = field(default_factory=list)

    def start(self, client: str, challenge: str, now: datetime) -> tuple[str, DeviceGrant]:
        """A new pair of codes: the long one, and the rest."""
        self.open = {digest: grant for digest, grant in self.open.items() if grant.ends > now}
        if len(self.open) >= MOST_OPEN:
            raise GrantRefused("slow_down", "device.too_many", "Too many logins are under way.")
        code, letters = secrets.token_urlsafe(32), "".join(secrets.choice(LETTERS) for _ in range(8))
        grant = DeviceGrant(digest_of(code), f"{letters[:4]}-{letters[4:]}", client, challenge, now + LIFE)
        self.open[grant.digest] = grant
        return code, grant

    def shown(self, user_code: str, now: datetime) -> DeviceGrant:
        """The login that a person's short code means, while it waits. Wrong guesses are counted."""
        self.wrong = [at for at in self.wrong if now - at < LIFE]
        if len(self.wrong) >= MOST_WRONG:
            raise GrantRefused("slow_down", "device.guessing", "Too many wrong codes: wait ten minutes.")
        said = "".join(letter for letter in user_code.upper() if letter in LETTERS)
        for grant in self.open.values():
            if grant.user_code.replace("-", "") == said and grant.ends > now and grant.state is GrantState.WAITING:
                return grant
        self.wrong.append(now)
        raise GrantRefused("invalid_grant", "device.unknown", "No login waits for this code: it ended, or was used.")

    def redeem(self, code: str, verifier: str, client: str, now: datetime) -> DeviceGrant:
        """The approved login of a long code, which is spent by it. verifier: what the challenge was made of."""
        grant = self.open.get(digest_of(code))
        if grant is None or grant.client != client or not hmac.compare_digest(grant.challenge, challenge_of(verifier)):
            raise GrantRefused("invalid_grant", "device.unknown", "The code is none of this issuer's.")
        if grant.ends <= now:
            raise GrantRefused("expired_token", "device.expired", "The code has expired.")
        _require_patience(grant, now)
        if grant.state is not GrantState.APPROVED:
            raise GrantRefused(*ANSWERS[grant.state])
        grant.move(GrantState.REDEEMED)
        return grant

    def of(self, code: str) -> DeviceGrant | None:
        """The login of a long code, in whatever state."""
        return self.open.get(digest_of(code))


def _require_patience(grant: DeviceGrant, now: datetime) -> None:
    """Who asks too soon is told to slow down, and has to from then on. A spent code's asker hears that it is spent."""
    if grant.state is GrantState.REDEEMED:
        return
    early = grant.asked is not None and now - grant.asked < grant.interval
    grant.asked = now
    if early:
        grant.interval += SLOWER
        raise GrantRefused("slow_down", "device.too_soon", "Asked too soon: wait longer each time.")


def digest_of(code: str) -> str:
    """What is kept of a code or a token."""
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
