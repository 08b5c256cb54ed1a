"""Who asks over Flight SQL? At a workspace's door its person; at the house's own socket the token's, for a project.

The token comes in the header `authorization`, the project in `haven-project`; each must stand exactly once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyarrow import flight

from access.decisions import Refused, RefusedError
from access.identity.errors import TokenRefused
from access.identity.tokens import Verifier
from audit.events import EventName
from audit.model import person, service
from audit.records import Records
from environments.gateway.flight.server import Identify
from environments.gateway.model import AUDIENCE, Asker

HEADERS = "haven-headers"
NO_PROJECT = Refused(
    "door.no_project", "It is not said for which project.", "Send its id in the header `haven-project`."
)


def at_the_door(asker: Asker) -> Identify:
    """A workspace's door: whatever a call says, it is this person's and project's."""
    return lambda context: asker


def by_token(verifier: Verifier, records: Records) -> Identify:
    """The house's own socket: who the token names. A refused token is in the log."""

    def identify(context: Any) -> Asker:
        heard: _Heard = context.get_middleware(HEADERS)
        kind, _, token = (heard.one("authorization") or "").partition(" ")
        try:
            claims = verifier.verify(token if kind == "Bearer" else "", AUDIENCE)
        except TokenRefused as error:
            records.note(EventName.TOKEN_REFUSED, by=service("gateway"), rule=error.rule)
            raise flight.FlightUnauthenticatedError(f"[{error.code}] {error.what} {error.mend}") from None
        project = heard.one("haven-project")
        if not project:
            records.note(EventName.QUERY_REFUSED, by=person(claims.person), rule=NO_PROJECT.code)
            raise RefusedError(NO_PROJECT)
        return Asker(claims.person, project)

    return identify


class _Heard(flight.ServerMiddleware):  # type: ignore[misc]
    """The headers of one call."""

    def __init__(self, headers: Mapping[str, Sequence[str | bytes]]) -> None:
        super().__init__()
        self._headers = headers

    def one(self, name: str) -> str | None:
        """The text of a header that stands exactly once."""
        found = self._headers.get(name, [])
        return found[0] if len(found) == 1 and isinstance(found[0], str) else None


class HeaderListener(flight.ServerMiddlewareFactory):  # type: ignore[misc]
    """Keeps the headers of each call for `by_token`."""

    def start_call(self, info: Any, headers: Mapping[str, Sequence[str | bytes]]) -> _Heard:
        """At the start of a call."""
        return _Heard(headers)
