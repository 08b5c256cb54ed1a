"""Where does a zone's own root key lie, and who may open it? In the folder or the store of the zone's account."""

from __future__ import annotations

from pathlib import Path

from access.keys import KeyRing
from access.keys.envelope import ROLES_FILE
from access.keys.ports import RootKeys
from access.keys.ring import sealed_file
from infra.accounts.layout import KEPT_BY, AccountsError
from infra.keys import key_places
from infra.settings import Settings
from infra.settings_tables import KeySettings


def zone_root(settings: Settings, zone: str) -> RootKeys:
    """The root key under which this zone's role key is wrapped. Raises KeyRingError."""
    place = _elsewhere(settings, zone)
    if place is not None:
        return place
    folder = settings.zone_keys_folder(zone)
    return sealed_file(folder, real_data=settings.real_data, passphrase_file=passphrase_file(settings, zone))


def zone_keyring(settings: Settings, zone: str) -> KeyRing:
    """The ring of this zone's account: its role's key and no other. Raises KeyRingError, AccountsError."""
    folder = settings.zone_keys_folder(zone)
    if not (folder / ROLES_FILE).exists():  # a ring is made on first use; here it must be there already
        raise AccountsError(
            f"The account of {zone} has no key of its own.", where=str(folder), mend="As root: haven accounts install"
        )
    return KeyRing.open(
        folder,
        real_data=settings.real_data,
        passphrase_file=passphrase_file(settings, zone),
        root=_elsewhere(settings, zone),
        roles=(KEPT_BY[zone],),
    )


def _elsewhere(settings: Settings, zone: str) -> RootKeys | None:
    keys: KeySettings = getattr(settings.accounts, f"{zone}_keys")
    return key_places(keys).get(keys.root)


def passphrase_file(settings: Settings, zone: str) -> Path | None:
    """Where the passphrase of this zone's root key lies, if the settings name a folder of them."""
    folder = settings.accounts.passphrases
    return folder / f"{zone}.passphrase" if folder else None
