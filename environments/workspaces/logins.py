"""Who has logged in at the hub? The identity provider's token says; it is verified here, where the keys are known.

The hub hands over the access token that it was given and learns a person's id, or why it counts for nobody.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from access.decisions import Decision, Refused, RefusedError
from access.identity.errors import TokenRefused
from access.identity.tokens import Verifier
from audit.events import EventName
from audit.model import person, service
from audit.records import Records

AUDIENCE = "haven-hub"
AGAIN = "Log in again; if that does not help, tell the data team."


class KnownPeople(Protocol):
    """The records of people."""

    def may_log_in(self, person: str) -> Decision: ...


class HubLogins:
    """Log-ins by OpenID Connect, as the hub is told of them."""

    def __init__(self, records: Records, verifier: Verifier, people: KnownPeople) -> None:
        self.records = records
        self._verifier = verifier
        self._people = people

    async def open(self, token: str) -> str:
        """The person who has just logged in. Raises RefusedError; both are in the log, the token is not."""
        name, client = await asyncio.to_thread(self._verified, token)
        await asyncio.to_thread(lambda: self.records.note(EventName.LOGIN_OPENED, by=person(name), client=client))
        return name

    async def check(self, token: str) -> str:
        """The person of a log-in that goes on. Raises RefusedError, which is recorded."""
        return (await asyncio.to_thread(self._verified, token))[0]

    def _verified(self, token: str) -> tuple[str, str]:
        try:
            claims = self._verifier.verify(token, AUDIENCE)
        except TokenRefused as error:
            self.records.note(EventName.TOKEN_REFUSED, by=service("hub"), rule=error.rule)
            raise RefusedError(Refused(error.code, error.what, AGAIN)) from None
        decision = self._people.may_log_in(claims.person)
        if isinstance(decision, Refused):
            self.records.note(
                EventName.LOGIN_REFUSED, by=person(claims.person), client=claims.client, rule=decision.code
            )
        decision.require()
        return claims.person, claims.client
