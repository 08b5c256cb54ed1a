"""How do deliveries come in? Contracts, senders, and the intake at its door."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from infra.wiring.zones import ZoneParts

if TYPE_CHECKING:
    from linkage.contracts.registry import Contracts
    from linkage.intake.at_the_door import ThroughTheDoor
    from linkage.intake.service import DeliveryIntake
    from linkage.intake.signing import Senders
    from linkage.sealed.door import SealedDoor


class DeliveryParts(ZoneParts):
    """What receives deliveries, in either mode."""

    @cached_property
    def contracts(self) -> Contracts:
        """The dataset contracts in force."""
        from linkage.contracts.catalogue import into_catalogue
        from linkage.contracts.registry import Contracts

        return Contracts(self.records, into_catalogue(self.access))

    @cached_property
    def delivery_intake(self) -> DeliveryIntake:
        """Where deliveries are received."""
        from linkage.intake.service import DeliveryIntake

        settings = self.settings
        if not settings.separated:
            return DeliveryIntake(
                settings.intake_folder, self.zones, self.records, self.contracts, self.access,
                sealed=self.sealed_door, senders=self.senders,
            )  # fmt: skip
        folder, door = settings.delivery_reports_folder, self._intake_door()
        return DeliveryIntake(folder, self.zone_runner, self.records, self.contracts, self.access, door=door)

    def _intake_door(self) -> ThroughTheDoor:
        """The process of the intake's account."""
        from linkage.intake.at_the_door import ThroughTheDoor

        return ThroughTheDoor(self._intake_place(), self.settings.home / "records")

    @property
    def delivery_recipient(self) -> str:
        """The age public key that controllers seal deliveries for (mode B)."""
        return self._intake_door().recipient if self.settings.separated else self.sealed_door.recipient

    @cached_property
    def senders(self) -> Senders:
        """The controllers' keys; with real data nobody is without one."""
        from linkage.intake.signing import Senders

        return Senders(self.settings.controller_keys_folder, required=self.settings.real_data)

    @cached_property
    def sealed_door(self) -> SealedDoor:
        """Opens what controllers seal for this haven (mode B)."""
        from linkage.sealed.door import SealedDoor

        return SealedDoor(self.keyring, real_data=self.settings.real_data)
