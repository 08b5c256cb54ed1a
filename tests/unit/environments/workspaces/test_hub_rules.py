"""What passes the edge and the hub gate, which calls are filtered, and who gets which account."""

from __future__ import annotations

import ast
import json
import socket
from pathlib import Path

import pytest
from haven_hub.accounts import account_of
from haven_hub.edge_rules import (
    CONTENT_POLICY,
    HUB_GUARDS,
    changed_file,
    closed_route,
    hub_answer,
    obeys,
    request_headers,
    withheld,
    workspace_answer,
)
from haven_hub.gate_rules import allowed_routes
from haven_hub.seccomp import DENIED_CALLS, DENIED_NUMBERS, HIGHEST_ALLOWED, denied_families

PREFIX = "/user/asha/diabetes/"
HUB = Path(__file__).parents[4] / "clients" / "haven-hub" / "haven_hub" / "config.py"


def test_the_hub_asks_every_second_whether_a_workspace_may_stay() -> None:
    """As docs/governance.md promises; the hub's own default would be every thirty seconds."""
    settings = {
        ast.unparse(target): node.value
        for node in ast.walk(ast.parse(HUB.read_text("utf-8")))
        if isinstance(node, ast.Assign)
        for target in node.targets
    }
    assert ast.literal_eval(settings["c.Spawner.poll_interval"]) == 1


@pytest.mark.parametrize(
    "path",
    [
        "files/results.csv",
        "files",
        "%66iles/results.csv",
        "%2566iles/x",
        "//files/x",
        "./files/x",
        "FILES/x",
        "nbconvert/html/a.ipynb",
        "terminals/1",
        "api/terminals",
        "lab/api/extensions",
        "kernelspecs/own/results.csv",
        "nbextensions/results.csv",
        "api/../files/x",
        "api%2f..%2ffiles/x",
    ],
)
def test_routes_that_hand_out_files_are_closed(path: str) -> None:
    """However the path is written, a file cannot be fetched from a workspace."""
    assert closed_route(PREFIX, PREFIX + path) is not None


@pytest.mark.parametrize("path", ["", "lab", "api/contents/files.ipynb", "api/kernels", "static/lab/main.js"])
def test_routes_of_work_are_open(path: str) -> None:
    """What JupyterLab needs to work is passed on."""
    assert closed_route(PREFIX, PREFIX + path) is None


@pytest.mark.parametrize(
    ("method", "path", "file"),
    [
        ("PUT", "api/contents/notes/a.ipynb", "notes/a.ipynb"),
        ("PUT", "API/contents/a.csv", "a.csv"),
        ("POST", "api/contents", ""),
        ("DELETE", "api//contents/./a%20b.csv", "a b.csv"),
        ("PATCH", "%61pi/contents/%2561.csv", "a.csv"),
        ("POST", "api/contents/a.ipynb/checkpoints", "a.ipynb/checkpoints"),
        ("GET", "api/contents/a.csv", None),
        ("PUT", "lab/api/settings/a", None),
        ("POST", "api/kernels", None),
    ],
)
def test_what_changes_a_file_is_known(method: str, path: str, file: str | None) -> None:
    """However the address is written; the file's own path in its case."""
    assert changed_file(PREFIX, PREFIX + path, method) == file


