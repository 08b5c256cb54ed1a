"""What a workspace may hold all in all: one that is over its quota or its memory is stopped, whole, with a sentence."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from audit.events import EventName
from environments.workspaces.client import HubClient
from environments.workspaces.errors import WorkspaceError
from tests.fakes.probes.daemon import stubborn_daemon
from tests.fakes.waiting import becomes, marked
from tests.fakes.workspaces import WorkplaceForTests, clients_folder, environments_folder, workplace

MIB = 1024**2
QUOTA, MEMORY = 32 * MIB, 700 * MIB
ACCOUNTS = ("root", "plain") if os.geteuid() == 0 else ("plain",)


def only_of(account: str) -> pytest.MarkDecorator:
    """Each of these takes long: where root runs the tests, under one account only."""
    chosen = account if account in ACCOUNTS else ACCOUNTS[0]
    return pytest.mark.parametrize("place", [chosen], indirect=True, scope="module")


@pytest.fixture(scope="module")
def place(request: pytest.FixtureRequest) -> Iterator[WorkplaceForTests]:
    """A hub whose workspaces may hold little."""
    plain = request.param == "plain"
    with workplace(
        environments_folder(), clients_folder(), plain=plain, home_quota=QUOTA, workspace_memory=MEMORY
    ) as stands:
        yield stands


@dataclass(frozen=True)
class Asha:
    """One person's workspace in a project of its own for each test."""

    place: WorkplaceForTests
    hub: HubClient
    project: str

    def run(self, source: str) -> str:
        """What a cell prints; it must not fail."""
        outcome = self.hub.run_cells("asha", self.project, [source])[0]
        assert outcome.error is None, outcome.text
        return outcome.text.strip()

    def is_stopped(self, mark: str, *rules: str) -> bool:
        """By one of these rules, with all that carries the mark?"""
        closed = [event for event in self.place.log.events if event.name is EventName.WORKSPACE_CLOSED]
        ended = [event for event in closed if event.project == self.project]
        return bool(ended) and ended[-1].details.get("rule") in rules and not marked(mark)

    def starts(self) -> bool:
        """Start, once the hub has done with the end."""
        try:
            self.place.start(self.hub, "asha", self.project)
        except WorkspaceError as error:
            assert "pending" in str(error)
            return False
        return True

    def told(self) -> str:
        """The hub's page, which says why a workspace ended."""
        with self.place.browser("asha", self.project) as browser:
            return browser.get("/hub/workspaces").text


@pytest.fixture
def asha(place: WorkplaceForTests) -> Iterator[Asha]:
    """Asha has opened her workspace."""
    project = f"p-{secrets.token_hex(4)}"
    place.approvals.approved.add(("asha", project))
    with place.workspaces.enter("asha", project) as client:
        yield Asha(place, client, project)
        client.stop("asha", project)


@only_of("root")
def test_a_home_over_its_quota_ends_the_workspace_and_can_be_cleared(asha: Asha) -> None:
    """The person is told why; it opens again, holds what it held, may be cleared, and may not grow."""
    daemon, mark = stubborn_daemon(f"open('/home/researcher/large', 'wb').write(os.urandom({QUOTA + MIB}))")
    asha.run(daemon)
    assert becomes(lambda: asha.is_stopped(mark, "workspace.home_full"))
    assert re.search(r"its home holds 0\.\d\d GiB, and its quota is 0\.03 GiB", asha.told())
    assert becomes(asha.starts)
    assert "its quota is" not in asha.told()
    grow, mark = stubborn_daemon(f"open('/home/researcher/more', 'wb').write(os.urandom({20 * MIB}))")
    assert asha.run(f"import os; print(os.path.getsize('large'))\n{grow}") == str(QUOTA + MIB)
    assert becomes(lambda: asha.is_stopped(mark, "workspace.home_full"))
    assert "delete files" in asha.told()
    assert becomes(asha.starts)
    asha.run("import os; os.remove('large'); os.remove('more')")


@only_of("plain")
def test_files_without_a_name_count_for_the_quota(asha: Asha) -> None:
    """A file that is deleted and held open takes room that no walk through the home would find."""
    fill = f"f = open('/home/researcher/gone', 'wb'); os.remove(f.name); f.write(os.urandom({QUOTA + MIB})); f.flush()"
    daemon, mark = stubborn_daemon(fill)
    asha.run(daemon)
    assert becomes(lambda: asha.is_stopped(mark, "workspace.home_full"))


@only_of("plain")
def test_a_home_that_hides_what_it_holds_ends_the_workspace(asha: Asha) -> None:
    """Under the hub's own account a folder can be closed to it; root reads it all the same, and counts it."""
    fill = f"os.mkdir('hidden'); open('hidden/large', 'wb').write(os.urandom({QUOTA + MIB})); os.chmod('hidden', 0)"
    daemon, mark = stubborn_daemon(f"os.chdir('/home/researcher'); {fill}")
    asha.run(daemon)
    assert becomes(lambda: asha.is_stopped(mark, "workspace.home_full", "workspace.unmeasured"))
    (asha.place.home / "workspaces" / asha.project / "asha" / "home" / "hidden").chmod(0o700)


@only_of("root")
def test_memory_of_many_processes_ends_the_workspace(asha: Asha) -> None:
    """Several processes, each within its own limit, take more than the workspace may: all of them are ended."""
    daemon, mark = stubborn_daemon(f"[os.fork() for _ in range(2)]; held = os.urandom({MEMORY // 4})")
    asha.run(daemon)
    assert becomes(lambda: asha.is_stopped(mark, "workspace.memory_full"))
    assert "of memory, and may take 0.68 GiB" in asha.told()
