"""An issuer of the tests' own, a network in memory, and good and hostile tokens with the rule that each breaks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc.jwk import ECKey, Key, OKPKey
from joserfc.jws import JWSRegistry

from access.identity.keys import HeldKeys
from access.identity.local.issuer import LocalIssuer
from access.identity.ports import Answer, Unanswered
from access.identity.strict import write_base64url
from access.identity.tokens import Verifier
from access.people.model import Role
from audit.clock import FixedClock

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
URL = "http://127.0.0.1:8089"
AUDIENCE = "haven-gateway"
CLIENT = "haven-cli"


def new_key() -> OKPKey:
    """A fresh Ed25519 key with its id."""
    key = OKPKey.generate_key("Ed25519", {"alg": "Ed25519", "use": "sig"})
    key.ensure_kid()
    return key


class HeldSigning:
    """An issuer's keys in memory; the newest signs."""

    def __init__(self) -> None:
        self.keys = [new_key()]

    def current(self) -> OKPKey:
        """The newest."""
        return self.keys[-1]

    def published(self) -> list[OKPKey]:
        """All."""
        return self.keys


class TokenBench:
    """An issuer, its verifier, and a clock that the test moves."""

    def __init__(self, url: str = URL, signing: HeldSigning | None = None, now: datetime = NOW) -> None:
        self.clock = FixedClock(now)
        self.signing = signing or HeldSigning()
        self.issuer = LocalIssuer(url, self.signing, self.clock, real_data=False)
        self.trusted = self.issuer.trusted({AUDIENCE: [CLIENT]})
        self.verifier = Verifier(self.trusted, HeldKeys(self.issuer.public_keys()), self.clock)

    def good(self) -> str:
        """A token that counts."""
        return self.issuer.issue("asha", AUDIENCE, roles=[Role.RESEARCHER])

    def claims(self) -> dict[str, Any]:
        """The claims of one."""
        return parts_of(self.good())[1]

    def header(self) -> dict[str, Any]:
        """The header of one."""
        return parts_of(self.good())[0]

    def signed(self, claims: Mapping[str, Any] | bytes, header: Mapping[str, Any] | bytes | None = None) -> str:
        """These claims under this header, signed with the issuer's own key."""
        return sign(self.signing.current(), claims, self.header() if header is None else header)


def as_bytes(value: Mapping[str, Any] | bytes) -> bytes:
    """JSON, or what was given."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def sign(key: Key, claims: Mapping[str, Any] | bytes, header: Mapping[str, Any] | bytes) -> str:
    """A compact token of just these bytes: an issuer that does what none should."""
    message = f"{write_base64url(as_bytes(header))}.{write_base64url(as_bytes(claims))}"
    signature = JWSRegistry.algorithms["Ed25519" if key.key_type == "OKP" else "ES256"].sign(message.encode(), key)
    return f"{message}.{write_base64url(signature)}"


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Header, claims and signature of a token, unverified."""
    header, claims, signature = (base64.urlsafe_b64decode(one + "=" * (-len(one) % 4)) for one in token.split("."))
    return json.loads(header), json.loads(claims), signature


