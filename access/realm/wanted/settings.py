"""What of the realm is chosen, and what is always the same? Addresses and the second factor; names and times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from access.realm.errors import RealmError

REALM = "haven"
BROWSER_FLOW = "haven browser"
FORMS_FLOW = "haven browser forms"
NO_PASSWORD_GRANT = "haven no password grant"  # noqa: S105 - a flow's name
SIGNING_KEY = "haven-es256"
PERSON_SCOPE = "haven-person"
MINUTE, HOUR, DAY = 60, 3600, 86_400
ACCESS_TOKEN_SECONDS = 5 * MINUTE
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
PASSWORD_POLICY = " and ".join(
    (
        "length(14)",
        "maxLength(128)",
        "notUsername(undefined)",
        "notContainsUsername(undefined)",
        "notEmail(undefined)",
        "passwordHistory(12)",
        "hashAlgorithm(argon2)",
    )
)
"""Long rather than complicated, and none by date (NCSC's password guidance); hashed with Argon2id."""

Data = dict[str, Any]


class RealmSettingsWrong(RealmError):
    """An address of the realm's settings would send somebody's log-in where it should not go."""

    code = "realm.settings"
    exit_status = 78


@dataclass(frozen=True)
class RealmSettings:
    """Where portal and hub answer, and which second factor everybody has.

    portal, hub: addresses without a path's wildcard; https but on this machine.
    """

    portal: str = "http://127.0.0.1:8450"
    hub: str = "http://127.0.0.1:8460"
    second_factor: Literal["totp", "webauthn"] = "totp"

    def __post_init__(self) -> None:
        for name, address in (("portal", self.portal), ("hub", self.hub)):
            parts = urlsplit(address)
            safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
            if not safe or not parts.hostname or "*" in address or parts.query or parts.fragment or parts.username:
                raise RealmSettingsWrong(
                    f"The address of the {name} is not one that log-ins may be sent to.",
                    where=f"[identity] {name}",
                    mend="Give https://HOST or https://HOST/PATH, without * and without a question mark.",
                )
