"""What was delivered, and until when may it be kept? Safe-haven attribute 13: explicit retention."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from access.organisations.agreement import Destroyer


@dataclass(frozen=True)
class HeldDelivery:
    """A delivery whose rows the haven holds, or did; digest: of its manifest; destroyed: its rows count no more."""

    id: str
    name: str
    dataset: str
    controller: str
    digest: str
    received_on: date
    destroyed: bool = False
    certified: bool = False


@dataclass(frozen=True)
class Retention:
    """Until when a delivery may be kept, under which agreement, and how and by whom that says it is destroyed.

    The first three are None where no agreement speaks of its dataset.
    """

    held: HeldDelivery
    until: date | None = None
    agreement: str | None = None
    destruction: str | None = None
    destroyed_by: Destroyer = Destroyer.GOVERNANCE_LEAD

    def is_due(self, today: date) -> bool:
        """Is its time over, and its destruction not certified yet?"""
        return self.until is not None and today > self.until and not self.held.certified

    def is_going(self) -> bool:
        """Is it being destroyed: its rows count no more, and no certificate says that they are gone?"""
        return self.held.destroyed and not self.held.certified
