"""The words that programs and issuers of OAuth share: RFC 6749, RFC 8628, RFC 7636."""

from __future__ import annotations

import hashlib

from access.identity.strict import write_base64url

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
REFRESH = "refresh_token"


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a program's secret (RFC 7636 4.2)."""
    return write_base64url(hashlib.sha256(verifier.encode("utf-8", "replace")).digest())
