"""The whole table of attempts from a kernel."""

from __future__ import annotations

from tests.fakes.probes.amounts import AMOUNTS
from tests.fakes.probes.calls import CALLS_TO_THE_KERNEL
from tests.fakes.probes.files import FILES
from tests.fakes.probes.network import NETWORK
from tests.fakes.probes.processes import PROCESSES, WALLS
from tests.fakes.probes.table import Probe

PROBES: tuple[Probe, ...] = tuple(
    probe for table in (NETWORK, FILES, PROCESSES, WALLS, CALLS_TO_THE_KERNEL, AMOUNTS) for probe in table.probes
)
BY_NAME = {probe.name: probe for probe in PROBES}
