"""May a service be asked at this address? HTTPS, or plain HTTP to this machine only; nothing hidden in the address."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

LONGEST = 2048


def is_safe(url: str) -> bool:
    """HTTPS anywhere, HTTP to loopback; no user, query or fragment, nothing that two readers read differently."""
    parts = _split(url)
    if parts is None or parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        return False
    return parts.scheme == "https" or parts.hostname == "localhost" or _is_loopback_number(parts.hostname or "")


def is_loopback(url: str) -> bool:
    """Does the address lie on this machine?"""
    parts = _split(url)
    if parts is None:
        return False
    host = parts.hostname or ""
    return _is_loopback_number(host) or host == "localhost" or host.endswith(".localhost")


def same_origin(one: str, other: str) -> bool:
    """Have both the same scheme, host and port?"""
    return _origin(one) is not None and _origin(one) == _origin(other)


def _is_loopback_number(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _origin(url: str) -> tuple[str, str, int] | None:
    parts = _split(url)
    if parts is None or parts.hostname is None:
        return None
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}[parts.scheme]


def _split(url: str) -> SplitResult | None:
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or "\\" in url or " " in url:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in {"http", "https"} and parts.hostname else None
