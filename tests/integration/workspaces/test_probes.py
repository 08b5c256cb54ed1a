"""The table of attempts from a kernel, beside its controls: in a workspace of root's hub, a plain account's, and a pod.

The pod is one of the tests' own cluster, which carries out what its manifest and the node's filter say.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.fakes.cluster import pod_place
from tests.fakes.probes.kernel import BY_NAME, PROBES
from tests.fakes.probes.table import REACHED, STOPPED, Control, Outcome, Probe, Things, outcomes, program
from tests.fakes.workspaces import WorkplaceForTests, clients_folder, environments_folder, workplace
from tests.integration.workspaces.host import things_of

ROOTED = (
    *("/usr/bin/unshare", "--user", "--map-root-user", "--mount", "--net", "--pid", "--ipc", "--uts"),
    *("--fork", "--mount-proc"),
)
PLACES = ("root", "plain", "pod") if os.geteuid() == 0 else ("plain", "pod")


@dataclass(frozen=True)
class Found:
    """What became of every attempt: in the workspace, and where its control runs."""

    inside: Mapping[str, Outcome]
    controls: Mapping[str, Outcome]


@pytest.fixture(scope="module", params=PLACES)
def found(request: pytest.FixtureRequest) -> Iterator[Found]:
    """All attempts, in one kernel; all controls, in one process for each sort."""
    with _place(request.param) as place:
        place.approvals.approved.update({("asha", "diabetes"), ("bo", "asthma")})
        with place.workspaces.enter("bo", "asthma") as other:
            assert other.run_cells("bo", "asthma", ["open('/home/researcher/mine', 'w').write('x')"])[0].error is None
        with place.workspaces.enter("asha", "diabetes") as hub, things_of(place) as (inside, outside):
            said = hub.run_cells("asha", "diabetes", [program(list(PROBES), inside)])[0]
            assert said.error is None, said.text
            yield Found(outcomes(said.text.strip().splitlines()[-1]), _controls(place, outside))


@contextmanager
def _place(kind: str) -> Iterator[WorkplaceForTests]:
    if kind == "pod":
        with pod_place() as pods:
            yield pods.workplace
    else:
        with workplace(environments_folder(), clients_folder(), plain=kind == "plain") as place:
            yield place


def _controls(place: WorkplaceForTests, things: Things) -> dict[str, Outcome]:
    by_sort: dict[Control, list[Probe]] = {}
    for probe in PROBES:
        by_sort.setdefault(probe.control, []).append(probe)
    python = (sys.executable, "-")
    controls: dict[str, Outcome] = {}
    for sort, probes in by_sort.items():
        if sort is not Control.REAL_ROOT or os.geteuid() == 0:
            source = program(probes, things, before=ROOTED if sort is Control.ROOTED else ())
            command = python if sort is Control.REAL_ROOT else place.as_the_hub(python)
            done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            controls.update(outcomes(done.stdout.strip()))
    return controls


@pytest.mark.parametrize("name", BY_NAME)
def test_an_attempt_that_succeeds_without_the_protection_is_stopped(found: Found, name: str) -> None:
    """Each attempt of the table: stopped in the workspace, and, where the machine has what it needs, not without it."""
    probe, inside = BY_NAME[name], found.inside[name]
    assert inside.word == STOPPED, f"{probe.says} ({inside.word} {inside.by})"
    if name not in found.controls:
        assert probe.control is Control.REAL_ROOT
        return
    control = found.controls[name]
    assert control.word == REACHED or (probe.may_lack and control.is_lack), f"{name}: {control}"
