"""What may pass between a researcher's browser and their workspace? The browser is the hole that no sandbox closes.

From an isolated kernel a page can still make the reader's browser send data out. So every answer of a workspace
gets our content policy in place of its own, is never a download, and the routes that hand out files are closed.
A page drives what it frames at its own origin: so nothing here is framed, and no answer goes out without a policy,
whoever gave it.
What remains: reading the screen, retyping, copying displayed text. Pure rules; docs/workspaces.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit

CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # JupyterLab compiles its schemas at run time
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "frame-src 'none'",  # what a page writes into a frame itself has the page's policy
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "sandbox allow-scripts allow-same-origin allow-forms allow-modals",
    )
)
# Whatever the page does: navigate, prefetch, prerender, connect to peers. A content policy reaches none of these.
# Chromium since 152, and no other engine yet (https://wicg.github.io/connection-allowlists/).
FIRST_ENGINE_THAT_OBEYS = 152
CONNECTION_POLICY = "(response-origin)"
GUARDS = (
    ("Content-Security-Policy", CONTENT_POLICY),
    ("Connection-Allowlist", CONNECTION_POLICY),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-DNS-Prefetch-Control", "off"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), microphone=(), display-capture=(), geolocation=()"),
)
REPLACED = frozenset(name.lower() for name, _ in GUARDS)
# The hub's own pages keep their policy beside this one: a browser obeys both. What they ask for may lead on: to the
# page after a form, to the log-in.
HUB_GUARDS = (
    ("Content-Security-Policy", "frame-ancestors 'none'"),
    ("X-Frame-Options", "DENY"),
    ("Connection-Allowlist", f"{CONNECTION_POLICY};redirects=allow"),
)
NEVER_PASSED_ON = frozenset(
    {
        "content-disposition",
        "content-security-policy-report-only",
        "connection-allowlist-report-only",
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "alt-svc",
        "service-worker-allowed",
        "speculation-rules",
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
SHOWN = frozenset({"document", "embed", "fencedframe", "frame", "iframe", "object"})  # Sec-Fetch-Dest
WITHOUT_CONTENT = frozenset({204, 205, 304})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
CLOSED_ROUTES = (
    "files",
    "nbconvert",
    "terminals",
    "api/terminals",
    "api/nbconvert",
    "kernelspecs",
    "nbextensions",
    "lsp",
    "lab/extensions",
    "lab/api/extensions",
)

Headers = list[tuple[str, str]]


def closed_route(prefix: str, path: str) -> str | None:
    """The closed route that this path within a workspace names, or None. Read as the workspace would read it."""
    parts = _within(prefix, path)
    if ".." in parts:
        return ".."
    inner = "/".join(parts).lower()
    return next((route for route in CLOSED_ROUTES if inner == route or inner.startswith(route + "/")), None)


def changed_file(prefix: str, path: str, method: str) -> str | None:
    """The file in the home that this request would change, `` for the home itself; None where it would change none."""
    parts = _within(prefix, path)
    if method in READING or [part.lower() for part in parts[:2]] != ["api", "contents"]:
        return None
    return "/".join(parts[2:])


def _within(prefix: str, path: str) -> list[str]:
    """The parts of a path behind the workspace's prefix, as the workspace would read them."""
    inner = unquote(unquote(path))[len(unquote(prefix)) :]
    return [part for part in inner.replace("\\", "/").split("/") if part not in ("", ".")]


def obeys(request: Mapping[str, str]) -> bool:
    """May a page of a workspace be shown by this browser? Only by one that obeys the connection policy.

    Told by its name: this keeps an honest person from a browser in which a notebook could speak to anybody. What asks
    for no page (a program) is let through.
    """
    asks_for_page = request.get("Sec-Fetch-Dest", "").lower() in SHOWN or "text/html" in request.get("Accept", "")
    engine = re.search(r"Chrome/(\d{1,6})", request.get("User-Agent", ""))
    return not asks_for_page or (engine is not None and int(engine[1]) >= FIRST_ENGINE_THAT_OBEYS)


def withheld(request: Mapping[str, str], answer: Mapping[str, str], status: int) -> str | None:
    """What of a workspace's answer may not reach the browser, or None. Names of headers are read in any case.

    A service worker could answer the browser in the edge's place. A redirect takes a page elsewhere with what its
    address carries. And an address that a person goes to shows a page: anything else, a browser would save.
    """
    use = request.get("Sec-Fetch-Dest", "").lower()
    if use == "serviceworker" or "Service-Worker" in request:
        return "a service worker"
    if "Location" in answer and not _is_own(answer["Location"], request.get("Host", "")):
        return "a redirect elsewhere"
    kind = answer.get("Content-Type", "").partition(";")[0].strip().lower()
    if use in SHOWN and status not in WITHOUT_CONTENT and "Location" not in answer and kind != "text/html":
        return "a file"
    return None


def _is_own(address: str, host: str) -> bool:
    """Does a redirect stay on this host? Read as a browser reads it: a backslash is a slash, blanks are nothing."""
    if any(character <= " " or character == "\\" for character in address):
        return False
    place = urlsplit(address)
    return (
        place.scheme in ("", "http", "https") and place.netloc in ("", host) and bool(place.netloc or not place.scheme)
    )


def request_headers(headers: Iterable[tuple[str, str]], *, peer: str, host: str) -> Headers:
    """What is handed on to a server: who asked is said by us, never by the browser."""
    kept = [(name, value) for name, value in headers if name.lower() not in OF_ONE_HOP | FORWARDING]
    return [*kept, ("X-Forwarded-For", peer), ("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", host)]


def hub_answer(headers: Iterable[tuple[str, str]]) -> Headers:
    """What is handed back of the hub's own: its pages, its static files, its errors."""
    return [*((name, value) for name, value in headers if name.lower() not in OF_ONE_HOP | {"server"}), *HUB_GUARDS]


def workspace_answer(headers: Iterable[tuple[str, str]]) -> Headers:
    """What is handed back of a workspace's: its own policies and downloads replaced by the edge's."""
    dropped = OF_ONE_HOP | NEVER_PASSED_ON | REPLACED
    return [*((name, value) for name, value in headers if name.lower() not in dropped), *GUARDS]
