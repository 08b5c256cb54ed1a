"""The units of an installed haven: systemd takes them, they close what they can, and workspaces still start in them.

Here is no systemd that runs: what its manager would close around a process is closed by the test's own helper.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.accounts.layout import PROCESSES
from infra.accounts.services import zone_command
from infra.accounts.units import units
from infra.servers.catalogue import services_of
from infra.settings import ROOT, Settings
from infra.wiring.haven import Haven
from tests.fakes import workspaces
from tests.fakes.as_unit import as_unit
from tests.fakes.workspaces import clients_folder, environments_folder

ZONES_AT_MOST, ORCHESTRATOR_AT_MOST = 2.0, 4.0  # of systemd's own measure, from 0 (closed) to 10 (open)
BREAKS = ("ProtectKernelTunables=yes", "ProtectKernelLogs=yes", "ProcSubset=pid", "ProtectHostname=yes")
HUB = environments_folder() / "hub"
CODE = clients_folder() / "haven-hub"


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """The units, started by this interpreter."""
    return units(Settings(home=Path("/srv/haven")), Path(sys.executable))


@pytest.fixture
def folder(made: dict[str, str], tmp_path: Path) -> Path:
    """The units as files."""
    for name, text in made.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def _analyze(*words: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", "--no-pager", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})


def test_systemd_takes_every_unit_without_a_word(folder: Path) -> None:
    """No unknown name, no value that it does not understand; a unit with one is complained of."""
    files = sorted(map(str, folder.glob("*.service")))
    verified = _analyze("verify", "--man=no", *files)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    wrong = folder / "haven-linkage.service"
    wrong.write_text(wrong.read_text(encoding="utf-8").replace("NoNewPrivileges", "NoNewPriviledges"), encoding="utf-8")
    assert "NoNewPriviledges" in _analyze("verify", "--man=no", *files).stderr


def test_the_units_close_what_they_can(made: dict[str, str], folder: Path) -> None:
    """By systemd's own measure a zone's process is hardly exposed, and the orchestrator's no more than it must be."""
    for name in made:
        said = _analyze("security", "--offline=yes", str(folder / name)).stdout
        exposure = float(re.findall(r"exposure level for \S+: ([0-9.]+)", said)[0])
        assert exposure <= (ORCHESTRATOR_AT_MOST if name == "haven.service" else ZONES_AT_MOST), name


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can close around a process what systemd closes")
@pytest.mark.parametrize("also", ["", *BREAKS])
def test_a_sandbox_starts_within_the_orchestrators_unit(made: dict[str, str], also: str) -> None:
    """With what the unit closes a workspace's sandbox starts, with its filter; with one of these besides, none does."""
    unit = made["haven.service"].replace("\n[Install]", f"{also}\n\n[Install]")
    found = _trial(unit)
    assert found["control"] is True
    if also:
        assert (found["plain"], found["filtered"]) == (None, None)
    else:
        assert found["filtered"]["filter_mode"] == "2"
        assert found["filtered"]["interfaces"] == ["lo"]
        assert found["filtered"]["families"] == {
            "AF_UNIX": True,
            "AF_INET": False,
            "AF_INET6": False,
            "AF_VSOCK": False,
        }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can close around a process what systemd closes")
def test_a_workspace_is_worked_in_within_the_orchestrators_unit(
    made: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real hub, with what the unit closes around it, opens a workspace, and a cell runs there behind its filter."""

    def within(command: tuple[str, ...], places: list[Path]) -> tuple[str, ...]:
        return as_unit(made["haven.service"], [*places, Path(sys.base_prefix)], HUB / "bin" / "python", command)

    monkeypatch.setattr(workspaces, "as_plain_account", within)
    with workspaces.workplace(environments_folder(), clients_folder(), plain=True) as place:
        place.approvals.approved.add(("asha", "diabetes"))
        with place.workspaces.enter("asha", "diabetes") as hub, hub.kernel("asha", "diabetes") as kernel:
            told = kernel.run(f"print(open('/proc/{place.hub.number}/status').read())")
            assert told.error == "FileNotFoundError"  # the hub is not seen within
            assert kernel.run("print(6 * 7)").text.strip() == "42"
        status = Path(f"/proc/{place.hub.number}/status").read_text(encoding="ascii")
    assert re.findall(r"^(?:CapBnd|NoNewPrivs|Seccomp):\s+(\w+)$", status, re.MULTILINE) == ["0" * 16, "1", "2"]


def test_every_service_of_haven_up_is_started_by_a_unit(made: dict[str, str], tmp_path: Path) -> None:
    """Each service that `haven up` starts stands on the page of one server, beside the unit that starts it."""
    page = (ROOT / "docs" / "one-server.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)`[^|]*\| `([\w.-]+)` \|", page, re.MULTILINE))
    home = Haven.at(tmp_path / "home")
    started = {service.name: "haven.service" for service in services_of(home)}
    started |= {process: f"haven-{process}.service" for process in PROCESSES}
    assert {name: rows.get(name) for name in started} == started
    assert set(rows.values()) == set(made)
    for process in PROCESSES:
        assert " ".join(zone_command(Path("/srv/haven"), process)) in made[f"haven-{process}.service"]


def _trial(unit: str) -> dict[str, Any]:
    places = [HUB, clients_folder(), Path(sys.base_prefix)]
    command = as_unit(
        unit, places, HUB / "bin" / "python", (str(HUB / "bin" / "python"), "-P", "-m", "haven_hub.trial")
    )
    done = subprocess.run(
        command,
        capture_output=True,
        check=True,
        env={"PYTHONPATH": str(CODE), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    return dict(json.loads(done.stdout))
