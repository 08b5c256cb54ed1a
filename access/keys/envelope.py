"""Where do the wrapped role keys lie? In `roles.json`, switched whole; it names the root key that wrapped them.

founding: this home was made before there were role keys. Each of its role keys is then the founding secret, so that
every key derived before stays what it was; a process still unwraps only its own role's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from access.keys.errors import KeyRingError, WrongRoot
from access.keys.files import write_private
from access.keys.model import KeyRole, check_value
from access.keys.ports import RootKeys

ROLES_FILE = "roles.json"
FORMAT = 2


@dataclass(frozen=True)
class Envelope:
    """The wrapped role keys, each with its check value, and which root key wrapped them."""

    root: str
    founding: bool
    wrapped: Mapping[KeyRole, bytes]
    checks: Mapping[KeyRole, str]

    @classmethod
    def sealed(cls, keys: Mapping[KeyRole, bytes], root: RootKeys, *, founding: bool) -> Envelope:
        """Role keys, wrapped."""
        wrapped = {role: root.wrap(key, context(role)) for role, key in keys.items()}
        return cls(root.name, founding, wrapped, {role: check_value(key) for role, key in keys.items()})

    def without(self, roles: Iterable[KeyRole]) -> Envelope:
        """The same, but for these roles."""
        gone = set(roles)
        wrapped = {role: one for role, one in self.wrapped.items() if role not in gone}
        return Envelope(self.root, self.founding, wrapped, {role: self.checks[role] for role in wrapped})

    def beside(self, more: Envelope) -> Envelope:
        """The same, and what another envelope of the same root holds."""
        return Envelope(self.root, self.founding, {**self.wrapped, **more.wrapped}, {**self.checks, **more.checks})

    def opened(self, root: RootKeys, roles: Iterable[KeyRole]) -> dict[KeyRole, bytes]:
        """The role keys of these roles. Raises WrongRoot."""
        found = {}
        for role in roles:
            if role not in self.wrapped:
                raise KeyRingError(
                    f"The key of the role '{role}' is missing.", where=ROLES_FILE, mend="Restore it from its backup."
                )
            key = root.unwrap(self.wrapped[role], context(role))
            if check_value(key) != self.checks[role]:
                raise WrongRoot(
                    f"The key of the role '{role}' is not the one that this home was made with.",
                    where=root.name,
                    mend="Restore the whole folder of keys from one backup.",
                )
            found[role] = key
        return found

    def write(self, folder: Path) -> None:
        """Put it in place of what was there, whole or not at all."""
        roles = {
            role.value: {"check": self.checks[role], "wrapped": wrapped.hex()} for role, wrapped in self.wrapped.items()
        }
        content = {"version": FORMAT, "root": self.root, "founding": self.founding, "roles": roles}
        write_private(folder / ROLES_FILE, json.dumps(content, indent=1).encode())

    @classmethod
    def read(cls, folder: Path) -> Envelope | None:
        """The envelope of this folder; None where there is none."""
        path = folder / ROLES_FILE
        try:
            parts = json.loads(path.read_bytes())
            if parts["version"] != FORMAT:
                raise ValueError
            roles = {KeyRole(name): one for name, one in parts["roles"].items()}
            return cls(
                str(parts["root"]),
                bool(parts["founding"]),
                {role: bytes.fromhex(one["wrapped"]) for role, one in roles.items()},
                {role: str(one["check"]) for role, one in roles.items()},
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise KeyRingError(
                "The file of the role keys is damaged, or of a newer haven.",
                where=str(path),
                mend="Restore it from its backup.",
            ) from None


def context(role: KeyRole) -> str:
    """What a role key's wrapping is bound to."""
    return f"haven/2/role/{role.value}"
