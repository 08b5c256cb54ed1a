"""Who does what in the zones? This process, or the processes of the accounts that are installed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

from infra.wiring.people import PeopleParts

if TYPE_CHECKING:
    from access.keys.custody import KeyCustody
    from audit.model import Actor
    from linkage.separation.client import ZonePlace
    from linkage.separation.ports import ZoneRunner
    from linkage.zones import Zones


class ZoneParts(PeopleParts):
    """The zones, and the custody of keys, whose rounds lie with one of them."""

    @cached_property
    def zones(self) -> Zones:
        """The zones of this process; none can be opened here where accounts are installed."""
        from linkage.separation.elsewhere import ZonesElsewhere
        from linkage.zones import Zones

        if self.settings.separated:
            return cast("Zones", ZonesElsewhere())
        return Zones(self.settings, self.keyring)

    @cached_property
    def zone_runner(self) -> Zones | ZoneRunner:
        """Who does what in the zones: this process, or the processes of their accounts."""
        if not self.settings.separated:
            return self.zones
        from infra.accounts.layout import Accounts
        from infra.accounts.serving import zones_of_accounts

        return zones_of_accounts(self.settings, Accounts.installed(self.settings), self.settings.home / "records")

    def _intake_place(self) -> ZonePlace:
        from infra.accounts.layout import INTAKE, Accounts
        from infra.accounts.serving import place_of

        return place_of(self.settings, Accounts.installed(self.settings), INTAKE)

    @cached_property
    def custody(self) -> KeyCustody:
        """The keys and the records of them."""
        from access.keys.custody import KeyCustody

        if not self.settings.separated:
            return KeyCustody(self.keyring, self.records, self.access)
        from linkage.sealed.rounds import RoundsInTheZone

        rounds = RoundsInTheZone(cast("ZoneRunner", self.zone_runner))
        return KeyCustody(self.keyring, self.records, self.access, rounds)

    def rotate_root(self, *, by: Actor) -> str:
        """A new version of the root key; where the settings name another place, it moves there. Its place now."""
        from infra.keys import rotate_root

        return rotate_root(self.settings, self.records, self.access, by=by)
