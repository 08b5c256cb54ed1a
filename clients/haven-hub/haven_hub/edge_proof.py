"""Does the edge do its work? A page behind it asks for all that is forbidden; what a browser gets must not have it.

The page is the hub's own and holds nothing. It is passed on by the very way that a workspace's pages are; no workspace
starts unless it came back with the edge's policy and its closed route was closed, with that policy, too; and unless a
static file of the hub came back as nobody's frame (fail_closed.py). `haven doctor` asks for the page, too.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from haven_hub.edge_rules import GUARDS, HUB_GUARDS, NEVER_PASSED_ON

PATH = "/edge-proof/"
CLOSED = PATH + "files/results.csv"
STATIC = "/hub/static/favicon.ico"
SOCKET = "proof.sock"
SECONDS = 10
HOSTILE = {
    "Content-Security-Policy": "default-src *; connect-src *",
    "Content-Disposition": "attachment; filename=results.csv",
    "Refresh": "0;url=https://elsewhere.example/",
}


@dataclass
class EdgeProof:
    """The page, with a word of this very edge in it: another's answer proves nothing."""

    word: str = field(default_factory=lambda: secrets.token_hex(16))
    runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Serve the page at its socket."""
        application = web.Application()
        application.router.add_get("/{path:.*}", self._answer)
        self.runner = web.AppRunner(application, access_log=None)
        await self.runner.setup()
        Path(SOCKET).unlink(missing_ok=True)
        await web.UnixSite(self.runner, SOCKET).start()

    async def close(self) -> None:
        """Serve it no more."""
        if self.runner is not None:
            await self.runner.cleanup()

    async def holds(self, address: str) -> bool:
        """Asked at the edge's own address as a browser would: is all that can be a page there guarded?"""
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                async with session.get(address + PATH) as page:
                    passed_on = any(name in page.headers for name in NEVER_PASSED_ON & {n.lower() for n in HOSTILE})
                    own = await page.text() == self.word and _guarded(page) and not passed_on
                async with session.get(address + CLOSED) as page:
                    closed = page.status == web.HTTPForbidden.status_code and _guarded(page)
                async with session.get(address + STATIC) as page:
                    framed_by_nobody = page.status == web.HTTPOk.status_code and _has_beside(page)
                return own and closed and framed_by_nobody
        except (OSError, TimeoutError, ValueError, aiohttp.ClientError):
            return False

    async def _answer(self, _: web.Request) -> web.Response:
        return web.Response(text=self.word, headers=HOSTILE)


def _guarded(page: aiohttp.ClientResponse) -> bool:
    return all(page.headers.getall(name, []) == [value] for name, value in GUARDS)


def _has_beside(page: aiohttp.ClientResponse) -> bool:
    return all(value in page.headers.getall(name, []) for name, value in HUB_GUARDS)
