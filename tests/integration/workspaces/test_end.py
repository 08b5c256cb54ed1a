"""When the hub ends, in whatever way, nothing of a workspace is left."""

from __future__ import annotations

import os
import signal

from tests.fakes.waiting import becomes
from tests.fakes.workspaces import clients_folder, environments_folder, workplace


def test_a_hub_that_is_killed_takes_its_workspaces_with_it() -> None:
    """Killed without a chance to clean up, the hub leaves no process of a workspace behind."""
    with workplace(environments_folder(), clients_folder()) as place:
        place.approvals.approved.add(("asha", "diabetes"))
        with place.workspaces.enter("asha", "diabetes") as hub:
            hub.run_cells("asha", "diabetes", ["import subprocess; subprocess.Popen(['sleep', '999'])"])
        assert len(place.processes_inside()) >= 3
        os.kill(place.hub.number, signal.SIGKILL)
        assert becomes(lambda: place.processes_inside() == set())


def test_a_hub_that_is_stopped_ends_its_workspaces_first() -> None:
    """Stopped in order, the hub ends each workspace and closes its door."""
    with workplace(environments_folder(), clients_folder()) as place:
        place.approvals.approved.add(("asha", "diabetes"))
        place.workspaces.enter("asha", "diabetes").close()
        assert place.processes_inside()
        place.hub.stop()
        assert place.processes_inside() == set()
        assert place.doors.opened == {}
