"""The airlock's routes: who asks comes from the door, errors are code and sentence, and a project sees its own."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response

from access.identity.strict import read_object
from environments.airlock import web
from environments.airlock.web import MOST_BODY, routes
from tests.fakes.airlock import CARA, CONTEXT, GOOD_TABLE, UNROUNDED_TABLE, World


def client(world: World, person: str | None = "asha", project: str | None = "falls") -> httpx.AsyncClient:
    """A client behind a door that says who asks."""

    async def door(request: Request, onward: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.person, request.state.project = person, project
        return await onward(request)

    app = Starlette(routes=routes(world.airlock), middleware=[Middleware(BaseHTTPMiddleware, dispatch=door)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://haven")


def body(table: bytes = GOOD_TABLE, **changes: Any) -> dict[str, Any]:
    """A submission as the notebook's client sends it."""
    file = {"name": "t.csv", "content_base64": base64.b64encode(table).decode()}
    return {"files": [file], "context": CONTEXT, **changes}


def named(name: object, content: object = "YQ==", **more: Any) -> dict[str, Any]:
    """One file of a submission."""
    return {"files": [{"name": name, "content_base64": content, **more}]}


async def test_a_submission_and_its_state(world: World) -> None:
    """Submitted from a workspace: checking, and listed; the author's name comes from the door."""
    async with client(world) as asked:
        answer = (await asked.post("/v1/releases", json=body())).json()
        assert (answer["state"], answer["problems"], answer["author"]) == ("checking", [], "person:asha")
        listed = (await asked.get("/v1/releases")).json()["requests"]
        assert [one["id"] for one in listed] == [answer["id"]]
        assert (await asked.get(f"/v1/releases/{answer['id']}")).json() == listed[0]


async def test_a_returned_one_says_what_to_mend_and_goes_on(world: World) -> None:
    """The problems come with the answer; the same request is submitted again."""
    async with client(world) as asked:
        first = (await asked.post("/v1/releases", json=body(UNROUNDED_TABLE))).json()
        assert first["state"] == "returned"
        assert any("round to the nearest 5" in problem for problem in first["problems"])
        again = (await asked.post("/v1/releases", json=body(request=first["id"]))).json()
        assert (again["id"], again["state"], again["round"]) == (first["id"], "checking", 2)


@pytest.mark.parametrize(("person", "project"), [(None, "falls"), ("asha", None), (None, None), ("", "falls")])
async def test_without_a_name_nothing_is_answered(world: World, person: str | None, project: str | None) -> None:
    """A door that names nobody opens nothing."""
    async with client(world, person, project) as asked:
        for answer in (await asked.post("/v1/releases", json=body()), await asked.get("/v1/releases")):
            assert answer.status_code == 401
            assert answer.json()["refused"]["code"] == "release.nobody"


async def test_a_stranger_is_refused_with_the_rule(world: World) -> None:
    """Cara is no member: 403 with the code, and the refusal is recorded."""
    async with client(world, "cara") as asked:
        answer = await asked.post("/v1/releases", json=body())
    assert answer.status_code == 403
    assert answer.json()["refused"]["code"] == "project.not_a_member"
    assert world.events[-1] == "release.submit_refused"


@pytest.mark.parametrize(
    "wrong",
    [
        named("t.csv", "not base64!"),
        {"extra": 1},
        named(5),
        named("t.csv", 7),
        named("t.csv", more=1),
        {"files": "x"},
        {"files": [["t.csv", ""]]},
        {"files": []},
        {"context": "x"},
        {"request": 7},
        named("../t.csv"),
        named("..%2ft.png"),
        named("t.csv\0.png"),
        {"context": {**CONTEXT, "purpos": "x"}},
        {"context": {**CONTEXT, "files": {"other.png": {}}}},
        {"context": {**CONTEXT, "files": {"t.csv": {"purpos": "x"}}}},
    ],
)
async def test_what_cannot_be_read_gets_a_sentence(world: World, wrong: dict[str, Any]) -> None:
    """422 with code, reason and a way to mend it; nothing is stored."""
    async with client(world) as asked:
        answer = await asked.post("/v1/releases", json=body(**wrong))
    assert answer.status_code == 422
    assert answer.json()["refused"]["reason"]
    assert answer.json()["refused"]["mend"]
    assert world.airlock.list() == []


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff", b'{"name": "t.csv"}'])
async def test_a_body_that_is_no_submission(world: World, content: bytes) -> None:
    """Not JSON, or not its keys: 422."""
    async with client(world) as asked:
        assert (await asked.post("/v1/releases", content=content)).status_code == 422


async def test_a_body_without_end_is_cut_off(world: World) -> None:
    """More than a submission can be is refused while it comes in."""
    async with client(world) as asked:
        answer = await asked.post("/v1/releases", content=b" " * (MOST_BODY + 1))
    assert (answer.status_code, answer.json()["refused"]["code"]) == (422, "release.file_unfit")


