"""One hub with two open workspaces for the whole suite: asha in diabetes, bo in asthma; each with a kernel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from environments.workspaces.client import HubClient, Kernel
from tests.fakes.workspaces import WorkplaceForTests, clients_folder, environments_folder, workplace

PAIRS = (("asha", "diabetes"), ("bo", "asthma"))


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkplaceForTests]:
    """The gateway process's control routes and a real hub."""
    with workplace(environments_folder(), clients_folder()) as stands:
        stands.approvals.approved.update(PAIRS)
        yield stands


@pytest.fixture(scope="session")
def hub(place: WorkplaceForTests) -> Iterator[HubClient]:
    """Both people have logged in and opened their workspaces."""
    clients = [place.workspaces.enter(person, project) for person, project in PAIRS]
    yield clients[0]
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def asha(hub: HubClient) -> Iterator[Kernel]:
    """A kernel of asha's in diabetes."""
    with hub.kernel("asha", "diabetes") as kernel:
        yield kernel


@pytest.fixture(scope="session")
def bo(hub: HubClient) -> Iterator[Kernel]:
    """A kernel of bo's in asthma."""
    with hub.kernel("bo", "asthma") as kernel:
        yield kernel
