"""A session from its beginning to its end, with the real hub: conditions, what is recorded, and what is not run."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator

import httpx
import pytest

from access.decisions import RefusedError
from audit.errors import AuditUnavailable
from audit.events import EventName
from audit.model import AuditEvent, Receipt, person
from environments.workspaces.client import HubClient
from tests.fakes.waiting import becomes
from tests.fakes.workspaces import WorkplaceForTests, clients_folder, environments_folder, workplace


@pytest.fixture(scope="module")
def place() -> Iterator[WorkplaceForTests]:
    """A real hub, and a person who is approved."""
    with workplace(environments_folder(), clients_folder()) as stands:
        stands.approvals.approved.add(("asha", "diabetes"))
        yield stands


@pytest.fixture(scope="module")
def hub(place: WorkplaceForTests) -> Iterator[HubClient]:
    """The hub, asha's workspace open."""
    with place.workspaces.enter("asha", "diabetes") as hub:
        yield hub


def _events(place: WorkplaceForTests, name: EventName) -> list[AuditEvent]:
    return [event for event in place.log.events if event.name is name]


def test_nothing_starts_without_the_acknowledgement(place: WorkplaceForTests, hub: HubClient) -> None:
    """A start without the ticket, or with a spent one, is refused with what to do; also when the hub kept the last."""
    place.approvals.approved.add(("asha", "sleep"))
    ticket = place.workspaces.conditions("asha", "sleep")[1]
    with pytest.raises(RefusedError, match="acknowledge them"):
        hub.start("asha", "sleep", "")
    hub.start("asha", "sleep", ticket)
    hub.stop("asha", "sleep")
    with pytest.raises(RefusedError, match="were not acknowledged for this session"):
        hub.start("asha", "sleep", ticket)


def test_every_cell_is_recorded_before_it_runs(place: WorkplaceForTests, hub: HubClient) -> None:
    """Who, where, which kernel, the digest; its text beside the log."""
    text = "x = 20 + 1\nprint(x * 2)"
    assert hub.run_cells("asha", "diabetes", [text])[0].text.strip() == "42"
    event = _events(place, EventName.CELL_EXECUTED)[-1]
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert (event.by, event.project, event.details["cell_digest"]) == (person("asha"), "diabetes", digest)
    assert place.log.texts[digest] == text


