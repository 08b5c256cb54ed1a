"""Who may act, and how is a person known? Access, names at the command line, and tokens."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from infra.wiring.keys import KeyParts

if TYPE_CHECKING:
    from collections.abc import Callable

    from access.identity.local.issuer import LocalIssuer
    from access.identity.tokens import Verifier
    from access.people.model import Person
    from access.service import Access
    from audit.model import Actor
    from infra.logins.service import Logins


class PeopleParts(KeyParts):
    """Who may do what, and who says that they are it."""

    greet: Callable[[Person], None] | None = None
    """Called with the person who acts, before they do: the command line tells them what waits for them."""

    @cached_property
    def access(self) -> Access:
        """Who may do what, for which approved purpose, until when."""
        from access.service import Access
        from linkage.store import held_deliveries

        settings = self.settings
        return Access(
            self.records, real_data=settings.real_data, held=held_deliveries, organisation=settings.organisation
        )

    def actor(self, name: str) -> Actor:
        """The registered person or organisation that this name means; with an identity provider, the person logged in.

        There an organisation acts through its delegate, who is asked about and recorded. Raises AccessError for
        nobody, or for two; LoginRefused.
        """
        actor = self.registered(name)
        if self.settings.identity.issuer is not None:
            actor = self.logins.require(actor)
        if actor.startswith("person:"):
            self.access.saw(name := actor.partition(":")[2])
            person = self.access.person(name)
            if self.greet is not None and person is not None and self.access.may_log_in(name):
                self.greet(person)  # what waits names people: whoever is closed or barred is told nothing
        return actor

    def registered(self, name: str) -> Actor:
        """The person or organisation that this name means. Raises AccessError for nobody, or for two."""
        from access.errors import AccessError

        found = self._registered(name)
        if len(found) == 1:
            return found[0]
        raise AccessError(
            "A person and an organisation both have this name." if found else "Nobody is registered under this name.",
            where="--as",
            mend="Write person:NAME or organisation:NAME. `haven person list` and `haven organisation list` show them.",
        )

    def acting(self, name: str) -> Actor:
        """The person that `--as` names where nobody has to be registered; with an identity provider, as `actor`."""
        from audit.model import person

        return person(name.removeprefix("person:")) if self.settings.identity.issuer is None else self.actor(name)

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
        """The local development issuer; refuses where real data are, and where an identity provider is set."""
        from infra.logins.parts import local_issuer

        return local_issuer(self.settings, self.keyring, self.clock)

    @cached_property
    def verifier(self) -> Verifier:
        """Verifies the tokens of the one issuer whose tokens count."""
        from infra.logins.parts import verifier

        return verifier(self.settings, self.clock)

    @cached_property
    def logins(self) -> Logins:
        """Who is logged in here, and the proof that somebody is who `--as` says."""
        from infra.logins.parts import logins

        return logins(self.settings, self.records, self.access, self.verifier)
