"""Where does an issuer answer? Its own document says (OpenID Connect Discovery 1.0), and it may name only itself.

The document's issuer must equal the address that was asked, letter for letter; every address in it lies at the same
scheme, host and port, so that a document cannot send anybody elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from access.identity.addresses import is_safe, same_origin
from access.identity.errors import IssuerUnreachable
from access.identity.ports import Network, Unanswered
from access.identity.strict import Unreadable, read_object

DOCUMENT = "/.well-known/openid-configuration"
OK = 200


@dataclass(frozen=True)
class Discovery:
    """Where an issuer publishes its keys, gives device codes and tokens, and takes tokens back."""

    issuer: str
    keys: str
    device: str
    tokens: str
    revocation: str

    @classmethod
    def ask(cls, issuer: str, network: Network) -> Discovery:
        """What the issuer says of itself now. Raises IssuerUnreachable."""
        return _asked(issuer, network, cls.read)

    @classmethod
    def read(cls, issuer: str, document: Mapping[str, Any]) -> Discovery:
        """The document of this issuer. Raises Unreadable: another issuer's, or an address elsewhere."""
        names = ("jwks_uri", "device_authorization_endpoint", "token_endpoint", "revocation_endpoint")
        return cls(issuer, *_places(issuer, document, names))


@dataclass(frozen=True)
class BrowserLogin:
    """Where an issuer lets people log in with a browser, gives the tokens of it, and lets them log out."""

    authorize: str
    tokens: str
    log_out: str

    @classmethod
    def ask(cls, issuer: str, network: Network) -> BrowserLogin:
        """What the issuer says of itself now. Raises IssuerUnreachable."""
        names = ("authorization_endpoint", "token_endpoint", "end_session_endpoint")
        return _asked(issuer, network, lambda issuer, document: cls(*_places(issuer, document, names)))


T = TypeVar("T")


def _asked(issuer: str, network: Network, read: Callable[[str, Mapping[str, Any]], T]) -> T:
    try:
        answer = network.get(issuer.rstrip("/") + DOCUMENT)
        if answer.status != OK:
            raise Unanswered
        return read(issuer, read_object(answer.body))
    except (Unanswered, Unreadable):
        raise unreachable() from None


def _places(issuer: str, document: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """The addresses under these names. Raises Unreadable: another issuer's document, or an address elsewhere."""
    if document.get("issuer") != issuer:
        raise Unreadable("another issuer's document")
    places = [document.get(name) for name in names]
    for place in places:
        if not isinstance(place, str) or not is_safe(place) or not same_origin(place, issuer):
            raise Unreadable("an address elsewhere")
    return [str(place) for place in places]


def unreachable() -> IssuerUnreachable:
    """The issuer gave no answer that may be used."""
    return IssuerUnreachable(
        "The issuer does not answer as it must.", mend="Is it up? `haven up` or `haven identity up` starts one."
    )