async def test_another_project_sees_nothing_of_it(world: World) -> None:
    """Neither in the list nor by number; and a token cannot submit for another project."""
    request = world.submitted()
    world.approvals.people_in["stroke"] = {"omar"}
    async with client(world, "omar", "stroke") as asked:
        assert (await asked.get("/v1/releases")).json() == {"requests": []}
        assert (await asked.get(f"/v1/releases/{request}")).status_code == 404
        assert (await asked.post("/v1/releases", json=body(project="falls"))).status_code == 403
        assert world.events[-1] == "release.submit_refused"


@pytest.mark.parametrize(
    ("person", "lapsed", "rule"),
    [
        ("mallory", False, "release.no_checker"),  # registered nowhere; a token names any project
        ("pia", False, "release.no_checker"),  # of another project
        ("asha", True, "project.withdrawn"),  # her own project, which is not live any more
    ],
)
async def test_who_may_not_submit_or_check_sees_no_request(world: World, person: str, lapsed: bool, rule: str) -> None:
    """Neither the list nor one by its number; each refusal is recorded."""
    request = world.submitted()
    world.approvals.people_in["stroke"] = {"pia"}
    world.approvals.live = not lapsed
    async with client(world, person, "falls") as asked:
        for path in ("/v1/releases", f"/v1/releases/{request}"):
            answer = await asked.get(path)
            assert (answer.status_code, answer.json()["refused"]["code"]) == (403, rule)
            assert world.events[-1] == "release.look_refused"


async def test_a_checker_sees_what_she_checks(world: World) -> None:
    """Cara is outside the project and checks outputs."""
    request = world.submitted()
    async with client(world, "cara", "falls") as asked:
        assert (await asked.get(f"/v1/releases/{request}")).json()["id"] == request


async def test_blind_verdicts_are_not_told(world: World) -> None:
    """While the checkers are blind, the author sees no verdict."""
    request = world.submitted()
    world.airlock.decide(request, False, "Too fine.", by=CARA)
    async with client(world) as asked:
        assert (await asked.get(f"/v1/releases/{request}")).json()["verdicts"] == []


async def test_submissions_hold_up_nothing_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there are, each looked at for long: asyncio's own threads stay free, and a project has one at a time,
    also after its author has left."""
    begun, go_on, inside = threading.Event(), threading.Event(), threading.get_ident()
    submit_set, seen = world.airlock.submit_set, []

    def slowly(*given: Any, **named: Any) -> Any:
        seen.append(threading.current_thread().name)
        begun.set()
        assert go_on.wait(60)
        return submit_set(*given, **named)

    monkeypatch.setattr(world.airlock, "submit_set", slowly)
    async with client(world) as asked:
        first = asyncio.create_task(asked.post("/v1/releases", json=body()))
        while not begun.is_set():
            await asyncio.sleep(0.01)
        many = [asyncio.create_task(asked.post("/v1/releases", json=body())) for _ in range(40)]
        for answer in await asyncio.gather(*many):
            assert (answer.status_code, answer.json()["refused"]["code"]) == (403, "release.busy")
            assert "try again" in answer.json()["refused"]["reason"]
        assert world.events[-1] == "release.submit_refused"
        assert await asyncio.wait_for(asyncio.to_thread(threading.get_ident), 60) != inside
        go_on.set()
        assert (await first).json()["state"] == "checking"
        assert [name.split("_")[0] for name in seen] == ["airlock"]
        assert (await asked.post("/v1/releases", json=body())).json()["state"] == "checking"


async def test_a_body_is_read_in_the_airlocks_own_thread(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the loop that serves everybody; one of very many values is not read at all."""
    threads = []

    def read(content: bytes) -> Any:
        threads.append(threading.current_thread().name)
        return read_object(content)

    monkeypatch.setattr(web, "read_object", read)
    async with client(world) as asked:
        await asked.post("/v1/releases", json=body())
        answer = await asked.post("/v1/releases", content=b"[" + b"1," * web.MOST_VALUES + b"1]")
    assert answer.status_code == 422
    assert "values" in answer.json()["refused"]["reason"]
    assert [name.split("_")[0] for name in threads] == ["airlock"]


async def test_a_body_that_does_not_end_frees_its_projects_place(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends half of it and waits is told so, and the project's next is taken."""
    monkeypatch.setattr(web, "SECONDS_TO_SEND", 0.1)

    async def half() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(3600)

    async with client(world) as asked:
        answer = await asked.post("/v1/releases", content=half())
        assert (answer.status_code, "too long" in answer.json()["refused"]["reason"]) == (422, True)
        monkeypatch.setattr(web, "SECONDS_TO_SEND", 60)
        assert (await asked.post("/v1/releases", json=body())).json()["state"] == "checking"
