"""Who is left out of a disclosure? Decisions and objections, the list of opt-outs, and what was certified."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

from infra.wiring.zones import ZoneParts

if TYPE_CHECKING:
    from access.optouts.disclosures import Disclosures
    from access.optouts.service import OptOuts
    from linkage.optouts.service import OptOutLists
    from linkage.separation.ports import ZoneRunner


class OptOutParts(ZoneParts):
    """What the gate of opt-outs stands on."""

    @cached_property
    def disclosures(self) -> Disclosures:
        """What each disclosure must heed of opt-outs, and what was certified of it."""
        from access.optouts.disclosures import Disclosures
        from infra.optouts import longest_age

        settings = self.settings
        return Disclosures(self.records, longest=longest_age(settings), real_data=settings.real_data)

    @cached_property
    def opt_outs(self) -> OptOuts:
        """Decisions on flows, and objections."""
        from access.optouts.service import OptOuts

        return OptOuts(self.records, self.access)

    @cached_property
    def opt_out_lists(self) -> OptOutLists:
        """The list of national opt-outs, as far as it is known outside the linkage zone."""
        from infra.optouts import longest_age, mailbox_place
        from linkage.optouts.service import OptOutLists
        from linkage.separation.here import InThisProcess

        zones, settings = self.zone_runner, self.settings
        place = self.mailbox or mailbox_place(settings)
        runner = zones if settings.separated else InThisProcess(self.zones, mailbox=place)
        return OptOutLists(
            cast("ZoneRunner", runner), self.records, self.access, self.keyring.signing_key("certificate"),
            longest=longest_age(settings), test_range=not settings.real_data,
        )  # fmt: skip
