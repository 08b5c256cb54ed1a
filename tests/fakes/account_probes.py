"""What can this account get at? Run as one account; tries everything, and prints what came of each try as JSON.

Standard input: home, pids by process, verbs by process. What was read is searched for the marks of identifiers and of
payload; no content is printed.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from access.keys import KeyRing
from access.keys.envelope import Envelope
from audit.errors import HavenError
from audit.progress import silent
from infra.accounts.layout import Accounts
from infra.accounts.serving import place_of
from infra.settings import Settings, load_settings
from linkage.intake.reasons import Fault
from linkage.sealed.door import SealedDoor
from linkage.separation.client import asked, connected
from linkage.zones import ZonePlan, Zones

IDENTIFIERS = ("zqcanary1", "9990000")
PAYLOAD = ("8480-6",)
ATTACH, DETACH = 16, 17
ZONES = ("linkage", "research", "quarantine")
OWN_KEYS = ("linkage", "research", "intake")
LIVING = "autumn"
"""The round of tests.fakes.installed_rounds whose key lives."""


def tried(what: Callable[[], Any]) -> Any:
    """What it gave, or the name of what stopped it."""
    try:
        return what()
    except HavenError as error:
        return f"refused: {error.code}"
    except Fault as fault:
        return f"refused: {fault.code}"
    except (OSError, duckdb.Error) as error:
        return f"refused: {type(error).__name__}"


def marks(text: str) -> list[str]:
    """Which kinds of data this text holds."""
    low = text.lower()
    found = {"identifiers": IDENTIFIERS, "payload": PAYLOAD}
    return [kind for kind, signs in found.items() if any(sign in low for sign in signs)]


def files(home: Path) -> dict[str, Any]:
    """Every folder of the zones and their keys: listed; every file that is found or known by name: read."""
    known = ["zones/linkage/linkage.duckdb", "zones/research/research.duckdb", "zones/linkage/quarantine.duckdb",
             "zones/linkage/.linkage.next", "zones/research/.research.next", "keys/roles.json", "keys/passphrase",
             "intake/.intake.lock"]  # fmt: skip
    known += [f"keys/{zone}/{name}" for zone in OWN_KEYS for name in ("roles.json", "root.key", "passphrase")]
    known += [f"keys/linkage/rounds/{LIVING}.json", "keys/linkage/round-signer.pub"]
    folders = ["zones/linkage", "zones/research", "zones/linkage/.spill", "zones/research/.spill", "zones/logs",
               "intake", "inbox", "keys/linkage", "keys/linkage/rounds", "keys/research", "keys/intake"]  # fmt: skip
    found = {f"list {name}": tried(lambda name=name: len(list((home / name).iterdir()))) for name in folders}
    return found | {f"read {name}": tried(lambda name=name: len((home / name).read_bytes())) for name in known}


def opened(home: Path) -> dict[str, list[str]]:
    """Every store, under every key that this account can unwrap: which kinds of data it then reads."""
    settings = load_settings(home)
    found: dict[str, list[str]] = {}
    for number, ring in _rings(settings).items():
        found |= {f"{number} {zone}": _read(settings, ring, zone) for zone in ZONES}
        found |= {f"{number} scope": _scope(settings.scopes_folder, ring)}
    return found


def _rings(settings: Settings) -> dict[int, KeyRing]:
    """The key rings that this account can unwrap: the common one, linkage's, research's, the intake's."""
    places = [settings.keys_folder, *(settings.zone_keys_folder(zone) for zone in OWN_KEYS)]
    rings = {number: tried(lambda folder=folder: _ring(folder)) for number, folder in enumerate(places)}
    return {number: ring for number, ring in rings.items() if not isinstance(ring, str)}


