"""Which key does the local issuer sign with now, and which of its earlier ones are still published?

The keys hang on the key ring; only their versions lie in a file, so that every process of this account sees a rotation
at once. After a rotation the key before stays published until no token signed with it can be good, and then no more.
"""

from __future__ import annotations

import fcntl
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import OKPKey

from access.identity.errors import IssuerRefused
from access.identity.model import LEEWAY, LONGEST_LIFE
from audit.clock import Clock

VERSIONS_FILE = "keys.json"
PRIVATE = 0o700
SIGNS_WITH = "Ed25519"


@dataclass(frozen=True)
class _Versions:
    """The version that signs, and until when each earlier one is published."""

    now: int
    earlier: dict[int, datetime]


class IssuerKeys:
    """The versions of the local issuer's key. derive: the key of a version, from the key ring."""

    def __init__(self, folder: Path, derive: Callable[[int], Ed25519PrivateKey], clock: Clock) -> None:
        self._folder = folder
        self._derive = derive
        self._clock = clock

    def current(self) -> OKPKey:
        """The key that signs."""
        return self._key(self._read().now)

    def published(self) -> list[OKPKey]:
        """The key that signs, and those before it whose tokens may still be good."""
        versions, now = self._read(), self._clock.now()
        good = [version for version, until in sorted(versions.earlier.items()) if until > now]
        return [self._key(version) for version in (versions.now, *good)]

    def rotate(self) -> str:
        """A new key signs from now; its id."""
        with self._locked():
            before, now = self._read(), self._clock.now()
            earlier = {version: until for version, until in before.earlier.items() if until > now}
            after = _Versions(before.now + 1, earlier | {before.now: now + LONGEST_LIFE + LEEWAY})
            self._write(after)
        return str(self._key(after.now).kid)

    def _key(self, version: int) -> OKPKey:
        pem = self._derive(version).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        key = OKPKey.import_key(pem, {"alg": SIGNS_WITH, "use": "sig"})
        key.ensure_kid()
        return key

    def _read(self) -> _Versions:
        path = self._folder / VERSIONS_FILE
        if not path.exists():
            return _Versions(1, {})
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            return _Versions(
                int(found["now"]), {int(one): datetime.fromisoformat(at) for one, at in found["earlier"].items()}
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise IssuerRefused(
                "The local issuer's list of keys cannot be read.",
                where=str(path),
                mend="Remove it; people log in again.",
            ) from None

    def _write(self, versions: _Versions) -> None:
        draft = self._folder / f".{VERSIONS_FILE}.{secrets.token_hex(4)}"
        said = {"now": versions.now, "earlier": {str(one): at.isoformat() for one, at in versions.earlier.items()}}
        draft.write_text(json.dumps(said), encoding="utf-8")
        draft.replace(self._folder / VERSIONS_FILE)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        with (self._folder / "keys.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
