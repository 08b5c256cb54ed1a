"""Zones behind their sockets, served in threads of this process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from audit.progress import Progress
from linkage.matching.engines.choice import LinkageEngine
from linkage.separation.client import InTheirAccounts, ZonePlace
from linkage.separation.ports import Answer, Asker, Named, Plain
from linkage.separation.processes import in_own_zones
from linkage.separation.server import Do, ZoneServer
from linkage.separation.verbs import VERBS, verb_named
from linkage.zones import Zones

ME = os.geteuid()


@contextmanager
def served(path: Path, do: Do, askers: dict[int, Asker]) -> Iterator[ZonePlace]:
    """A zone's server in a thread of this process."""
    with ZoneServer(path, askers, do) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield ZonePlace(path, ME)
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def behind_sockets(
    zones: Zones, folder: Path, *, listed: Callable[[str], bool] = lambda _: False, engine: LinkageEngine | None = None
) -> Iterator[InTheirAccounts]:
    """Both processes; who asks is taken to be whoever may."""

    def as_whoever_may(do: Do) -> Do:
        def known(verb: str, _: Asker, arguments: Plain, tables: Iterator[Named], progress: Progress) -> Answer:
            return do(verb, verb_named(verb).asked_by, arguments, tables, progress)

        return known

    askers = {ME: Asker.ORCHESTRATOR}
    linking = in_own_zones("linkage", zones, listed=listed, engine=engine)
    with (
        served(folder / "l.sock", as_whoever_may(linking), askers) as linkage,
        served(folder / "r.sock", as_whoever_may(in_own_zones("research", zones)), askers) as research,
    ):
        places = {"linkage": linkage, "quarantine": linkage, "research": research}
        yield InTheirAccounts(places, {name: verb.zone for name, verb in VERBS.items()}, folder, patience=0.1)
