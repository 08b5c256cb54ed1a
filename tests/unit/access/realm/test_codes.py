"""The authenticator of the tests is one: the vectors of RFC 6238, appendix B, cut to six digits."""

from __future__ import annotations

import base64

import pytest

from tests.fakes.keycloak_pages import totp

SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("at", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_a_code_is_the_standards(at: int, code: str) -> None:
    """Each moment of the standard's table gives the standard's code."""
    assert totp(SECRET, at) == code
