"""What must each claim of a token be? One table: a claim that stands in it is checked, and any other is a refusal.

A claim that is absent is a refusal too: an issuer's new claim is read by a person before a token with it counts
(RFC 8725 3.8 to 3.12; OpenID Connect Core 1.0 section 2 for `azp`, `acr` and `auth_time`).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NewType

from access.identity.errors import TokenRefused
from access.identity.model import LEEWAY, Claims, TrustedIssuer
from access.people.model import Role
from access.realm.roles import LONGEST_SESSION, longest_session, roles_of

SignedClaims = NewType("SignedClaims", Mapping[str, Any])
"""The claims of a token whose signature was verified; nothing else may be put to the table."""

ACCESS_TOKEN = "Bearer"  # noqa: S105 - the value of `typ` in an access token; an ID token has another
PERSON = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
OPAQUE = re.compile(r"[A-Za-z0-9_:.-]{1,128}")
LATEST = 2**40


@dataclass(frozen=True)
class Question:
    """What is asked of a token: by whose rules, for which audience, when."""

    issuer: TrustedIssuer
    audience: str
    now: datetime


@dataclass(frozen=True)
class ClaimRule:
    """One claim's check, the code of its refusal, and what is wrong in words."""

    rule: str
    why: str
    holds: Callable[[Any, Question], bool]


def _time(value: object) -> datetime | None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < LATEST:
        return None
    return datetime.fromtimestamp(value, UTC)


def _matches(pattern: re.Pattern[str]) -> Callable[[Any, Question], bool]:
    return lambda value, _: isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_not_later(value: Any, question: Question) -> bool:
    time = _time(value)
    return time is not None and time <= question.now + LEEWAY


def _is_later(value: Any, question: Question) -> bool:
    time = _time(value)
    return time is not None and question.now < time


def _is_this_session(value: Any, question: Question) -> bool:
    time = _time(value)
    return time is not None and question.now - LONGEST_SESSION < time <= question.now + LEEWAY


def _is_uuid(value: Any, _: Question) -> bool:
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False


def _is_client(value: Any, question: Question) -> bool:
    return isinstance(value, str) and value in question.issuer.clients.get(question.audience, frozenset())


def _is_level(value: Any, question: Question) -> bool:
    if not isinstance(value, str) or not OPAQUE.fullmatch(value):
        return False
    return value in question.issuer.second_factor or not question.issuer.require_second_factor


def _are_roles(value: Any, _: Question) -> bool:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return False
    return len(set(value)) == len(value) > 0 and set(value) <= {role.value for role in Role}


def _is_scope(value: Any, question: Question) -> bool:
    return value in (question.audience, f"openid {question.audience}")


CLAIMS: Mapping[str, ClaimRule] = {
    "iss": ClaimRule("token.issuer", "is another issuer's", lambda value, asked: value == asked.issuer.url),
    "aud": ClaimRule("token.audience", "is for another service", lambda value, asked: value == asked.audience),
    "azp": ClaimRule("token.client", "was issued to a client that may not come here", _is_client),
    "typ": ClaimRule("token.kind", "is no access token", lambda value, _: value == ACCESS_TOKEN),
    "exp": ClaimRule("token.expired", "has expired", _is_later),
    "iat": ClaimRule("token.future", "is not valid yet", _is_not_later),
    "auth_time": ClaimRule("token.session_too_old", "is of a login too long ago, or in the future", _is_this_session),
    "jti": ClaimRule("token.id", "has no proper id", _matches(OPAQUE)),
    "sid": ClaimRule("token.session", "has no proper session", _matches(OPAQUE)),
    "sub": ClaimRule("token.subject", "has no proper subject", _is_uuid),
    "preferred_username": ClaimRule("token.person", "names no person", _matches(PERSON)),
    "acr": ClaimRule("token.second_factor", "comes of a login without a second factor", _is_level),
    "scope": ClaimRule("token.scope", "was asked for something else", _is_scope),
    "haven_roles": ClaimRule("token.roles", "has no role, or one that is none", _are_roles),
}
"""Every claim of an access token, in the order of asking."""


def account_for(claims: SignedClaims, question: Question) -> Claims:
    """What the token says, when every claim holds. Raises TokenRefused with the first rule that does not."""
    if missing := [name for name in CLAIMS if name not in claims]:
        raise TokenRefused("token.claim_missing", f"lacks the claim '{missing[0]}'")
    if set(claims) - set(CLAIMS):
        raise TokenRefused("token.claim_unknown", "has a claim that is not known")
    for name, claim in CLAIMS.items():
        if not claim.holds(claims[name], question):
            raise TokenRefused(claim.rule, claim.why)
    _hold_together(claims, question)
    return Claims(
        person=claims["preferred_username"],
        token_id=claims["jti"],
        session=claims["sid"],
        client=claims["azp"],
        ends=datetime.fromtimestamp(claims["exp"], UTC),
        second_factor=claims["acr"] in question.issuer.second_factor,
        roles=frozenset(claims["haven_roles"]),
    )


def _hold_together(claims: SignedClaims, question: Question) -> None:
    """What two claims say of each other. Raises TokenRefused."""
    roles, logged_in = [Role(one) for one in claims["haven_roles"]], datetime.fromtimestamp(claims["auth_time"], UTC)
    if claims["exp"] - claims["iat"] > question.issuer.longest_life.total_seconds():
        raise TokenRefused("token.lives_too_long", "lives too long")
    if claims["auth_time"] > claims["iat"] + LEEWAY.total_seconds():
        raise TokenRefused("token.future", "is older than its login")
    if not set(roles) <= set(roles_of(claims["azp"])):
        raise TokenRefused("token.roles", "has a role that does not count for its client")
    if question.now - logged_in >= longest_session(roles):
        raise TokenRefused("token.session_too_old", "is of a login too long ago for these roles")
