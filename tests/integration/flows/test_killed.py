"""kill -9 in each verb that a flow drives, at several moments, and run again: it ends as if nothing had happened."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from access.documents import load_document
from access.people.model import Role
from access.projects.file import ProjectFile
from audit.model import person, service
from audit.verifier import verify
from infra.demo.people import make_deliveries
from infra.demo.quality import pair_quality
from infra.wiring import Haven
from linkage.contracts.registry import find_contract
from linkage.intake.pack import pack
from linkage.scopes.store import current_scope
from linkage.store import received_deliveries
from tests.fakes.havens import make_live
from tests.fakes.people import assessed, invented_person

ROOT = Path(__file__).resolve().parents[3]
DATASETS = ("gp", "hospital", "social_care", "deaths")
VERB = """
import sys
from pathlib import Path
from infra.plant import HavenPlant
from infra.wiring import Haven
from tests.fakes.havens import make_live
from tests.fakes.people import assessed, invented_person
from tests.fakes.havens import make_live
from tests.fakes.people import assessed, invented_person
plant = HavenPlant(Haven.at(Path(sys.argv[1])))
verb, subject = sys.argv[2], sys.argv[3:]
print("begins", flush=True)
getattr(plant, verb)(*subject)
print("ended", flush=True)
"""
MOMENTS = (0.05, 0.25, 0.6, 1.1)
PROJECT = ROOT / "docs" / "examples" / "blood-pressure.yaml"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A haven with four packed deliveries in its inbox, and people and a project to come."""
    top = tmp_path_factory.mktemp("k")
    home = top / "h"
    make_deliveries(home / "made", people=2_500, seed=11)
    for dataset in DATASETS:
        folder = home / "inbox" / dataset
        folder.mkdir(parents=True)
        (home / "made" / dataset).rename(folder / "first")
        pack(folder / "first", find_contract(dataset), name=f"{dataset}-first")
    yield home
    for scope in home.glob("scopes/*"):
        scope.chmod(0o700)


def _killed_then_run(home: Path, verb: str, *subject: str) -> int:
    """Run the verb, killed at each moment after its beginning, then once to its end; how often it was under way."""
    killed = sum(_killed(_start(home, verb, *subject), moment) for moment in MOMENTS)
    _ended(_start(home, verb, *subject))
    return killed


def _killed(process: subprocess.Popen[str], moment: float) -> bool:
    """Kill it after this many seconds; was it under way?"""
    with process:
        time.sleep(moment)
        under_way = process.poll() is None
        process.kill()
    return under_way


def _ended(process: subprocess.Popen[str]) -> None:
    """Wait until it has ended well."""
    with process:
        assert process.stdout is not None
        rest = process.stdout.read()
    assert process.returncode == 0, rest


def _start(home: Path, verb: str, *subject: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", VERB, str(home), verb, *subject],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first in ("begins\n", ""), first + process.stdout.read()
    return process


def test_every_verb_killed_at_any_moment_ends_well(home: Path) -> None:
    """Receive, link, publish and release, killed on the way, give what they give undisturbed; the log stays whole."""
    haven = Haven.at(home)
    kills = 0
    for dataset in DATASETS:
        for path in sorted((home / "inbox" / dataset).iterdir()):
            kills += _received(home, path)
    with haven.records.read() as session:
        received = received_deliveries(session)
    assert sorted(delivery.dataset for delivery in received) == sorted(DATASETS)
    kills += _killed_then_run(home, "link")
    overall = pair_quality(haven, home / "made" / "truth.csv")[0]
    assert overall.precision > 0.998
    assert overall.recall > 0.97
    with haven.zones.research(read_only=True) as zone:
        for delivery in received:
            for table, rows in delivery.rows.items():
                found = zone.execute(f'SELECT count(*), count(person) FROM "{table}"').fetchall()
                assert found == [(rows, rows)], table
    _approve(haven)
    kills += _killed_then_run(home, "publish_scope", "blood-pressure")
    with haven.records.read() as session:
        scope = current_scope(session, "blood-pressure")
    assert scope is not None
    assert len(list((home / "scopes" / "blood-pressure").iterdir())) == 1
    request = _approved_request(haven)
    kills += _killed_then_run(home, "release", request)
    assert haven.airlock.get(request).state.value == "released"
    assert len(list((home / "outbox").rglob("*.csv"))) == 1
    haven.audit_log.close()
    haven.records.engine.dispose()
    assert kills >= 8
    assert verify(home / "audit", None, None).whole


def _received(home: Path, path: Path) -> int:
    """A delivery of the inbox, staged and received; a killed receipt leaves it staged or already gone."""
    from infra.inbox import Inbox, UnknownBatch

    batch = Inbox(home / "inbox").stage(path)
    killed = 0
    for moment in (*MOMENTS, None):
        try:
            Inbox(home / "inbox").path_of(batch)
        except UnknownBatch:
            break
        process = _start(home, "receive", batch)
        if moment is None:
            _ended(process)
        else:
            killed += _killed(process, moment)
    return killed


def _approve(haven: Haven) -> None:
    today = haven.clock.now().date()
    house = service("administration")
    for name in ("university", "haven"):
        haven.access.register_organisation(assessed(name, today=today), by=house)
    for name, role in (
        ("asha", Role.RESEARCHER),
        ("bryn", Role.OUTPUT_CHECKER),
        ("carys", Role.OUTPUT_CHECKER),
        ("greta", Role.CALDICOTT_GUARDIAN),
    ):
        haven.access.register_person(invented_person(name, "haven", {role}, today=today), by=house)
    haven.access.apply(load_document(PROJECT, ProjectFile), applicant="asha", by=person("asha"))
    make_live(haven.access, "blood-pressure")


def _approved_request(haven: Haven) -> str:
    context = json.loads(
        '{"purpose": "To decide where a clinic is needed most.", "description": "People with a reading, by sex alone.",'
        ' "population": "Everybody with a reading in the deliveries.", "count_column": "people",'
        ' "columns": {"sex": "As the practice records it", "people": "Distinct people, rounded to 5"}}'
    )
    table = b"sex,people\nF,905\nM,880\n"
    request = haven.airlock.submit("blood-pressure", "people.csv", table, context, by=person("asha"))
    for checker in ("bryn", "carys"):
        haven.airlock.decide(request.id, True, "", by=person(checker))
    return request.id
