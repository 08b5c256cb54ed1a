"""How does the home lie there: its settings, the modes and owners of its folders and secrets, its keys?"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from access.keys import KeyRole
from access.keys.envelope import Envelope
from access.keys.errors import KeyRingError
from access.keys.files import changeable_by_others
from access.keys.ring import FIRST, sealed_file
from infra.doctor.facts import PathFacts, RealDataFacts
from infra.doctor.model import HOME, Finding, wrong
from infra.doctor.policies import home as policies
from infra.settings import SETTINGS_FILE, Settings, SettingsError, load_settings

OTHERS = 0o077


def settings_of(home: Path) -> tuple[Settings, list[Finding]]:
    """The settings of this home, or as they ship where they cannot be read; and what is to be said of them."""
    home = home.expanduser().absolute()
    try:
        found = load_settings(home)
    except SettingsError as error:
        return Settings(home=home), [policies.settings(error.what, "", error.mend or "")]
    path = home / SETTINGS_FILE
    there = [policies.settings(None, str(path) if path.exists() else "")] if _exists(home) else [_no_home(home)]
    return found, there


def _no_home(home: Path) -> Finding:
    why = "Either none was made yet, or this is not where it is."
    mend = "Name its folder with --home or HAVEN_HOME; haven demo makes one with invented people."
    return wrong(HOME, str(home), "there is no haven here", why, mend)


def modes(settings: Settings) -> Iterator[Finding]:
    """Whose are the home, its folders and its secrets, and who else may read them? Without accounts: this account's."""
    home = path_facts(settings.home)
    if not settings.separated:
        yield policies.home_folder(home)
    closed = not settings.separated and home.seen and not home.mode & OTHERS
    folders = [path_facts(path) for path in _folders(settings) if path.is_dir() or not _exists(path)]
    yield from policies.private_folders([one for one in folders if one.there], home_closed=closed)
    yield from policies.secrets([path_facts(path) for path in _secrets(settings)])
    yield from policies.real_data(_real_data(settings))


def accounts(settings: Settings) -> Iterator[Finding]:
    """What `haven accounts check` says."""
    from infra.accounts.check import look

    for looked in look(settings):
        yield policies.account(looked, declared=settings.real_data)


def keys(settings: Settings) -> Iterator[Finding]:
    """Do the sealed keys open? Nothing is made where there are none."""
    from infra.accounts.layout import COMMON_ROLES
    from infra.keys import key_places

    folder = settings.keys_folder
    try:
        envelope = Envelope.read(folder)
        if envelope is None or (folder / FIRST).exists():
            held = any(settings.linkage_zone.glob("*.duckdb")) or any(settings.scopes_folder.glob("*.duckdb"))
            lost = "they are gone, and what they open is there" if held else None
            yield policies.keys(None, lost, f"Restore {folder} whole from its backup.")
            return
        root = key_places(settings.keys).get(settings.keys.root)
        if root is None:
            _require_passphrase(settings)
            root = sealed_file(folder, real_data=settings.real_data, passphrase_file=settings.passphrase_file)
        if root.name != envelope.root:
            mend = "Let [keys] in haven.toml name the store that wrapped them."
            yield policies.keys(None, f"are wrapped by {envelope.root}, and the settings name {root.name}", mend)
            return
        envelope.opened(root, COMMON_ROLES if settings.separated else tuple(KeyRole))
    except KeyRingError as error:
        yield policies.keys(None, error.what, error.mend or "")
        return
    yield policies.keys(envelope.root, None)


def _require_passphrase(settings: Settings) -> None:
    """Where it lies beside the key, it is not made anew. Raises KeyRingError."""
    from access.keys.roots.sealed_file import PASSPHRASE_FILE

    path = settings.keys_folder / PASSPHRASE_FILE
    if settings.passphrase_file is None and not settings.real_data and not path.exists():
        raise KeyRingError("The passphrase's file is missing.", where=str(path), mend="Restore it from its backup.")


def path_facts(path: Path) -> PathFacts:
    """One place as it lies there, links not followed."""
    try:
        found = path.lstat()
    except PermissionError:
        return PathFacts(path, seen=False)
    except OSError:
        return PathFacts(path, there=False)
    return PathFacts(
        path,
        folder=stat.S_ISDIR(found.st_mode),
        plain=stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode),
        own=found.st_uid == os.geteuid(),
        owner=_name(found.st_uid),
        mode=stat.S_IMODE(found.st_mode),
    )


def _folders(settings: Settings) -> list[Path]:
    own = [
        settings.home / "records", settings.audit_folder, settings.scopes_folder, settings.evidence_folder,
        settings.airlock_folder, settings.imports_folder, settings.packages_folder, settings.workspaces_folder,
        settings.logs_folder, settings.prefect_folder, settings.identity_folder, settings.issuer_folder,
        settings.home / "hub", settings.home / "hub" / "tokens",
    ]  # fmt: skip
    if settings.separated:  # the rest is in the table of accounts
        return own
    zones = [settings.linkage_zone, settings.research_zone, settings.intake_folder, settings.inbox_folder]
    return [*own, *zones, settings.keys_folder, settings.run_folder]


def _secrets(settings: Settings) -> list[Path]:
    """Those of the home that are there, and those that the settings name, there or not."""
    hub, tokens = settings.home / "hub", settings.home / "hub" / "tokens"
    own = [
        settings.keys_folder / "root.key", settings.keys_folder / "roles.json", settings.keys_folder / "passphrase",
        settings.audit_folder / "log.key", hub / "orchestrator.token", hub / "cookie-secret", tokens / "hub.token",
        tokens / "house.token", settings.identity_folder / "keeper.secret",
    ]  # fmt: skip
    mesh, stores = settings.optouts.mesh, settings.keys
    named = [settings.passphrase_file, settings.identity.keeper_secret_file, settings.identity.hub_secret_file]
    named += [stores.pkcs11.pin_file] if stores.pkcs11 else []
    named += [stores.transit.token_file] if stores.transit else []
    named += [mesh.password_file, mesh.shared_key_file, mesh.private_key] if mesh else []
    return [path for path in own if _exists(path)] + [path for path in named if path is not None]


def _real_data(settings: Settings) -> RealDataFacts:
    if not settings.real_data:
        return RealDataFacts(declared=False)
    elsewhere = settings.keys.root != "sealed-file"
    inside = settings.passphrase_file is not None and settings.passphrase_file.absolute().is_relative_to(settings.home)
    zones = settings.accounts.passphrases or all(
        getattr(settings.accounts, f"{zone}_keys").root != "sealed-file" for zone in ("linkage", "research", "intake")
    )
    return RealDataFacts(
        declared=True,
        separated=settings.separated,
        cipher=settings.duckdb_httpfs is not None,
        cipher_problem=_changeable(settings.duckdb_httpfs) if settings.duckdb_httpfs else None,
        passphrase=elsewhere or settings.passphrase_file is not None,
        passphrase_problem="passphrase_file lies in the home, beside the key that it seals" if inside else None,
        passphrases_problem=None if zones else "[accounts] passphrases is not set",
        hub_log_in=settings.identity.hub_by_openid,
    )


def _changeable(path: Path) -> str | None:
    try:
        place = changeable_by_others(path)
    except OSError:
        return f"{path} is not there"
    return None if place is None else f"others can change {place}, and with it what the haven loads"


def _exists(path: Path) -> bool:
    try:
        return os.path.lexists(path)
    except OSError:
        return True


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