def mode_b(home: Path, sealed: Path) -> dict[str, list[Any]]:
    """With every key that this account can unwrap: a sealed delivery that all can read, and the living round's key."""
    settings = load_settings(home)
    rings = _rings(settings).values()

    def opened(ring: KeyRing) -> str:
        with tempfile.TemporaryDirectory() as work, SealedDoor(ring).opened(sealed, Path(work)):
            return "opened"

    return {
        "delivery": [tried(lambda ring=ring: opened(ring)) for ring in rings],
        "round": [tried(lambda ring=ring: ring.rounds.find(LIVING) and "found") for ring in rings],
        "signing": [tried(lambda ring=ring: ring.signing_key("round") and "signs") for ring in rings],
    }


def _ring(folder: Path) -> KeyRing:
    """All that the envelope holds."""
    envelope = Envelope.read(folder)
    if envelope is None:
        raise FileNotFoundError(folder)
    return KeyRing.open(folder, roles=tuple(envelope.wrapped))


def _read(settings: Any, ring: KeyRing, zone: str) -> list[str]:
    where = settings.linkage_zone if zone == "quarantine" else settings.intake_folder
    zones = Zones(ZonePlan(settings.linkage_zone, settings.research_zone, where), ring, patience=0.1)

    def read() -> list[str]:
        with zones.opener(zone)(read_only=True) as connection:
            return marks(" ".join(_texts(connection, "zone")))

    found = tried(read)
    return found if isinstance(found, list) else []


def _scope(folder: Path, ring: KeyRing) -> list[str]:
    def read() -> list[str]:
        with duckdb.connect() as connection:
            (file,) = folder.glob("study/*.duckdb")
            key = ring.scope_file_key("study", 1)
            connection.execute("ATTACH ? AS scope (ENCRYPTION_KEY ?, READ_ONLY)", [str(file), key])
            return marks(str(connection.execute("FROM scope.material.gp_events").fetchall()))

    found = tried(read)
    return found if isinstance(found, list) else []


def _texts(connection: duckdb.DuckDBPyConnection, database: str) -> Iterator[str]:
    tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = ?", [database]).fetchall()
    for (name,) in tables:
        yield str(connection.execute(f'FROM "{name}"').fetchall())


def verbs(home: Path, wanted: dict[str, list[str]]) -> dict[str, Any]:
    """Each of these verbs, asked of each process, without arguments."""
    settings = load_settings(home)
    accounts = Accounts.installed(settings)

    def ask(process: str, verb: str) -> str:
        with connected(place_of(settings, accounts, process)) as wire:
            asked(wire, verb, {}, (), silent, None)
        return "answered"

    return {
        f"{process} {verb}": tried(lambda process=process, verb=verb: ask(process, verb))
        for process, names in wanted.items()
        for verb in names
    }


def processes(pids: dict[str, int]) -> dict[str, Any]:
    """The other processes' environment, memory and files; a debugger. A process of the account's own as control."""
    with subprocess.Popen(["sleep", "30"]) as own:
        found = {
            f"{name} {what}": tried(lambda pid=pid, what=what: _looked(pid, what))
            for name, pid in {**pids, "own": own.pid}.items()
            for what in ("environ", "mem", "fd", "ptrace")
        }
        own.kill()
    return found


def _looked(pid: int, what: str) -> int:
    if what == "fd":
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    if what != "ptrace":
        with Path(f"/proc/{pid}/{what}").open("rb") as file:
            return 0 if what == "mem" else len(file.read())
    library = ctypes.CDLL(None, use_errno=True)
    if library.ptrace(ATTACH, pid, None, None) != 0:
        raise PermissionError(ctypes.get_errno())
    os.waitpid(pid, 0)
    library.ptrace(DETACH, pid, None, None)
    return 1


def main() -> int:
    """Try everything."""
    given = json.load(sys.stdin)
    home = Path(given["home"])
    print(
        json.dumps(
            {
                "files": files(home),
                "opened": opened(home),
                "verbs": verbs(home, given["verbs"]),
                "processes": processes(given["pids"]),
                "mode_b": mode_b(home, Path(given["sealed"])) if "sealed" in given else {},
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
