"""How is the local issuer asked? OpenID Connect discovery, its keys, device codes, tokens, their end, and one page.

On loopback only. The page is where a developer approves a code; a form from another site, another name for this
machine (a rebound DNS name) and a frame around the page are refused. Every answer forbids caching.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from access.identity.discovery import DOCUMENT
from access.identity.errors import GrantRefused
from access.identity.local.device_grants import DeviceGrant
from access.identity.local.issuer_keys import SIGNS_WITH
from access.identity.local.logins import LocalLogins, Tokens
from access.identity.oauth import DEVICE_CODE, REFRESH
from audit.errors import HavenError

T = TypeVar("T")
PAGES = Path(__file__).parent / "pages"
FORM = "application/x-www-form-urlencoded"
LONGEST_BODY = 16 * 1024
MOST_FIELDS = 16
FIELD = re.compile(r"[ -~]{1,512}")
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
COOKIE = "haven-issuer"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def build_issuer_app(logins: LocalLogins) -> ASGIApp:
    """The local issuer's application."""
    desk = _Desk(logins)
    app = Starlette(
        routes=[
            Route(DOCUMENT, desk.discovery, methods=["GET"]),
            Route("/keys", desk.keys, methods=["GET"]),
            Route("/device/code", desk.start, methods=["POST"]),
            Route("/token", desk.token, methods=["POST"]),
            Route("/revoke", desk.revoke, methods=["POST"]),
            Route("/device", desk.device, methods=["GET", "POST"]),
            Route("/device.css", desk.style, methods=["GET"]),
        ],
        exception_handlers={
            GrantRefused: _answer_refused,
            HTTPException: _answer_http,
            HavenError: _answer_error,
            Exception: _answer_fault,
        },
    )
    return _OwnNameOnly(app, urlsplit(logins.issuer.url).netloc)


class _OwnNameOnly:
    """Only requests to the issuer's own host and port; the protecting headers go onto every answer."""

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._host = host.encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *added]
            await send(message)

        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if hosts != [self._host]:
            await _error("invalid_request", "This issuer has another address.", 421)(scope, receive, protected)
            return
        await self._app(scope, receive, protected)


