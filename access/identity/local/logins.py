"""Who logs in at the local issuer? Device codes approved as a registered person, tokens, their renewal and their end.

There is no password: whoever sits at this machine says who they are, which is why only synthetic data may be here.
Each code and each refresh token serves once; one that comes again ends the login it belongs to (RFC 9700 4.14.2).
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from access.identity.errors import GrantRefused
from access.identity.local.device_grants import ANSWERS, DeviceGrant, DeviceGrants, GrantState, digest_of
from access.identity.local.issuer import TOKEN_SECONDS, LocalIssuer
from access.people.model import Person, Role
from access.people.policies import may_log_in
from access.realm.roles import longest_session, roles_of
from audit.events import EventName
from audit.model import person as person_actor
from audit.model import service
from audit.records import Records

NOT_REFUSALS = frozenset({"device.waiting", "device.too_soon"})  # a program that polls; not told in the log


class People(Protocol):
    """Who is registered."""

    def person(self, name: str) -> Person | None:
        """The person of this id."""

    def people(self) -> Sequence[Person]:
        """Everybody."""


@dataclass(frozen=True)
class Tokens:
    """What a program gets: a token to ask with, and one to get the next with."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    seconds: int


@dataclass
class _Session:
    id: str
    person: str
    client: str
    since: datetime
    now: str = ""  # the digest of the refresh token that is good
    before: set[str] = field(default_factory=set)


class LocalLogins:
    """The local issuer's logins. audience: for whom its tokens are; clients: who may ask for them."""

    def __init__(
        self,
        issuer: LocalIssuer,
        people: People,
        records: Records,
        *,
        audience: str,
        clients: frozenset[str],
        end: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.issuer = issuer
        self._people = people
        self._records = records
        self.audience = audience
        self._clients = clients
        self._end = end
        self._grants = DeviceGrants()
        self._sessions: dict[str, _Session] = {}

    def start(self, client: str, challenge: str) -> tuple[str, DeviceGrant]:
        """A new pair of codes for this client, bound to its own secret by the challenge."""
        self._require_client(client)
        try:
            return self._grants.start(client, challenge, self._now())
        except GrantRefused as error:
            raise self._noted(error) from None

    def waiting(self, user_code: str) -> DeviceGrant:
        """The login that waits for this short code."""
        try:
            return self._grants.shown(user_code, self._now())
        except GrantRefused as error:
            raise self._noted(error) from None

    def candidates(self) -> list[Person]:
        """As whom somebody may log in: a role must count for a client of this issuer."""
        return [one for one in self._people.people() if self._may_log_in(one)]

    def decide(self, user_code: str, person: str | None) -> None:
        """Approve the code as this person; None: deny it."""
        grant = self.waiting(user_code)
        if person is None:
            grant.move(GrantState.DENIED)
            return
        self._registered(person)
        grant.move(GrantState.APPROVED)
        grant.person = person

    def redeem(self, code: str, verifier: str, client: str) -> Tokens:
        """The tokens of an approved code. Raises GrantRefused; a spent code ends the login that it gave."""
        self._require_client(client)
        try:
            grant = self._grants.redeem(code, verifier, client, self._now())
        except GrantRefused as error:
            spent = self._grants.of(code)
            if error.rule == ANSWERS[GrantState.REDEEMED][1] and spent is not None and spent.session:
                self._forget(spent.session)
            raise self._noted(error) from None
        session = _Session(str(uuid.uuid4()), str(grant.person), client, self._now())
        grant.session = session.id
        self._sessions[session.id] = session
        return self._issue(session)

    def renew(self, refresh: str, client: str) -> Tokens:
        """New tokens for a refresh token, which is spent by it."""
        self._require_client(client)
        session = self._of(refresh)
        if session is None or session.client != client:
            raise self._noted(GrantRefused("invalid_grant", "refresh.unknown", "The login has ended."))
        if session.now != digest_of(refresh):
            self._forget(session.id)
            raise self._noted(GrantRefused("invalid_grant", "refresh.replayed", "The login was used twice; it ended."))
        if self._now() - session.since >= longest_session(self._registered(session.person).roles):
            self._forget(session.id)
            raise self._noted(GrantRefused("invalid_grant", "refresh.expired", "The login is too long ago."))
        return self._issue(session)

    def revoke(self, refresh: str, client: str) -> None:
        """End the login of this refresh token; one that is unknown has ended already (RFC 7009 2.2)."""
        self._require_client(client)
        session = self._of(refresh)
        if session is not None and session.client == client:
            self._forget(session.id)

    def _issue(self, session: _Session) -> Tokens:
        known = self._registered(session.person)
        refresh = secrets.token_urlsafe(32)
        if session.now:
            session.before.add(session.now)
        session.now = digest_of(refresh)
        self._records.note(
            EventName.TOKEN_ISSUED, by=person_actor(session.person), audience=self.audience, client=session.client
        )
        access = self.issuer.issue(
            session.person,
            self.audience,
            client=session.client,
            roles=known.roles,
            session=session.id,
            logged_in=session.since,
        )
        return Tokens(access, refresh, TOKEN_SECONDS)

    def _registered(self, name: str) -> Person:
        known = self._people.person(name)
        if known is None or not self._may_log_in(known):
            raise self._noted(GrantRefused("access_denied", "person.unknown", "Nobody of this name may log in."))
        return known

    def _may_log_in(self, known: Person) -> bool:
        return bool(may_log_in(known, self._now().date()) and known.roles & self._roles())

    def _roles(self) -> set[Role]:
        return {role for client in self._clients for role in roles_of(client)}

    def _of(self, refresh: str) -> _Session | None:
        digest = digest_of(refresh)
        return next((one for one in self._sessions.values() if digest == one.now or digest in one.before), None)

    def _forget(self, session: str) -> None:
        self._sessions.pop(session, None)
        self._end(session)

    def _require_client(self, client: str) -> None:
        if client not in self._clients:
            raise self._noted(GrantRefused("invalid_client", "client.unknown", "The client is not known here."))

    def _noted(self, error: GrantRefused) -> GrantRefused:
        if error.rule not in NOT_REFUSALS:
            self._records.note(EventName.TOKEN_REFUSED, by=service("issuer"), rule=error.rule)
        return error

    def _now(self) -> datetime:
        return self.issuer.clock.now()
