"""Where does the root key lie, as the settings say? And how it gets a new version, or moves."""

from __future__ import annotations

from access.keys import KeyRing, KeyRingError, KeyRole
from access.keys import rotate_root as rotate_root_in
from access.keys.custody import KeyCustody
from access.keys.envelope import Envelope
from access.keys.ports import RootKeys
from access.keys.ring import sealed_file
from access.service import Access
from audit.model import Actor
from audit.records import Records
from infra.settings import Settings
from infra.settings_tables import KeySettings


def key_places(keys: KeySettings) -> dict[str, RootKeys]:
    """The described stores outside the home, by the name that the settings give them."""
    places: dict[str, RootKeys] = {}
    if (token := keys.pkcs11) is not None:
        from access.keys.roots.hardware import HardwareRoot

        places["pkcs11"] = HardwareRoot(token.module, token.token, token.label, token.pin_file)
    if (transit := keys.transit) is not None:
        from access.keys.roots.transit import TransitRoot

        places["transit"] = TransitRoot(
            transit.address,
            transit.key,
            transit.token_file,
            mount=transit.mount,
            ca_file=transit.ca_file,
            namespace=transit.namespace,
        )
    return places


def rotate_root(settings: Settings, records: Records, access: Access, *, by: Actor) -> str:
    """Rotate the root key where it lies, or move it to where the settings name; its place afterwards.

    Raises KeyRingError when the settings describe no store that wrapped this home's keys; RefusedError, recorded.
    """
    folder, places = settings.keys_folder, key_places(settings.keys)
    envelope = Envelope.read(folder)
    lies = envelope.root if envelope else "sealed-file"
    now = next((place for place in places.values() if place.name == lies), None)
    if now is None and lies != "sealed-file":
        raise KeyRingError(
            f"This home's keys are wrapped by '{lies}', which the settings do not describe.",
            where="haven.toml",
            mend="Let the tables of both stores stand in [keys] while the root key moves.",
        )
    ring = KeyRing.open(
        folder,
        real_data=settings.real_data,
        passphrase_file=settings.passphrase_file,
        root=now,
        roles=tuple(envelope.wrapped) if envelope else tuple(KeyRole),
    )

    def own_file() -> RootKeys:
        return sealed_file(folder, real_data=settings.real_data, passphrase_file=settings.passphrase_file)

    source = now or own_file()
    target = places.get(settings.keys.root) or (source if now is None else own_file())
    same = source if source.name == target.name else target
    KeyCustody(ring, records, access).rotate_root(lambda: rotate_root_in(folder, source, same), by=by)
    return same.name
