"""With which key may a token be signed? The issuer's published keys, found by discovery and held for a while.

Keys rotate without a restart: an unknown key id is looked for anew, but not oftener than every few seconds, so that a
flood of made-up ids asks nothing. What is no longer published is dropped. Without an answer, keys count only until they
are stale; then everybody is refused (OpenID Connect Discovery 1.0 section 4; RFC 7517; RFC 8725 3.10).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from access.identity.discovery import Discovery
from access.identity.errors import IssuerUnreachable
from access.identity.ports import Network, Unanswered
from access.identity.strict import Unreadable, read_base64url, read_object
from audit.clock import Clock

AGAIN = timedelta(seconds=10)  # between two askings for a key that is not known
FRESH = timedelta(minutes=1)  # asked for anew after that: so long a key may count that is published no more
STALE = timedelta(minutes=30)  # held no longer than that when the issuer does not answer
KEY_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
MOST_KEYS = 32
SMALLEST_RSA = 2048
PRIVATE_PARTS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
SHAPE = frozenset({"kty", "crv", "x", "y", "n", "e"})
SAME = {"EdDSA": "Ed25519"}  # the older name of the same signature (RFC 9864)


@dataclass(frozen=True)
class PublicKey:
    """A published key: its id, and the signatures that it may verify."""

    kid: str
    algorithms: frozenset[str]
    key: Key = field(repr=False)

    def signed(self, algorithm: str, message: bytes, signature: bytes) -> bool:
        """Is this signature of this message the key's, by this algorithm?"""
        name = SAME.get(algorithm, algorithm)
        if name not in self.algorithms:
            return False
        try:
            return bool(JWSRegistry.algorithms[name].verify(message, signature, self.key))
        except (JoseError, ValueError, TypeError):
            return False


class KeySource(Protocol):
    """Where the verifier finds a key."""

    def find(self, kid: str) -> PublicKey | None:
        """The key of this id; None when the issuer publishes none. Raises IssuerUnreachable."""


class HeldKeys:
    """Keys that stand still: for one process that holds both sides."""

    def __init__(self, published: Mapping[str, Any]) -> None:
        self._keys = read_keys(published)

    def find(self, kid: str) -> PublicKey | None:
        """The key of this id."""
        return self._keys.get(kid)


@dataclass(frozen=True)
class _Published:
    keys: Mapping[str, PublicKey]
    at: datetime


class PublishedKeys:
    """The keys that an issuer publishes now. Safe to ask from several threads."""

    def __init__(self, issuer: str, network: Network, clock: Clock, *, again: timedelta = AGAIN) -> None:
        self.issuer = issuer
        self._network = network
        self._clock = clock
        self._again = again
        self._held: _Published | None = None
        self._asked: datetime | None = None
        self._asking = threading.Lock()

    def find(self, kid: str) -> PublicKey | None:
        """The key of this id; None when the issuer publishes none. Raises IssuerUnreachable."""
        held = self._usable()
        if held is not None and kid in held.keys and self._age(held) < FRESH:
            return held.keys[kid]
        self._ask_again(wait=held is None)
        held = self._usable()
        if held is None:
            raise IssuerUnreachable("The issuer's keys cannot be read.", mend="Is it up? Nobody is let in meanwhile.")
        return held.keys.get(kid)

    def _age(self, held: _Published) -> timedelta:
        return abs(self._clock.now() - held.at)

    def _usable(self) -> _Published | None:
        """What is held, while it is not stale: beyond the bound no key counts."""
        held = self._held
        return held if held is not None and self._age(held) < STALE else None

    def _ask_again(self, *, wait: bool) -> None:
        """One asker at a time, and not oftener than `again`; the others go on with what is held."""
        if not self._asking.acquire(blocking=wait):
            return
        try:
            now = self._clock.now()
            if self._asked is not None and abs(now - self._asked) < self._again:
                return
            self._asked = now
            self._held = _Published(self._fetch(), now)
        except (Unanswered, Unreadable, IssuerUnreachable):
            return
        finally:
            self._asking.release()

    def _fetch(self) -> Mapping[str, PublicKey]:
        answer = self._network.get(Discovery.ask(self.issuer, self._network).keys)
        if answer.status != 200:
            raise Unanswered
        return read_keys(read_object(answer.body))


def read_keys(published: Mapping[str, Any]) -> Mapping[str, PublicKey]:
    """The usable keys of a JWK set, by id. Keys of other kinds are passed over; a set that shows secrets is refused.

    Raises Unreadable.
    """
    entries = published.get("keys")
    if not isinstance(entries, list) or len(entries) > MOST_KEYS or not all(isinstance(one, dict) for one in entries):
        raise Unreadable("no set of keys")
    if any(PRIVATE_PARTS & set(one) for one in entries):
        raise Unreadable("secrets among the published keys")
    found = [key for key in map(_read_key, entries) if key is not None]
    if len({key.kid for key in found}) != len(found):
        raise Unreadable("two keys of one id")
    return {key.kid: key for key in found}


def _read_key(entry: dict[str, Any]) -> PublicKey | None:
    """One published key; None when no token may be signed with it."""
    kid, use, said = entry.get("kid"), entry.get("use", "sig"), entry.get("alg")
    if not isinstance(kid, str) or not KEY_ID.fullmatch(kid) or use != "sig":
        return None
    try:
        key, fit = _import(entry)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    algorithms = fit if said is None else fit & {SAME.get(said, said) if isinstance(said, str) else ""}
    return PublicKey(kid, algorithms, key) if algorithms else None


def _import(entry: dict[str, Any]) -> tuple[Key, frozenset[str]]:
    """The key, and the signatures that its kind makes."""
    shape: dict[str, str | list[str]] = {
        str(name): entry[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in entry
    }
    match entry.get("kty"), entry.get("crv"):
        case "OKP", "Ed25519":
            return OKPKey.import_key(shape), frozenset({"Ed25519"})
        case "EC", "P-256":
            return ECKey.import_key(shape), frozenset({"ES256"})
        case "RSA", None:
            if len(read_base64url(entry["n"])) * 8 < SMALLEST_RSA:
                raise ValueError("too small")
            return RSAKey.import_key(shape), frozenset({"PS256", "RS256"})
    raise ValueError("another kind of key")
