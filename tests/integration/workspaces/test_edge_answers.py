"""What has every answer at the workspaces' address, whoever gives it? A policy, by which no page can make use of it."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import httpx
import pytest

from environments.workspaces.client import HubClient
from tests.fakes.workspaces import WorkplaceForTests

PREFIX = "/user/asha/diabetes/"
OF_THE_HUB = (
    "/hub/logo",
    "/hub/static/css/style.min.css",
    "/hub/static/js/admin-react.js",
    "/hub/static/favicon.ico",
    "/hub/workspaces",
    "/hub/login",
    "/hub/api",
    "/hub/nothing-there",
)
OF_THE_EDGE = {
    f"{PREFIX}files/x": 403,
    f"{PREFIX}nbconvert/html/y": 403,
    "/edge-proof/files/x": 403,
    f"/{'x' * 9000}": 400,
}
SHOWN = {"Accept": "text/html", "Sec-Fetch-Dest": "iframe", "User-Agent": "Chrome/152.0.0.0"}


def _policies(answer: httpx.Response) -> list[str]:
    return answer.headers.get_list("content-security-policy")


@pytest.mark.parametrize("path", OF_THE_HUB)
def test_nobody_frames_what_the_hub_gives(place: WorkplaceForTests, hub: HubClient, path: str) -> None:
    """Pages, files, errors: none in a frame, and none that reaches another origin. The hub's own policy stays."""
    with place.browser("asha", "diabetes") as browser:
        answer = browser.get(path, follow_redirects=False)
        assert "frame-ancestors 'none'" in _policies(answer)
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["connection-allowlist"] == "(response-origin);redirects=allow"
        if path == "/hub/workspaces":
            assert any("report-uri" in policy for policy in _policies(answer))


@pytest.mark.parametrize(("path", "status"), OF_THE_EDGE.items(), ids=lambda one: str(one)[:40])
def test_what_the_edge_refuses_has_its_policy(place: WorkplaceForTests, hub: HubClient, path: str, status: int) -> None:
    """A refusal is a page at the workspaces' origin, too."""
    _is_guarded(httpx.get(place.place.address + path, trust_env=False), status)


@pytest.mark.parametrize("path", ["api/contents/kept.csv?content=1", "static/favicon.ico"])
def test_what_the_edge_withholds_has_its_policy(place: WorkplaceForTests, hub: HubClient, path: str) -> None:
    """What is no page is not shown, and neither is anything else with it."""
    (place.home_of("asha", "diabetes") / "kept.csv").write_text("1")
    with place.browser("asha", "diabetes") as browser:
        browser.get(f"{PREFIX}lab", headers=SHOWN)
        _is_guarded(browser.get(PREFIX + path, headers=SHOWN), 403)


def test_another_browser_is_told_with_the_policy(place: WorkplaceForTests, hub: HubClient) -> None:
    """Who is turned away for their browser gets no page without one."""
    headers = {"Accept": "text/html", "User-Agent": "Firefox/148.0"}
    _is_guarded(httpx.get(f"{place.place.address}{PREFIX}lab", headers=headers, trust_env=False), 403)


def test_what_is_no_request_is_answered_with_the_policy(place: WorkplaceForTests, hub: HubClient) -> None:
    """The answer to a line that cannot be read."""
    address = urlsplit(place.place.address)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(b"no request\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.0 400")
    assert b"frame-ancestors 'none'" in answer
    assert b"Connection-Allowlist: (response-origin)\r\n" in answer


def _is_guarded(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status
    (policy,) = _policies(answer)
    assert "frame-ancestors 'none'" in policy
    assert "sandbox allow-scripts" in policy
    assert answer.headers["connection-allowlist"] == "(response-origin)"
