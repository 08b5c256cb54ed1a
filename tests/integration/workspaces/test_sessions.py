"""A session from its beginning to its end, with the real hub: conditions, what is recorded, and what is not run."""

from __future__ import annotations

import hashlib
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
