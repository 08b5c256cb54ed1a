"""Which of the hub's routes may a workspace use? Four, and only about its own person. Pure; carried out in gate.py."""

from __future__ import annotations

from urllib.parse import quote


def allowed_routes(person: str) -> frozenset[tuple[str, str]]:
    """Method and path of each route that this person's workspace may use."""
    return frozenset(
        {
            ("GET", "/hub/api"),
            ("GET", "/hub/api/user"),
            ("POST", "/hub/api/oauth2/token"),
            ("POST", f"/hub/api/users/{quote(person)}/activity"),
        }
    )
