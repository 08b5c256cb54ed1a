"""Where do the haven's keys come from? The key ring, opened once, and its root's place."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from infra.wiring.evidence import EvidenceParts

if TYPE_CHECKING:
    from access.keys import KeyRing


class KeyParts(EvidenceParts):
    """The keys of the roles that this process may have."""

    @cached_property
    def keyring(self) -> KeyRing:
        """The key ring, opened with its passphrase; without the zones' keys where accounts are installed."""
        from access.keys import KeyRing, KeyRole
        from access.keys.errors import KeyRingError
        from infra.accounts.layout import COMMON_ROLES
        from infra.keys import key_places

        settings = self.settings
        if not settings.keys_folder.exists() and any(settings.linkage_zone.glob("*.duckdb")):
            raise KeyRingError(
                "The folder of keys is gone, and the zones that it opens are there. No new keys were made.",
                where=str(settings.keys_folder),
                mend="Restore it whole from its backup.",
            )
        return KeyRing.open(
            settings.keys_folder,
            real_data=settings.real_data,
            passphrase_file=settings.passphrase_file,
            root=key_places(settings.keys).get(settings.keys.root),
            roles=COMMON_ROLES if settings.separated else tuple(KeyRole),
        )
