"""Which adapter stands behind which port? In this folder, and only here, the haven is put together.

Every part is made on first use: a command pays only for what it touches.
"""

from __future__ import annotations

from pathlib import Path

from audit.clock import SystemClock
from infra.settings import load_settings
from infra.wiring.deliveries import DeliveryParts
from infra.wiring.environments import EnvironmentParts
from infra.wiring.folders import PRIVATE, require_orchestrator, require_own, require_roots
from infra.wiring.identity import IdentityParts
from infra.wiring.linkage import LinkageParts


class Haven(DeliveryParts, LinkageParts, EnvironmentParts, IdentityParts):
    """One haven: its settings, and its parts made on first use."""

    @classmethod
    def at(cls, home: Path) -> Haven:
        """The haven at `home`; its folders are made, private to this account."""
        settings = load_settings(home)
        if settings.separated:
            require_orchestrator(settings)
        # Made first as the parent of what is put there, they would be open to others.
        own = () if settings.separated else (settings.inbox_folder, settings.scopes_folder)
        for folder in (settings.home, settings.run_folder, settings.home / "records", *own):
            folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        if settings.separated:
            require_roots(settings.run_folder)
        else:
            require_own(settings.run_folder)
        return cls(settings, SystemClock())
