"""What may pass between a researcher's browser and their workspace? The browser is the hole that no sandbox closes.

From an isolated kernel a page can still make the reader's browser send data out. So every answer of a workspace
gets our content policy in place of its own, is never a download, and the routes that hand out files are closed.
What remains: reading the screen, retyping, copying displayed text. Pure rules; docs/workspaces.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # JupyterLab compiles its schemas at run time
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "frame-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "sandbox allow-scripts allow-same-origin allow-forms allow-modals",
    )
)
GUARDS = (
    ("Content-Security-Policy", CONTENT_POLICY),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-DNS-Prefetch-Control", "off"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), microphone=(), display-capture=(), geolocation=()"),
)
REPLACED = frozenset(name.lower() for name, _ in GUARDS)
NEVER_PASSED_ON = frozenset(
    {
        "content-disposition",
        "content-security-policy-report-only",
        "report-to",
        "reporting-endpoints",
        "link",
        "refresh",
        "nel",
        "server",
    }
)
OF_ONE_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
FORWARDING = frozenset(
    {"forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip"}
)
CLOSED_ROUTES = (
    "files",
    "nbconvert",
    "terminals",
    "api/terminals",
    "api/nbconvert",
    "lab/extensions",
    "lab/api/extensions",
)

Headers = list[tuple[str, str]]


def closed_route(prefix: str, path: str) -> str | None:
    """The closed route that this path within a workspace names, or None. Read as the workspace would read it."""
    inner = unquote(unquote(path))[len(unquote(prefix)) :]
    parts = [part for part in inner.replace("\\", "/").split("/") if part not in ("", ".")]
    if ".." in parts:
        return ".."
    inner = "/".join(parts).lower()
    return next((route for route in CLOSED_ROUTES if inner == route or inner.startswith(route + "/")), None)


def request_headers(headers: Iterable[tuple[str, str]], *, peer: str, host: str) -> Headers:
    """What is handed on to a server: who asked is said by us, never by the browser."""
    kept = [(name, value) for name, value in headers if name.lower() not in OF_ONE_HOP | FORWARDING]
    return [*kept, ("X-Forwarded-For", peer), ("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", host)]


def hub_answer(headers: Iterable[tuple[str, str]]) -> Headers:
    """What is handed back of the hub's own pages."""
    return [(name, value) for name, value in headers if name.lower() not in OF_ONE_HOP | {"server"}]


def workspace_answer(headers: Iterable[tuple[str, str]]) -> Headers:
    """What is handed back of a workspace's: its own policies and downloads replaced by the edge's."""
    dropped = OF_ONE_HOP | NEVER_PASSED_ON | REPLACED
    return [*((name, value) for name, value in headers if name.lower() not in dropped), *GUARDS]
