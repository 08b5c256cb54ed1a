"""Why is somebody not known? The errors of identity; the whole tree is drawn in audit/errors.py.

Each refusal of a token carries its rule for the log. None carries a token, a code or a claim's value.
"""

from __future__ import annotations

from access.errors import AccessError

LOG_IN = "Log in again: haven login"


class TokenRefused(AccessError):
    """The token does not prove who asks. `code` stays one; `rule` and the sentence say which check failed."""

    code = "token.refused"
    exit_status = 77
    http_status = 401

    def __init__(self, rule: str, why: str) -> None:
        super().__init__(f"The token {why}.", where=f"rule {rule}", mend=LOG_IN)
        self.rule = rule


class IssuerRefused(AccessError):
    """The local issuer does not work where real data are, or for whom the records do not know."""

    code = "issuer.refused"
    exit_status = 78


class IssuerUnreachable(AccessError):
    """The issuer does not answer, or answers what it must not. Nobody is let in meanwhile."""

    code = "issuer.unreachable"
    exit_status = 69
    http_status = 503


class LoginRefused(AccessError):
    """Nobody is logged in here, or the login ended, was denied, or is another person's."""

    code = "login.refused"
    exit_status = 77
    http_status = 401


class GrantRefused(AccessError):
    """The issuer's answer to a program that asks for tokens: `code` is the word of RFC 6749 5.2 or RFC 8628 3.5."""

    code = "grant.refused"
    exit_status = 77
    http_status = 400

    def __init__(self, word: str, rule: str, why: str) -> None:
        super().__init__(why, where=f"rule {rule}", mend=LOG_IN)
        self.word = word
        self.rule = rule