def test_a_cell_that_cannot_be_recorded_is_not_run(
    place: WorkplaceForTests, hub: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its entry a cell does not reach the kernel: the notebook shows why, and goes on when the log is back."""

    def refuse(_: list[AuditEvent]) -> list[Receipt]:
        raise AuditUnavailable("The log does not answer.")

    with hub.kernel("asha", "diabetes") as kernel:
        kernel.run("done = []")
        with monkeypatch.context() as away:
            away.setattr(place.log, "append", refuse)
            refused = kernel.run("done.append(1)")
        assert refused.error == "NotRun"
        assert "could not be recorded" in refused.text
        assert kernel.run("print(done)").text.strip() == "[]"


def test_a_cell_too_long_to_be_kept_is_not_run(place: WorkplaceForTests, hub: HubClient) -> None:
    """No cell keeps its text out of the log by its length."""
    before = len(_events(place, EventName.CELL_EXECUTED))
    with hub.kernel("asha", "diabetes") as kernel:
        refused = kernel.run("#" * 200_000 + "\nprint('hidden')")
        assert refused.error == "NotRun"
        assert "200,000 characters" in refused.text
        assert kernel.run("1 + 1").text.strip() == "2"
    assert len(_events(place, EventName.CELL_EXECUTED)) == before + 1


def test_what_a_browser_does_to_files_is_recorded_before_it_is_done(
    place: WorkplaceForTests, hub: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Save, rename, delete, by any spelling of the address; reading is none; what cannot be recorded is not done."""

    def refuse(_: list[AuditEvent]) -> list[Receipt]:
        raise AuditUnavailable("The log does not answer.")

    with place.workspaces.hub() as own:
        token = own.server_token("asha", "diabetes")
    text = json.dumps({"type": "file", "format": "text", "content": "a,b\n1,2\n"})
    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    with httpx.Client(headers=headers) as browser:
        address = f"{hub.address}/user/asha/diabetes/api/contents"
        before = len(_events(place, EventName.FILE_CHANGED))
        assert browser.put(f"{address}/look%20up.csv", content=text).status_code == 201
        assert browser.get(f"{address}/look%20up.csv").json()["content"] == "a,b\n1,2\n"
        assert browser.patch(f"{address}/look%20up.csv", json={"path": "codes.csv"}).status_code == 200
        with monkeypatch.context() as away:
            away.setattr(place.log, "append", refuse)
            refused = browser.delete(f"{address}/codes.csv")
        assert (refused.status_code, "could not be recorded" in refused.text) == (503, True)
        assert browser.get(f"{address}/codes.csv").status_code == 200
        assert browser.delete(f"{hub.address}/user/asha/diabetes/api/./contents//codes.csv").status_code in (204, 404)
        assert browser.delete(f"{address}/codes.csv").status_code in (204, 404)
        noted = [event.details for event in _events(place, EventName.FILE_CHANGED)[before:]]
        large = browser.put(f"{address}/large.txt", content=b"x" * (64 * 1024**2 + 1))
        assert large.status_code == 413
    assert [one["change"] for one in noted] == ["PUT", "PATCH", "DELETE", "DELETE"]
    assert noted[0]["bytes"] == len(text)
    assert noted[0]["content_digest"] == hashlib.sha256(text.encode()).hexdigest()
    assert place.log.texts[str(noted[0]["path_digest"])] == "look up.csv"


INSTALLED = f"packages/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


def test_what_lies_in_a_home_runs_only_when_a_cell_asks_for_it(place: WorkplaceForTests, hub: HubClient) -> None:
    """Files written by the contents API are imported by no kernel's start and no completion; a cell can, recorded."""
    with place.workspaces.hub() as own:
        token = own.server_token("asha", "diabetes")
    mark = "open('/home/researcher/ran', 'a').write(__name__ + ' ')"
    names = ("evil", "ipykernel_launcher", "storemagic", "jedi")
    with httpx.Client(headers={"Authorization": f"token {token}"}) as browser:
        address = f"{hub.address}/user/asha/diabetes/api/contents"
        for name in names:
            file = {"type": "file", "format": "text", "content": mark}
            assert browser.put(f"{address}/{name}.py", json=file).status_code in (200, 201)
        folder = address
        for part in INSTALLED.split("/"):  # where `haven.install` puts packages
            folder = f"{folder}/{part}"
            assert browser.put(folder, json={"type": "directory"}).status_code in (200, 201)
        assert browser.put(f"{folder}/wicked.py", json=file).status_code in (200, 201)
    with hub.kernel("asha", "diabetes") as kernel:
        kernel.complete("from evil import ")
        kernel.run("import haven")
        kernel.complete("from wicked import ")
        assert kernel.run("import os\nprint(os.path.exists('ran'))").text.strip() == "False"
        assert (
            kernel.run("import sys\nsys.path.append('.')\nimport evil\nprint(open('ran').read())").text.strip()
            == "evil"
        )
        kernel.run(f"import os\nfor name in {names!r}: os.remove(name + '.py')\nos.remove('ran')")
        kernel.run("import shutil\nshutil.rmtree('packages')")


def test_one_workspace_leaves_the_hub_room_for_others(place: WorkplaceForTests, hub: HubClient) -> None:
    """Hundreds of connections to its gate are turned away; the hub still answers, and the workspace still works."""
    many = """
import socket, time
held = []
for _ in range(400):
    one = socket.socket(socket.AF_UNIX)
    one.connect('/run/haven/hub.sock')
    one.setblocking(False)
    held.append(one)
def is_open(one):
    try:
        return one.recv(1) != b''
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
until = time.monotonic() + 60
while sum(map(is_open, held)) > 32 and time.monotonic() < until:
    time.sleep(0.2)
print(sum(map(is_open, held)))
[one.close() for one in held]
"""
    outcome = hub.run_cells("asha", "diabetes", [many])[0]
    assert outcome.error is None, outcome.text
    assert 1 <= int(outcome.text.split()[0]) <= 32


def test_what_was_used_is_told_at_the_end(place: WorkplaceForTests, hub: HubClient) -> None:
    """Bytes through the edge both ways, processor time and memory, once, when the workspace is closed."""
    place.approvals.approved.add(("asha", "asthma"))
    place.start(hub, "asha", "asthma")
    busy = "import time\nuntil = time.process_time() + 3\nwhile time.process_time() < until: pass\nprint('y' * 100_000)"
    assert hub.run_cells("asha", "asthma", [busy])[0].error is None
    hub.stop("asha", "asthma")
    (event,) = [one for one in _events(place, EventName.WORKSPACE_USED) if one.project == "asthma"]
    used = {name: int(str(value)) for name, value in event.details.items()}
    assert used["bytes_to_browser"] > 100_000
    assert used["bytes_from_browser"] > len(busy)
    assert used["processor_seconds"] >= 2
    assert used["most_memory"] > 30 * 1024**2


def test_the_page_before_a_session_shows_the_conditions(place: WorkplaceForTests) -> None:
    """The house's and the project's conditions, and a box to tick; without the tick nothing starts."""
    with httpx.Client(follow_redirects=True) as browser:
        page = browser.get(place.workspaces.open_address("asha", "sleep"))
        assert "no table by practice is shown" in page.text
        assert "Every query and every cell that you run is recorded with your name." in page.text
        ticket = page.text.partition('name="ticket" value="')[2].partition('"')[0]
        xsrf = {"_xsrf": str(browser.cookies.get("_xsrf"))}
        answer = browser.post(
            f"{place.workspaces.hub_address}/hub/spawn/asha/sleep", params=xsrf, data={"ticket": ticket}
        )
        assert answer.status_code == 403
        assert "were not acknowledged for this session" in answer.text
        workspaces = browser.get(f"{place.workspaces.hub_address}/hub/workspaces")
        assert "What sleep is for" in workspaces.text


def test_a_workspace_that_nobody_uses_is_closed_and_says_so() -> None:
    """By the hub itself, with the rule in the log and a sentence on its person's page; what it used is told too."""
    with workplace(environments_folder(), clients_folder(), idle_seconds=3) as place:
        place.approvals.approved.add(("asha", "diabetes"))
        with place.workspaces.enter("asha", "diabetes"):
            assert becomes(lambda: bool(_events(place, EventName.WORKSPACE_USED)))
        (closed,) = _events(place, EventName.WORKSPACE_CLOSED)
        assert closed.details["rule"] == "workspace.idle"
        with place.browser("asha", "diabetes") as browser:
            assert "nobody used it" in browser.get("/hub/workspaces").text


def test_a_person_makes_no_token_at_the_hub(place: WorkplaceForTests) -> None:
    """With their browser's own cookie neither: who holds a token would need no log-in, and could hand it on."""
    with place.browser("asha", "diabetes") as browser:
        assert browser.get("/hub/workspaces").status_code == 200
        xsrf = {"_xsrf": str(browser.cookies.get("_xsrf"))}
        assert browser.get("/hub/api/users/asha", params=xsrf).status_code == 200
        assert browser.post("/hub/api/users/asha/tokens", params=xsrf, json={}).status_code in (403, 404)
