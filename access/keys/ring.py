"""Which key for what, in this process? Role keys unwrapped once, in memory; every other key derived from its role's.

The same home gives the same keys after a restart, and after its root key was rotated or moved: what is wrapped anew
stays what it was. A home from before there were role keys keeps every key it had: its one root becomes the key of each
role (`founding`). Python cannot promise to wipe memory; core dumps of a process that holds keys are turned off.
"""

from __future__ import annotations

import base64
import os
import resource
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.keys.derivation import derive
from access.keys.envelope import ROLES_FILE, Envelope
from access.keys.errors import KeyRingError
from access.keys.files import erase, locked
from access.keys.model import KEY_BYTES, HeldKey, KeyRole, check_value, role_of
from access.keys.ports import RootKeys
from access.keys.roots.sealed_file import ROOT_FILE, SealedFileRoot, passphrase_of
from access.keys.rounds import RoundKeys

FIRST = ".first"  # stands while a folder gets its first keys: nothing was derived from what lies beside it


class KeyRing:
    """The keys of one haven, derived on request. The same inputs give the same keys after a restart."""

    def __init__(self, keys: Mapping[KeyRole, bytes], folder: Path, envelope: Envelope) -> None:
        self._keys = dict(keys)
        self._folder = folder
        self._envelope = envelope

    def __repr__(self) -> str:
        return "KeyRing(sealed)"

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        real_data: bool = False,
        passphrase_file: Path | None = None,
        root: RootKeys | None = None,
        roles: Iterable[KeyRole] = tuple(KeyRole),
    ) -> KeyRing:
        """Open the key ring of `folder`, made on first use; two processes that race get the same one.

        real_data: the passphrase must come from outside the folder. root: where the root key lies; None: the folder's
        own sealed file. roles: what this process may derive. Raises KeyRingError.
        """
        _no_core_dumps()
        with locked(folder):
            if (folder / FIRST).exists():  # a first opening was killed before anything was derived
                erase(folder / ROOT_FILE)
                (folder / ROLES_FILE).unlink(missing_ok=True)
            store = root or sealed_file(folder, real_data=real_data, passphrase_file=passphrase_file)
            envelope = _with_intake(folder, store, Envelope.read(folder)) or _first_envelope(folder, store)
            (folder / FIRST).unlink(missing_ok=True)
        _require_same_store(folder, envelope, store)
        return cls(envelope.opened(store, roles), folder, envelope)

    def only(self, *roles: KeyRole) -> KeyRing:
        """The same ring, able to derive these roles' keys and no others."""
        return KeyRing({role: self._key_of(role) for role in roles}, self._folder, self._envelope)

    @property
    def root_name(self) -> str:
        """Where the root key lies."""
        return self._envelope.root

    @property
    def role_checks(self) -> Mapping[KeyRole, str]:
        """The check value of each role's key."""
        return self._envelope.checks

    @property
    def founding(self) -> bool:
        """Was this home made before there were role keys?"""
        return self._envelope.founding

    def derives(self, context: str) -> bool:
        """Was this process given the key of the role that derives this?"""
        return role_of(context) in self._keys

    @property
    def rounds(self) -> RoundKeys:
        """The keys of the rounds."""
        return RoundKeys(self._folder, self._key_of(KeyRole.LINKAGE))

    def zone_key(self, zone: str) -> str:
        """The key of a zone's database at rest, as DuckDB takes it (base64 text)."""
        return base64.b64encode(self._derive(f"zone/{zone}")).decode("ascii")

    def scope_file_key(self, project: str, version: int) -> str:
        """The key of one scope file at rest, as DuckDB takes it (base64 text)."""
        return base64.b64encode(self._derive(f"scope/{project}/{version}")).decode("ascii")

    def evidence_key(self, project: str) -> bytes:
        """The AES-256 key under which the evidence of a project's queries is sealed."""
        return self._derive(f"evidence/{project}")

    def token_key(self, round_name: str) -> HeldKey:
        """The key under which one round of linkage makes its tokens, made on first use. Raises RoundDestroyed."""
        if self.founding and self.rounds.find(round_name) is None:
            return self._held(f"token/{round_name}", 1)
        return self.rounds.get_or_create(round_name)

    def project_key(self, project: str, version: int = 1) -> HeldKey:
        """The AES-256 key under which a project's pseudonyms are made."""
        return self._held(f"project/{project}", version)

    def ledger_key(self) -> HeldKey:
        """The AES-256 key under which the release ledger's marks of people are made; it never rotates."""
        return self._held("ledger/people", 1)

    def signing_key(self, purpose: str, version: int = 1) -> Ed25519PrivateKey:
        """The Ed25519 key for one purpose (`release`, `certificate`, ...); that of `token` has versions."""
        return Ed25519PrivateKey.from_private_bytes(self._derive(f"sign/{purpose}" + (f"/v{version}" * (version > 1))))

    def age_secret(self, purpose: str) -> bytes:
        """The secret of the age identity for one purpose (`deliveries`): access.keys.sealing."""
        return self._derive(f"age/{purpose}")

    def secret(self, purpose: str) -> bytes:
        """32 bytes for a purpose that is none of the others, such as a seal between two own processes."""
        return self._derive(f"secret/{purpose}")

    def _held(self, key_id: str, version: int) -> HeldKey:
        key = self._derive(f"{key_id}/v{version}")
        return HeldKey(key_id, version, key, check_value(key))

    def _derive(self, context: str) -> bytes:
        role = role_of(context)
        if role is None:
            raise KeyRingError(
                "No role derives a key for this purpose.",
                where=context.partition("/")[0],
                mend="A new kind of key needs its line in access/keys/model.py.",
            )
        return derive(self._key_of(role), f"haven/1/{context}")

    def _key_of(self, role: KeyRole) -> bytes:
        try:
            return self._keys[role]
        except KeyError:
            raise KeyRingError(
                f"This process was not given the key of the role '{role}'.",
                where=role.value,
                mend="Run the step in the process of that role.",
            ) from None


