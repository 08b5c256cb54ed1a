"""A haven with installed accounts after the whole chain, and what came of every account trying everything."""

from __future__ import annotations

import json
import shutil
from base64 import b64decode
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from audit.clock import FixedClock
from infra.accounts.check import Looked, look
from infra.accounts.roots import zone_keyring
from infra.accounts.signer import written_signer
from infra.database import open_database
from infra.settings import Settings
from linkage.matching.service import Linker
from linkage.sealed.door import SealedDoor
from linkage.separation.ports import Asker
from linkage.separation.processes import SERVED
from linkage.separation.verbs import VERBS
from linkage.zones import ZonePlan, Zones
from tests.fakes.agent import CONTRACTS, Controller
from tests.fakes.damaged_rows import DAMAGES
from tests.fakes.deliveries import ENGINEER, IntakeBench, as_csv, episodes, intact, nhs_number, repack
from tests.fakes.havens import START, memory_records
from tests.fakes.installed import InstalledHaven, installed_haven

PARTS = ("orchestrator", "linkage", "research", "intake", "reviewer", "stranger")
ASKS = {"orchestrator": Asker.ORCHESTRATOR, "intake": Asker.INTAKE, "reviewer": Asker.REVIEWER}
HARMLESS = {"linkage": ["linkage.unlinked"], "research": ["research.linked"]}
OWN = {"linkage": "identifiers", "research": "payload"}


@dataclass
class Played:
    """The haven after the chain, what the orchestrator was told, and what came of each account's tries."""

    haven: InstalledHaven
    told: dict[str, Any]
    tries: dict[str, dict[str, Any]]
    before: dict[str, str]  # the zones' keys, and for whom deliveries were sealed, before the accounts were installed
    rounds: dict[str, Any]  # what came of the orchestrator's rounds
    reviewed: list[str]  # what the reviewer saw at the terminal, twice
    again: dict[str, Any]  # what the next linkage made of the answers


@contextmanager
def played_chain() -> Iterator[Played]:
    """A home that holds data of one account is moved over; two deliveries more, one with a bad row, and one in mode B,
    which the real agent packs; then the tries."""
    with installed_haven() as haven:
        before = _received_by_one_account(haven)
        haven.install()
        controller = Controller(haven.folder / "desk")
        listed = haven.settings.controller_keys_folder / "hospital.recipient"
        listed.write_text(controller.recipient, encoding="utf-8")
        with haven.running() as pids:
            rounds = haven.rounds(controller.recipient)
            controller.pin(written_signer(haven.settings))
            controller.take_round(b64decode(rounds["sealed"]))
            tokens = _packed_in_mode_b(haven, controller, rounds["recipient"])
            gp, hospital = intact(haven.folder / "gp1"), intact(haven.folder / "hospital1", "hospital")
            next(one for one in DAMAGES if one.name == "a code not agreed").make(gp)
            repack(gp)
            archive, sealed = _archived(hospital), haven.folder / "damaged.age"
            sealed.write_bytes(b"age-encryption.org/v1\n-> X25519 x\n")
            references = haven.settings.reference_tables_folder / "superseded.csv"
            references.write_text(f"old_nhs_number,new_nhs_number\n{nhs_number(3)},{nhs_number(900)}\n", "utf-8")
            own = Path(shutil.copy(references, haven.folder / "own.csv"))
            shutil.chown(references, "root", haven.names["intake"])
            references.chmod(0o640)
            shutil.chown(own, haven.names["orchestrator"])
            own.chmod(0o644)
            for path in (gp, archive, sealed, tokens):
                haven.hand_to_intake(path)
            told = haven.chain(gp, archive, sealed, own, references, tokens)
            own.unlink()
            tokens.chmod(0o644)  # the tries with it are on what it holds
            references.unlink()
            archive.unlink()
            for folder in (gp, hospital):
                shutil.rmtree(folder)  # as the inbox does; while it lay there, the intake's account could read it
            tries = {part: _tries(haven, part, pids, tokens) for part in PARTS}
            reviewed = [haven.review(typed) for typed in ("x\nn\n", "d\nZqcanary told me\n")]
            assert [done.returncode for done in reviewed] == [0, 0], reviewed[-1].stderr[-3000:]
            again = haven.link_again()
        yield Played(haven, told, tries, before, rounds, [done.stdout for done in reviewed], again)


def _packed_in_mode_b(haven: InstalledHaven, controller: Controller, recipient: str) -> Path:
    """Thirty of the hospital's people, sealed by the agent in the environment `controller`."""
    files = haven.folder / "in-mode-b"
    files.mkdir()
    (files / "apc_episodes.csv").write_bytes(as_csv(episodes(30)).encode())
    packed = controller.pack(files, CONTRACTS / "hospital.yaml", recipient, "hospital-sealed")
    shutil.rmtree(files)
    return Path(shutil.move(packed, haven.folder / "hospital-sealed.age"))


def _archived(folder: Path) -> Path:
    """The same delivery as one file."""
    return Path(shutil.make_archive(str(folder.parent / "hospital-archive"), "gztar", folder))


def _received_by_one_account(haven: InstalledHaven) -> dict[str, str]:
    """A council's delivery with a bad row, received and linked as on a laptop; the zones' keys by name."""
    (haven.home / "records").mkdir(mode=0o700)
    records = memory_records(FixedClock(START), open_database(haven.settings))
    bench = IntakeBench(haven.home, records)
    delivery = intact(haven.folder / "care0", "social_care")
    file = delivery / "cld_events.csv"
    file.write_bytes(file.read_bytes().replace(b"Female", b"Zqcanary", 1))
    repack(delivery, "social_care")
    assert sum(bench.receive(delivery).quarantined.values()) == 1
    Linker(bench.zones, bench.zones.keyring, records, haven.home / "reports").link(by=ENGINEER)
    shutil.rmtree(delivery)
    keyring = bench.zones.keyring
    return {zone: keyring.zone_key(zone) for zone in OWN} | {"recipient": SealedDoor(keyring).recipient}


def linkage_zone_of(played: Played) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """The linkage zone, read as root with its account's key."""
    folder = played.haven.settings.linkage_zone
    ring = zone_keyring(played.haven.settings, "linkage")
    return Zones(ZonePlan(folder, folder, folder), ring).linkage(read_only=True)


def _forbidden(part: str) -> dict[str, list[str]]:
    """By process: the verbs that this account may not ask there; and, where it may ask any, one as a control."""
    at_the_door = ["intake.manifest", "intake.take_in", "intake.recipient", "intake.reference"]
    wanted: dict[str, list[str]] = {"intake": [] if part == "orchestrator" else at_the_door}
    for process, zones in SERVED.items():
        mine = [name for name, verb in VERBS.items() if verb.asked_by is ASKS.get(part) and verb.zone in zones]
        wanted[process] = [name for name in VERBS if name not in mine] + (HARMLESS[process] if part in ASKS else [])
    return wanted


def _tries(haven: InstalledHaven, part: str, pids: dict[str, int], sealed: Path) -> dict[str, Any]:
    given = {"home": str(haven.home), "pids": pids, "verbs": _forbidden(part), "sealed": str(sealed)}
    done = haven.run_as(part, "tests.fakes.account_probes", data=json.dumps(given))
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout))


def amiss_in(settings: Settings) -> list[Looked]:
    """What is amiss in the home; the tests' own interpreter may lie in a closed folder."""
    return [one for one in look(settings) if one.amiss and not one.what.startswith("program")]
