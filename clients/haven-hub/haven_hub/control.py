"""May this happen? Asked of the gateway process over its Unix socket: the hub itself decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import aiohttp

from haven_hub.place import Place

SECONDS = 15
UNREACHABLE = "workspace.approvals_unreachable"


@dataclass(frozen=True)
class Refusal(Exception):
    """The haven said no, or could not be asked. `reason` is a sentence for the person."""

    code: str
    reason: str
    mend: str | None = None

    def __str__(self) -> str:
        return f"{self.reason} {self.mend or ''}".strip()


async def ask(place: Place, route: str, **body: str | int) -> dict[str, Any]:
    """The answer of a control route. Raises Refusal: on a refusal, and on any failure to ask (fail closed)."""
    try:
        token = place.control_token.read_text(encoding="utf-8").strip()
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        connector = aiohttp.UnixConnector(path=str(place.control_socket))
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.post(
                f"http://haven/control/{route}", json=body, headers={"Authorization": f"Bearer {token}"}
            ) as answer,
        ):
            content: dict[str, Any] = await answer.json()
            status = answer.status
    except (OSError, ValueError, TimeoutError, aiohttp.ClientError):
        raise _unreachable() from None
    if status == 200 and isinstance(content, dict):
        return content
    refused = content.get("refused") if isinstance(content, dict) else None
    if status == 403 and isinstance(refused, dict):
        raise Refusal(str(refused.get("code")), str(refused.get("reason")), refused.get("mend"))
    raise _unreachable()


def _unreachable() -> Refusal:
    return Refusal(
        UNREACHABLE,
        "The approval records could not be asked, so nothing is opened.",
        "Start the haven's services with `haven up` and try again.",
    )