def sealed_file(folder: Path, *, real_data: bool, passphrase_file: Path | None) -> SealedFileRoot:
    """The root key in the folder's own file. Raises KeyRingError."""
    passphrase = passphrase_of(folder, real_data=real_data, passphrase_file=passphrase_file)
    return SealedFileRoot(folder, passphrase)


def rotate_root(folder: Path, now: RootKeys, target: RootKeys) -> None:
    """A new version of the root key, or another place for it; no key that hangs on it changes.

    The role keys are wrapped anew and switched in one step; only then does the old version end. Killed at any point,
    the home opens, and a second rotation finishes.
    """
    with locked(folder):
        envelope = Envelope.read(folder)
        if envelope is None:
            raise KeyRingError("There are no role keys yet.", where=str(folder), mend="Run: haven keys list")
        keys = envelope.opened(now, envelope.wrapped)
        target.make()
        newest = target.rotate() if now.name == target.name else None
        Envelope.sealed(keys, target, founding=envelope.founding).write(folder)
        if newest is not None:
            target.retire(newest)
        elif isinstance(now, SealedFileRoot):
            now.erase()


def _first_envelope(folder: Path, store: RootKeys) -> Envelope:
    """The role keys of a new home; of an older home, its founding secret under each role."""
    founding = store.founding if isinstance(store, SealedFileRoot) else None
    if founding is None:
        if (folder / ROOT_FILE).exists():
            raise (
                _elsewhere(folder, store)
                if not isinstance(store, SealedFileRoot)
                else KeyRingError(
                    "The file of the role keys is missing.", where=str(folder), mend="Restore it from its backup."
                )
            )
        (folder / FIRST).touch()
        store.make()
    keys = {role: founding or os.urandom(KEY_BYTES) for role in KeyRole}
    envelope = Envelope.sealed(keys, store, founding=founding is not None)
    envelope.write(folder)
    return envelope


def _with_intake(folder: Path, store: RootKeys, found: Envelope | None) -> Envelope | None:
    """A home from before the intake had a role of its own gets it, unless roles were set apart already."""
    if found is None or set(found.wrapped) != set(KeyRole) - {KeyRole.INTAKE}:
        return found
    _require_same_store(folder, found, store)
    key = found.opened(store, [KeyRole.LINKAGE])[KeyRole.LINKAGE] if found.founding else os.urandom(KEY_BYTES)
    envelope = found.beside(Envelope.sealed({KeyRole.INTAKE: key}, store, founding=found.founding))
    envelope.write(folder)
    return envelope


def _require_same_store(folder: Path, envelope: Envelope, store: RootKeys) -> None:
    if envelope.root != store.name:
        raise _elsewhere(folder, store, envelope.root)


def _elsewhere(folder: Path, store: RootKeys, lies: str = SealedFileRoot.name) -> KeyRingError:
    return KeyRingError(
        f"The settings name the root key '{store.name}', and this home's keys are wrapped by '{lies}'.",
        where=str(folder),
        mend="Name the store that wrapped them, or move the root key: haven keys rotate root",
    )


def _no_core_dumps() -> None:
    """A crash must not write this process's memory to a disk."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
