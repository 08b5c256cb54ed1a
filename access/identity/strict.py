"""What does this text say, and only one thing? JSON and base64url that every reader must read alike.

Two readers of one token may not see two tokens: a name twice, padding, spare bits or a number that is none are refused
(RFC 8725 section 2.4 and 3.1; RFC 4648 section 3.5).
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, NoReturn

DEEPEST = 8


class Unreadable(ValueError):
    """The text has not exactly one reading."""


def read_object(content: bytes) -> dict[str, Any]:
    """One JSON object with each name once. Raises Unreadable."""
    try:
        found = json.loads(content.decode("utf-8"), object_pairs_hook=_each_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Unreadable("not one JSON object") from None
    if not isinstance(found, dict) or _depth(found) > DEEPEST:
        raise Unreadable("not one JSON object")
    return found


def read_base64url(text: str) -> bytes:
    """The bytes of an unpadded base64url text that is written as it must be. Raises Unreadable."""
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise Unreadable("not base64url") from None
    if write_base64url(content) != text:
        raise Unreadable("not base64url as it is written")
    return content


def write_base64url(content: bytes) -> str:
    """Bytes as unpadded base64url."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("a name stands twice")
    return found


def _no_number(_: str) -> NoReturn:
    raise Unreadable("a number that is none")


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
