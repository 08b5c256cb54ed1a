"""One part of a haven with accounts, in a process of its own that can be killed at a named point.

`... PART HOME SOCKET [POINT]`: PART is linkage, partitioned (linkage, its ladder in pieces), research or intake; POINT
as receiving_process has it. Who asks is taken for the orchestrator, of a zone for the intake where PART ends in
"+intake". It says "serving" once it does. The intake asks the zones at l.sock and r.sock beside its own socket.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from access.keys import KeyRing, KeyRole
from audit.clock import FixedClock
from linkage.intake.at_the_door import IntakeAtTheDoor, agreed_contracts
from linkage.intake.signing import Senders
from linkage.matching.engines.choice import LinkageEngine
from linkage.matching.engines.piece_tables import PieceSettings
from linkage.matching.engines.running_in_pieces import InPieces
from linkage.private_folders import EXCHANGE
from linkage.sealed.door import SealedDoor
from linkage.separation.client import InTheirAccounts, ZonePlace
from linkage.separation.ports import Asker
from linkage.separation.processes import in_own_zones
from linkage.separation.server import Do, ZoneServer
from linkage.separation.verbs import VERBS
from linkage.zones import ZonePlan, Zones
from tests.fakes.havens import START
from tests.fakes.receiving_process import die_at
from tests.fakes.zone_processes import ME

PARTITIONED = "partitioned"


def zones_at(home: Path) -> Zones:
    """The zones of this home."""
    return Zones(ZonePlan.under(home), KeyRing.open(home / "keys"))


def in_their_places(folder: Path) -> InTheirAccounts:
    """The zones whose processes answer in this folder."""
    linkage, research = ZonePlace(folder / "l.sock", ME), ZonePlace(folder / "r.sock", ME)
    places = {"linkage": linkage, "quarantine": linkage, "research": research}
    return InTheirAccounts(places, {name: verb.zone for name, verb in VERBS.items()}, folder)


def in_pieces(home: Path) -> LinkageEngine:
    """The ladder in pieces, in the zone's own exchange."""
    exchange = home / "zones" / "linkage" / EXCHANGE
    return LinkageEngine(PARTITIONED, InPieces(PieceSettings(exchange, workers=1)), exchanges=(exchange,))


@dataclass
class Part:
    """A part's process, and where it answers."""

    process: subprocess.Popen[str]
    place: ZonePlace

    def ended(self) -> int:
        """How it ended, once it has."""
        return self.process.wait(60)


@contextmanager
def part(name: str, home: Path, socket: Path, point: str = "") -> Iterator[Part]:
    """Start it, and end it afterwards unless it has died."""
    command = [sys.executable, "-m", "tests.fakes.dying_part", name, str(home), str(socket), point]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None or process.stdin is None or process.stdout.readline() != "serving\n":
            raise RuntimeError(f"the part {name} did not start")
        try:
            yield Part(process, ZonePlace(socket, ME))
        finally:
            process.stdin.close()
            process.wait(60)


def _doing(name: str, home: Path, socket: Path) -> tuple[Do, Asker]:
    zones = zones_at(home)
    if name == "intake":
        sealed, folder = SealedDoor(zones.keyring.only(KeyRole.INTAKE)), home / "intake"
        agreed, senders = agreed_contracts(home / "none"), Senders(home / "none")
        runner = in_their_places(socket.parent)
        return IntakeAtTheDoor(folder, runner, zones, FixedClock(START), agreed, sealed, senders).do, Asker.ORCHESTRATOR
    zone, _, asker = name.partition("+")
    engine = in_pieces(home) if zone == PARTITIONED else None
    do = in_own_zones("linkage" if zone == PARTITIONED else zone, zones, engine=engine)
    return do, Asker.INTAKE if asker else Asker.ORCHESTRATOR


def main(name: str, home: str, socket: str, point: str = "") -> int:
    """Serve until the input closes."""
    do, asker = _doing(name, Path(home), Path(socket))
    if point:
        die_at(point)
    with ZoneServer(Path(socket), {ME: asker}, do) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        print("serving", flush=True)
        sys.stdin.read()
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
