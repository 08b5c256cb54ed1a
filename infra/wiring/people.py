"""Who may act, and how is a person known? Access, names at the command line, and tokens."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from infra.wiring.keys import KeyParts

if TYPE_CHECKING:
    from access.identity import LocalIssuer, Verifier
    from access.service import Access
    from audit.model import Actor


class PeopleParts(KeyParts):
    """Who may do what, and who says that they are it."""

    @cached_property
    def access(self) -> Access:
        """Who may do what, for which approved purpose, until when."""
        from access.service import Access

        return Access(self.records, real_data=self.settings.real_data)

    def actor(self, name: str) -> Actor:
        """The registered person or organisation that this name means. Raises AccessError for nobody, or for two."""
        from access.errors import AccessError

        found = self._registered(name)
        if len(found) == 1:
            return found[0]
        raise AccessError(
            "A person and an organisation both have this name." if found else "Nobody is registered under this name.",
            where="--as",
            mend="Write person:NAME or organisation:NAME. `haven person list` and `haven organisation list` show them.",
        )

    def whoever(self, name: str) -> Actor:
        """The same for a verb that records whom it refuses: a name that nobody has is that of an unknown person."""
        from audit.model import person

        return self.actor(name) if self._registered(name) else person(name.rpartition(":")[2])

    def _registered(self, name: str) -> list[Actor]:
        from audit.model import organisation, person

        kind, _, bare = name.rpartition(":")
        found = [person(bare)] if kind in ("", "person") and self.access.person(bare) else []
        if kind in ("", "organisation") and bare in {one.id for one in self.access.organisations()}:
            found.append(organisation(bare))
        return found

    @cached_property
    def issuer(self) -> LocalIssuer:
        """Issues tokens to this account's own command line; refuses where real data are."""
        from access.identity import LocalIssuer

        settings = self.settings
        key = self.keyring.signing_key("token")
        return LocalIssuer(settings.issuer, key, self.clock, real_data=settings.real_data)

    @cached_property
    def verifier(self) -> Verifier:
        """Verifies the tokens of the issuer."""
        from access.identity import Verifier

        return Verifier(self.settings.issuer, self.issuer.public_keys(), self.clock)