class _Desk:
    """From the words of a request to a verb of the logins, and back."""

    def __init__(self, logins: LocalLogins) -> None:
        self._logins = logins
        self._one = asyncio.Lock()
        self._secret = secrets.token_bytes(32)  # of this process: forms do not outlive it
        self._template = Environment(
            loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined
        ).get_template("device.html")

    async def _do(self, verb: Callable[..., T], *words: str | None) -> T:
        """One verb at a time: two askers with one code are two, one after the other."""
        async with self._one:
            return await asyncio.to_thread(verb, *words)

    async def discovery(self, _: Request) -> Response:
        url = self._logins.issuer.url
        return JSONResponse(
            {
                "issuer": url,
                "jwks_uri": f"{url}/keys",
                "device_authorization_endpoint": f"{url}/device/code",
                "token_endpoint": f"{url}/token",
                "revocation_endpoint": f"{url}/revoke",
                "grant_types_supported": [DEVICE_CODE, REFRESH],
                "token_endpoint_auth_methods_supported": ["none"],
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": [self._logins.audience],
                "response_types_supported": [],
                "subject_types_supported": ["public"],
                "access_token_signing_alg_values_supported": [SIGNS_WITH],
            }
        )

    async def keys(self, _: Request) -> Response:
        return JSONResponse(self._logins.issuer.public_keys())

    async def start(self, request: Request) -> Response:
        needed = {"client_id", "code_challenge", "code_challenge_method"}
        form = await _form(request, needed=needed, allowed={"scope"})
        if form["code_challenge_method"] != "S256" or not CHALLENGE.fullmatch(form["code_challenge"]):
            return _error("invalid_request", "This issuer needs a proof key (S256, RFC 7636).")
        if form.get("scope", self._logins.audience) != self._logins.audience:
            return _error("invalid_scope", f"This issuer knows the scope {self._logins.audience}.")
        code, grant = await self._do(self._logins.start, form["client_id"], form["code_challenge"])
        page = f"{self._logins.issuer.url}/device"
        return JSONResponse(
            {
                "device_code": code,
                "user_code": grant.user_code,
                "verification_uri": page,
                "verification_uri_complete": f"{page}?user_code={grant.user_code}",
                "expires_in": int((grant.ends - self._logins.issuer.clock.now()).total_seconds()),
                "interval": int(grant.interval.total_seconds()),
            }
        )

    async def token(self, request: Request) -> Response:
        given = {"device_code", "code_verifier", "refresh_token"}
        form = await _form(request, needed={"grant_type", "client_id"}, allowed=given)
        by: dict[str, tuple[tuple[str, ...], Callable[..., Tokens]]] = {
            DEVICE_CODE: (("device_code", "code_verifier"), self._logins.redeem),
            REFRESH: (("refresh_token",), self._logins.renew),
        }
        if form["grant_type"] not in by:
            return _error("unsupported_grant_type", "This issuer gives tokens by device code only.")
        names, verb = by[form["grant_type"]]
        if set(form) != {"grant_type", "client_id", *names}:
            return _error("invalid_request", f"This grant takes {' and '.join(names)}.")
        tokens = await self._do(verb, *(form[name] for name in names), form["client_id"])
        return JSONResponse(
            {
                "access_token": tokens.access,
                "refresh_token": tokens.refresh,
                "token_type": "Bearer",
                "expires_in": tokens.seconds,
                "scope": self._logins.audience,
            }
        )

    async def revoke(self, request: Request) -> Response:
        form = await _form(request, needed={"token", "client_id"}, allowed={"token_type_hint"})
        await self._do(self._logins.revoke, form["token"], form["client_id"])
        return JSONResponse({})

    async def device(self, request: Request) -> Response:
        """The page, and its form."""
        return await (self._decide(request) if request.method == "POST" else self._ask_for_code(request))

    async def _ask_for_code(self, request: Request) -> Response:
        codes = request.query_params.getlist("user_code")
        if not codes:
            return await self._page("Log in", asks=True)
        try:
            grant = await self._do(self._logins.waiting, codes[0] if len(codes) == 1 else "")
        except GrantRefused as error:
            return await self._page("Log in", problem=error.what, asks=True, status=400)
        return await self._consent(request, grant)

    async def _decide(self, request: Request) -> Response:
        form = await _form(request, needed={"user_code", "proof", "decision"}, allowed={"person"})
        cookie = request.cookies.get(COOKIE, "")
        if not self._is_own_form(request, cookie, form["user_code"], form["proof"]):
            return await self._page("Not done", problem="The form did not come from this page.", status=403)
        if form["decision"] not in {"approve", "deny"}:
            return await self._page("Not done", problem="There are two buttons.", status=400)
        person = form.get("person") if form["decision"] == "approve" else None
        if form["decision"] == "approve" and not person:
            return await self._page("Not done", problem="Say who you are: go back and choose.", status=400)
        try:
            await self._do(self._logins.decide, form["user_code"], person)
        except GrantRefused as error:
            return await self._page("Not done", problem=error.what, status=400)
        return await self._page(f"Logged in as {person}: close this page" if person else "Denied")

    async def style(self, _: Request) -> Response:
        return Response((PAGES / "device.css").read_text(encoding="utf-8"), media_type="text/css")

    async def _consent(self, request: Request, grant: DeviceGrant) -> Response:
        cookie = request.cookies.get(COOKIE) or secrets.token_urlsafe(32)
        answer = await self._page("Log in", grant=grant, proof=self._proof(cookie, grant.user_code))
        answer.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", path="/device")
        return answer

    async def _page(
        self,
        title: str,
        *,
        problem: str = "",
        grant: DeviceGrant | None = None,
        proof: str = "",
        asks: bool = False,
        status: int = 200,
    ) -> Response:
        people = await self._do(self._logins.candidates) if grant else []
        text = self._template.render(title=title, problem=problem, grant=grant, proof=proof, asks=asks, people=people)
        return Response(text, status_code=status, media_type="text/html")

    def _proof(self, cookie: str, user_code: str) -> str:
        """What shows that a form is of the page that this browser was shown for this code."""
        return hmac.digest(self._secret, f"{cookie}\n{user_code}".encode(), "sha256").hex()

    def _is_own_form(self, request: Request, cookie: str, user_code: str, proof: str) -> bool:
        origin = request.headers.get("origin")
        if origin != self._logins.issuer.url or request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return False
        return bool(cookie) and hmac.compare_digest(proof.encode(), self._proof(cookie, user_code).encode())


async def _form(request: Request, *, needed: set[str], allowed: set[str]) -> Mapping[str, str]:
    """The fields of a form, each once (RFC 6749 3.2), and no other field. Raises GrantRefused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            raise HTTPException(413, "The form is too long.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict",
                          max_num_fields=MOST_FIELDS)  # fmt: skip
    except ValueError:
        pairs = []
    fields = dict(pairs)
    if kind != FORM or len(fields) != len(pairs) or not needed <= set(fields) <= needed | allowed:
        raise GrantRefused("invalid_request", "request.unreadable", "The form has not the fields it must have.")
    if not all(FIELD.fullmatch(value) for value in fields.values()):
        raise GrantRefused("invalid_request", "request.unreadable", "A field is empty, too long, or holds no text.")
    return fields


def _error(word: str, says: str, status: int = 400) -> JSONResponse:
    return JSONResponse({"error": word, "error_description": says}, status_code=status)


async def _answer_refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, GrantRefused):
        return await _answer_fault(_, error)
    return _error(error.word, error.what, 401 if error.word == "invalid_client" else 400)


async def _answer_http(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return await _answer_fault(_, error)
    answer = _error("invalid_request", str(error.detail), error.status_code)
    answer.headers.update(error.headers or {})
    return answer


async def _answer_error(_: Request, error: Exception) -> Response:
    status = error.http_status if isinstance(error, HavenError) else 500
    return _error("server_error", "The issuer cannot answer now.", status)


async def _answer_fault(_: Request, error: Exception) -> Response:
    """Anything unforeseen: its type only."""
    return _error("server_error", f"The issuer failed with {type(error).__name__}.", 500)