def test_a_workspace_cannot_choose_its_own_policy() -> None:
    """Policy, downloads and reporting of a workspace's answer are replaced by the edge's."""
    theirs = [
        ("Content-Security-Policy", "default-src *"),
        ("content-disposition", "attachment"),
        ("Report-To", "{}"),
        ("Refresh", "0;url=http://elsewhere"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Type", "text/html"),
    ]
    ours = workspace_answer(theirs)
    assert ("Content-Type", "text/html") in ours
    assert [value for name, value in ours if name.lower() == "content-security-policy"] == [CONTENT_POLICY]
    assert not {"content-disposition", "report-to", "refresh", "transfer-encoding"} & {n.lower() for n, _ in ours}


def test_the_policy_lets_nothing_load_from_elsewhere() -> None:
    """Every source in the policy is this origin, inline, or data that is already in the page."""
    sources = {word for part in CONTENT_POLICY.split("; ")[:-1] for word in part.split()[1:]}
    assert sources == {"'self'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:", "'none'"}
    assert not {"allow-downloads", "allow-popups", "allow-top-navigation"} & set(CONTENT_POLICY.split())


SHOWN = {"Sec-Fetch-Dest": "document", "Host": "haven.example"}


@pytest.mark.parametrize(
    ("request_headers", "answer", "status", "kept"),
    [
        (SHOWN, {"Content-Type": "text/html; charset=UTF-8"}, 200, None),
        (SHOWN, {"Content-Type": "application/json"}, 200, "a file"),
        (SHOWN, {"Content-Type": "image/svg+xml"}, 200, "a file"),
        (SHOWN, {}, 200, "a file"),
        (SHOWN, {}, 304, None),
        ({**SHOWN, "Sec-Fetch-Dest": "iframe"}, {"Content-Type": "text/csv"}, 200, "a file"),
        ({**SHOWN, "Sec-Fetch-Dest": "empty"}, {"Content-Type": "application/json"}, 200, None),
        ({**SHOWN, "Sec-Fetch-Dest": "serviceworker"}, {"Content-Type": "text/javascript"}, 200, "a service worker"),
        ({"Service-Worker": "script"}, {"Content-Type": "text/javascript"}, 200, "a service worker"),
        (SHOWN, {"Location": "/hub/api/oauth2/authorize?x=http://elsewhere"}, 302, None),
        (SHOWN, {"Location": "lab"}, 302, None),
        (SHOWN, {"Location": "http://haven.example/lab"}, 302, None),
        (SHOWN, {"Location": "http://elsewhere/"}, 302, "a redirect elsewhere"),
        (SHOWN, {"Location": "//elsewhere/"}, 302, "a redirect elsewhere"),
        (SHOWN, {"Location": "/\\elsewhere/"}, 302, "a redirect elsewhere"),
        (SHOWN, {"Location": "/\t/elsewhere/"}, 302, "a redirect elsewhere"),
        (SHOWN, {"Location": "http:elsewhere"}, 302, "a redirect elsewhere"),
        (SHOWN, {"Location": "data:text/html,x"}, 302, "a redirect elsewhere"),
        (SHOWN, {"Location": "http://haven.example@elsewhere/"}, 302, "a redirect elsewhere"),
    ],
)
def test_what_a_workspace_may_not_send(
    request_headers: dict[str, str], answer: dict[str, str], status: int, kept: str | None
) -> None:
    """An address that a person goes to shows a page; nothing takes them elsewhere or answers in the edge's place."""
    assert withheld(request_headers, answer, status) == kept


CHROMIUM = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{} Safari/537.36"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0"


@pytest.mark.parametrize(
    ("request_headers", "shown"),
    [
        ({"Sec-Fetch-Dest": "document", "User-Agent": CHROMIUM.format("152.0.0.0")}, True),
        ({"Sec-Fetch-Dest": "document", "User-Agent": CHROMIUM.format("151.0.0.0")}, False),
        ({"Sec-Fetch-Dest": "document", "User-Agent": FIREFOX}, False),
        ({"Sec-Fetch-Dest": "document"}, False),
        ({"Accept": "text/html,*/*", "User-Agent": FIREFOX}, False),
        ({"Accept": "*/*", "User-Agent": "python-httpx/0.28"}, True),
        ({}, True),
    ],
)
def test_a_page_is_shown_by_browsers_that_obey(request_headers: dict[str, str], shown: bool) -> None:
    """A browser that does not know the connection policy would let a notebook's page speak to anybody."""
    assert obeys(request_headers) is shown


def test_the_browser_is_told_whom_it_may_reach() -> None:
    """Only the origin of the answer, whatever a page does; a workspace cannot say otherwise."""
    ours = workspace_answer([("connection-allowlist", '("*")'), ("Access-Control-Allow-Origin", "*"), ("Alt-Svc", "x")])
    assert [value for name, value in ours if name.lower() == "connection-allowlist"] == ["(response-origin)"]
    assert not {"access-control-allow-origin", "alt-svc"} & {name.lower() for name, _ in ours}


def test_who_asked_is_said_by_the_edge() -> None:
    """A browser's claim about where it comes from is replaced."""
    headers = request_headers(
        [("X-Forwarded-For", "10.0.0.1"), ("X-Real-IP", "10.0.0.1"), ("Cookie", "a=b"), ("Connection", "close")],
        peer="127.0.0.1",
        host="127.0.0.1:8000",
    )
    assert headers == [
        ("Cookie", "a=b"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", "127.0.0.1:8000"),
    ]


def test_the_hubs_own_pages_keep_their_policy() -> None:
    """The hub is ours: its headers pass, but for those of one connection. Beside them: nobody frames it."""
    passed = hub_answer([("Content-Security-Policy", "x"), ("Connection", "close")])
    assert passed == [("Content-Security-Policy", "x"), *HUB_GUARDS]
    assert {("Content-Security-Policy", "frame-ancestors 'none'"), ("X-Frame-Options", "DENY")} < set(HUB_GUARDS)


def test_a_page_of_a_workspace_frames_nothing() -> None:
    """It could drive what it frames at its own origin."""
    parts = {part.split()[0]: part.split()[1:] for part in CONTENT_POLICY.split("; ")}
    assert parts["frame-src"] == parts["frame-ancestors"] == parts["object-src"] == ["'none'"]


def test_the_gate_has_four_routes() -> None:
    """The hub's version, who a visitor is, the log-in code, being in use: about this person only."""
    assert allowed_routes("asha") == {
        ("GET", "/hub/api"),
        ("GET", "/hub/api/user"),
        ("POST", "/hub/api/oauth2/token"),
        ("POST", "/hub/api/users/asha/activity"),
    }


def test_only_unix_and_netlink_sockets_are_left() -> None:
    """Every other family is denied by number below the highest allowed, and by range above it."""
    allowed = set(range(HIGHEST_ALLOWED + 1)) - set(denied_families())
    assert allowed == {socket.AF_UNIX, socket.AF_NETLINK}
    assert {"io_uring_setup", "unshare", "mount", "bpf", "ptrace"} <= set(DENIED_CALLS)
    assert {"pidfd_getfd", "memfd_secret"} <= set(DENIED_NUMBERS)


def test_each_project_has_its_own_account_and_keeps_it(tmp_path: Path) -> None:
    """Two projects never share an account number, and the number is the same after a restart."""
    register = tmp_path / "accounts.json"
    assert [account_of(name, register, 400_000) for name in ("a", "b", "a", "c")] == [
        400_000,
        400_001,
        400_000,
        400_002,
    ]
    assert json.loads(register.read_text()) == {"a": 400_000, "b": 400_001, "c": 400_002}