def forged(token: str, published: Mapping[str, Any], elsewhere: str) -> dict[str, tuple[str, str]]:
    """What somebody makes of a good token without the issuer's key: in words -> the token, and the rule it breaks.

    elsewhere: an address that the forger holds.
    """
    header, claims, _ = parts_of(token)
    head, body, signature = token.split(".")
    mine = new_key() if header["alg"] == "Ed25519" else ECKey.generate_key("P-256", auto_kid=True)
    public = next(one for one in published["keys"] if one["kid"] == header["kid"])
    jwk = mine.as_dict(private=False)

    def with_header(**changes: Any) -> str:
        return sign(mine, claims, {**header, **changes})

    def symmetric(secret: bytes) -> str:
        message = f"{write_base64url(as_bytes({**header, 'alg': 'HS256'}))}.{body}"
        return f"{message}.{write_base64url(hmac.digest(secret, message.encode(), hashlib.sha256))}"

    unsigned = write_base64url(as_bytes({**header, "alg": "none"}))
    secret = base64.urlsafe_b64decode(str(public.get("x") or public.get("n")) + "==")
    other = write_base64url(as_bytes({**claims, "preferred_username": "bryn"}))
    return {
        "no signature, and says so": (f"{unsigned}.{body}.", "token.algorithm"),
        "no signature, under the good header": (f"{head}.{body}.", "token.signature"),
        "the public key used as a shared secret": (symmetric(secret), "token.algorithm"),
        "the published JSON used as a shared secret": (symmetric(json.dumps(public).encode()), "token.algorithm"),
        "another key under the issuer's key id": (with_header(), "token.signature"),
        "another key under its own id": (with_header(kid=mine.kid), "token.key"),
        "a key in the header": (with_header(jwk=jwk), "token.header"),
        "an address of keys in the header": (with_header(jku=elsewhere), "token.header"),
        "an address of certificates in the header": (with_header(x5u=elsewhere), "token.header"),
        "an extension that must be understood": (with_header(crit=["exp"]), "token.header"),
        "a key id that is a path": (with_header(kid="../../../dev/null"), "token.key"),
        "a key id that is a file": (with_header(kid="/dev/null"), "token.key"),
        "a key id that is an address": (with_header(kid=elsewhere), "token.key"),
        "a key id that is a statement": (with_header(kid="' or 1=1 --"), "token.key"),
        "a key id that is a list": (with_header(kid=["a"]), "token.header"),
        "no key id": (sign(mine, claims, {"alg": header["alg"], "typ": "JWT"}), "token.header"),
        "the person changed after signing": (f"{head}.{other}.{signature}", "token.signature"),
        "cut short": (token[: len(token) // 2], "token.malformed"),
        "the signature cut short": (token[:-6], "token.signature"),
        "a megabyte": (f"{head}.{body}.{'A' * 1024 * 1024}", "token.too_long"),
        "padding after the signature": (token + "==", "token.malformed"),
        "a line break within": (f"{head}.{body}\n.{signature}", "token.malformed"),
        "five parts, as an encrypted token has": (f"{token}.a.b", "token.malformed"),
        "a header that is no object": (f"{write_base64url(b'[1]')}.{body}.{signature}", "token.malformed"),
        "nothing": ("", "token.malformed"),
    }  # fmt: skip


def misissued(bench: TokenBench) -> dict[str, tuple[str, str]]:
    """What is rightly signed and must not count: in words -> the token, and the rule it breaks."""
    good, now = bench.claims(), int(bench.clock.now().timestamp())

    def but(**changes: Any) -> str:
        return bench.signed({**good, **changes})

    def twice(name: str, value: str) -> str:
        return bench.signed(json.dumps(good)[:-1].encode() + f', "{name}": {json.dumps(value)}}}'.encode())

    head = json.dumps(bench.header())[:-1].encode() + b', "alg": "none"}'
    missing = {
        f"without the claim {name}": (
            bench.signed({one: value for one, value in good.items() if one != name}),
            "token.claim_missing",
        )
        for name in good
    }
    return missing | {
        "for another service": (but(aud="haven-portal"), "token.audience"),
        "for this service and another": (but(aud=[AUDIENCE, "account"]), "token.audience"),
        "issued to another client": (but(azp="haven-portal"), "token.client"),
        "of another issuer": (but(iss="https://elsewhere.example/realms/haven"), "token.issuer"),
        "of another realm at the same host": (but(iss=f"{bench.issuer.url}/realms/other"), "token.issuer"),
        "of the same issuer with a stroke more": (but(iss=f"{bench.issuer.url}/"), "token.issuer"),
        "expired": (but(exp=now), "token.expired"),
        "from the future": (but(iat=now + 3600, exp=now + 3900), "token.future"),
        "good for a day": (but(exp=now + 86_400), "token.lives_too_long"),
        "of a login yesterday": (but(auth_time=now - 86_400), "token.session_too_old"),
        "older than its own login": (but(iat=now - 60, auth_time=now), "token.future"),
        "an ID token": (but(typ="ID"), "token.kind"),
        "a refresh token": (but(typ="Refresh"), "token.kind"),
        "a claim more": (but(admin=True), "token.claim_unknown"),
        "a claim more that is harmless": (but(nbf=now), "token.claim_unknown"),
        "a name that is a path": (but(preferred_username="../asha"), "token.person"),
        "a name with another's letters": (but(preferred_username="аsha"), "token.person"),
        "a role that is none": (but(haven_roles=["owner"]), "token.roles"),
        "no role": (but(haven_roles=[]), "token.roles"),
        "a role that does not count at this client": (but(haven_roles=["commissioner"]), "token.roles"),
        "a login too long ago for an administrator": (
            but(haven_roles=["administrator"], auth_time=now - 3600), "token.session_too_old"),
        "asked for another service": (but(scope="haven-portal"), "token.scope"),
        "asked for more than this service": (but(scope=f"{AUDIENCE} offline_access"), "token.scope"),
        "a role twice": (but(haven_roles=["researcher", "researcher"]), "token.roles"),
        "an expiry that is text": (but(exp=str(now + 60)), "token.expired"),
        "an expiry with a fraction": (but(exp=now + 60.5), "token.expired"),
        "an expiry that is true": (but(exp=True), "token.expired"),
        "an expiry beyond all time": (but(exp=10**30), "token.expired"),
        "a person who is a list": (but(preferred_username=["asha"]), "token.person"),
        "a subject that is no uuid": (but(sub="asha"), "token.subject"),
        "the person named twice": (twice("preferred_username", "bryn"), "token.malformed"),
        "the algorithm named twice": (bench.signed(good, head), "token.malformed"),
        "claims that are no object": (bench.signed(b'"asha"'), "token.malformed"),
        "claims nested without end": (bench.signed(b'{"a":' * 300 + b"1" + b"}" * 300), "token.malformed"),
        "a number that is none": (bench.signed(json.dumps(good).replace(str(good["exp"]), "NaN").encode()),
                                  "token.malformed"),
        "compressed": (bench.signed(good, {**bench.header(), "zip": "DEF"}), "token.header"),
        "a token in a token": (bench.signed(good, {**bench.header(), "cty": "JWT"}), "token.header"),
        "of a kind for something else": (bench.signed(good, {**bench.header(), "typ": "logout+jwt"}), "token.header"),
    }  # fmt: skip


class MemoryNetwork:
    """A network that answers from a table, and counts what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[], Answer]] = {}
        self.asked: list[str] = []

    def put(self, url: str, document: Mapping[str, Any] | bytes, status: int = 200) -> None:
        """This document at this address."""
        self.answers[url] = lambda: Answer(status, as_bytes(document))

    def publish(self, bench: TokenBench) -> None:
        """The bench's issuer, at its address."""
        names = ("jwks_uri", "device_authorization_endpoint", "token_endpoint", "revocation_endpoint")
        self.put(
            f"{URL}/.well-known/openid-configuration",
            {"issuer": URL, **{name: f"{URL}/{name}" for name in names}},
        )
        self.answers[f"{URL}/jwks_uri"] = lambda: Answer(200, as_bytes(bench.issuer.public_keys()))

    def get(self, url: str) -> Answer:
        """The answer from the table."""
        self.asked.append(url)
        if url not in self.answers:
            raise Unanswered
        return self.answers[url]()

    def post(self, url: str, form: Mapping[str, str]) -> Answer:
        """The same."""
        return self.get(url)


def later(bench: TokenBench, seconds: float) -> None:
    """Time goes on."""
    bench.clock.at += timedelta(seconds=seconds)


__all__ = ["AUDIENCE", "CLIENT", "NOW", "URL", "HeldSigning", "MemoryNetwork", "TokenBench", "forged", "later"]
