"""What happens when a protection is not there? Over a real hub: nothing opens, nothing runs, and the reason is said."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from access.decisions import Decision, RefusedError
from audit.events import EventName
from environments.gateway.listening import may_open_doors
from environments.workspaces.client import HubClient
from tests.fakes.workspaces import WorkplaceForTests, clients_folder, environments_folder, workplace


@pytest.fixture(scope="module")
def doors() -> Iterator[WorkplaceForTests]:
    """A workplace whose gateway looks at its own sockets before each opening, as the haven's does."""
    with workplace(environments_folder(), clients_folder(), machine=may_open_doors) as place:
        place.approvals.approved.add(("asha", "diabetes"))
        yield place


@pytest.fixture
def entered(doors: WorkplaceForTests) -> Iterator[HubClient]:
    """The hub knows asha; no workspace is open."""
    with doors.workspaces.hub() as hub:
        hub.log_in(doors.workspaces.login_code("asha", "diabetes"))
        yield hub


def _nothing_opened(place: WorkplaceForTests) -> bool:
    return place.processes_inside() == set() and place.doors.opened == {}


def test_a_gateway_that_tcp_reaches_opens_nothing(doors: WorkplaceForTests, entered: HubClient) -> None:
    """Each opening looks anew: with a port open there is none, and when it is closed there is."""
    with socket.create_server(("127.0.0.1", 0)) as port:
        with pytest.raises(RefusedError, match=f"listens on 127.0.0.1:{port.getsockname()[1]}"):
            doors.start(entered, "asha", "diabetes")
        assert _nothing_opened(doors)
        assert doors.log.events[-1].name is EventName.WORKSPACE_OPEN_REFUSED
        assert doors.log.events[-1].details["rule"] == "gateway.reachable_by_tcp"
    doors.start(entered, "asha", "diabetes")
    assert doors.processes_inside()
    entered.stop("asha", "diabetes")


def test_records_that_cannot_be_asked_open_nothing(
    doors: WorkplaceForTests, entered: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in the look-up of an approval is a refusal, recorded; the error's own text is told to nobody."""

    def fail(*_: str) -> Decision:
        raise LookupError("SELECT secret")

    monkeypatch.setattr(doors.approvals, "may_open_workspace", fail)
    with pytest.raises(RefusedError, match="could not be found out") as caught:
        entered.start("asha", "diabetes", "")
    assert "secret" not in str(caught.value)
    assert _nothing_opened(doors)
    assert doors.log.events[-1].details["rule"] == "workspace.not_known"


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("edge.py", "edge_rules.workspace_answer if route.is_workspace else edge_rules.hub_answer",
         "edge_rules.hub_answer", "does not guard"),
        ("edge_rules.py", ", *HUB_GUARDS]", "]", "does not guard"),
        ("edge.py", "application.on_response_prepare.append(_guard_own)", "", "does not guard"),
        ("edge.py", "if route.is_workspace and (closed", "if False and (closed", "does not guard"),
        ("config.py", "hub.proxy_class = WorkspaceEdge",
         "hub.proxy_class = type('Another', (WorkspaceEdge,), {'holds': lambda self: self.proof.holds('http://[::]:9')})",
         "does not guard"),
        ("hooks.py", 'answer["conditions"]', 'answer["terms"]', "could not be asked"),
    ],
    ids=["an edge without its policy", "a hub whose files are framed", "refusals without a policy",
         "an edge that hands out files", "an edge that does not answer", "a hook error"],
)  # fmt: skip
def test_a_hub_without_its_edge_or_whose_hook_fails_opens_nothing(
    tmp_path: Path, file: str, old: str, new: str, reason: str
) -> None:
    """The hub that is changed so starts and takes people in, and opens no workspace; a door that opened is closed."""
    clients = tmp_path / "clients"
    shutil.copytree(clients_folder(), clients, ignore=shutil.ignore_patterns("__pycache__"))
    path = clients / "haven-hub" / "haven_hub" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with workplace(environments_folder(), clients) as place:
        place.approvals.approved.add(("asha", "diabetes"))
        with pytest.raises(RefusedError, match=reason):
            place.workspaces.enter("asha", "diabetes")
        assert _nothing_opened(place)
