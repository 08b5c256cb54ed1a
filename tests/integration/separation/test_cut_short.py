"""kill -9 and a full disk between the accounts: the orchestrator is told, nothing half counts; again it is whole."""

from __future__ import annotations

import errno
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from audit.events import EventName
from audit.model import service
from linkage.contracts.catalogue import into_catalogue
from linkage.contracts.registry import Contracts
from linkage.errors import LinkageError, NoRoom, ZoneAway, ZoneError
from linkage.intake.at_the_door import ThroughTheDoor
from linkage.intake.service import DeliveryIntake
from linkage.matching.engines.choice import LinkageEngine
from linkage.matching.service import Linker
from linkage.private_folders import EXCHANGE
from linkage.scopes.service import ScopeDraft, ScopePublisher
from linkage.separation.client import InTheirAccounts
from linkage.separation.ports import Answer, Asker, ZoneRunner
from linkage.store import received_deliveries
from linkage.zones import count
from tests.fakes.deliveries import ENGINEER, intact
from tests.fakes.dying_part import PARTITIONED, in_pieces, in_their_places, part
from tests.fakes.gates import OpenGate
from tests.fakes.havens import with_engineer
from tests.fakes.installed import SCOPE
from tests.fakes.little_disk import no_file_above
from tests.fakes.people_to_learn_from import PEOPLE, deliver_people
from tests.fakes.zone_processes import ME, behind_sockets, served
from tests.fakes.zones import LinkageBench

BY = service("test")
SERVICE = "linkage.matching.service"
KILLED = {
    "linkage, as it writes who is whom": ("linkage", f"{SERVICE}:write_links:1"),
    "linkage, with its ladder in pieces": (PARTITIONED, "linkage.matching.engines.piece_tables:PieceTables.keep:4"),
    "research, as payload moves": ("research", "linkage.matching.in_zones:move_table:1"),
    "research, before its zone takes its place": ("research", "linkage.zones:_switch:1"),
}


@pytest.fixture
def bench(tmp_path: Path) -> LinkageBench:
    """Two deliveries that wait to be linked, in the zones; the orchestrator's records are the test's."""
    bench = LinkageBench(tmp_path / "home")
    deliver_people(bench)
    return bench


def _linker(bench: LinkageBench, runner: ZoneRunner) -> Linker:
    return Linker(runner, bench.keyring, bench.records, bench.home / "reports")


def _exchange(bench: LinkageBench) -> list[str]:
    folder = bench.home / "zones" / "linkage" / EXCHANGE
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def _linked_whole(bench: LinkageBench) -> None:
    """Everybody of both deliveries is one person in both zones, and nothing lies about."""
    persons = bench.persons()
    assert len(persons) == 2 * PEOPLE
    assert all(persons[f"g{n}"] == persons[f"h{n}"] for n in range(PEOPLE))
    with bench.zones.research(read_only=True) as zone:
        for table in ("gp_patients", "episodes"):
            assert count(zone, f"SELECT count(person) FROM {table}") == PEOPLE
    assert _exchange(bench) == []
    assert not list((bench.home / "zones").rglob(".*.next*"))


@pytest.mark.parametrize("case", KILLED)
def test_a_zone_that_is_killed_is_told_and_linked_again(bench: LinkageBench, tmp_path: Path, case: str) -> None:
    """The orchestrator hears that the other process is gone, the log that the run failed; again it ends well."""
    name, point = KILLED[case]
    sockets = {"linkage": tmp_path / "l.sock", PARTITIONED: tmp_path / "l.sock", "research": tmp_path / "r.sock"}
    other = "linkage" if name == "research" else "research"
    with part(other, bench.home, sockets[other]):
        with part(name, bench.home, sockets[name], point) as dying:
            with pytest.raises(ZoneAway, match="ended the connection") as told:
                _linker(bench, in_their_places(tmp_path)).link(by=BY)
            assert dying.ended() == -signal.SIGKILL
        assert "run the command again" in str(told.value.mend)
        assert bench.records.log.events[-1].name == EventName.LINKAGE_FAILED  # type: ignore[attr-defined]
        assert bool(_exchange(bench)) == (name == PARTITIONED), "the case does not show what it is for"
        with part(name, bench.home, sockets[name]):
            assert not _linker(bench, in_their_places(tmp_path)).link(by=BY).nothing_new
    _linked_whole(bench)


@pytest.mark.parametrize(
    ("dies", "point"),
    [
        ("intake", "linkage.intake.splitting:Splitting._put_payload:1"),
        ("linkage+intake", "linkage.intake.in_zones:_insert:1"),
        ("research+intake", "linkage.zones:_switch:1"),
    ],
)
def test_a_delivery_on_its_way_through_the_accounts(tmp_path: Path, dies: str, point: str) -> None:
    """Whichever process is killed, nothing of the delivery is received, and received again it is there once."""
    bench, delivery = LinkageBench(tmp_path / "home"), intact(tmp_path / "gp1")
    access = with_engineer(bench.records)
    contracts = Contracts(bench.records, into_catalogue(access))
    sockets = {"linkage+intake": tmp_path / "l.sock", "research+intake": tmp_path / "r.sock", "intake": tmp_path / "i"}

    def receive(dying: str) -> dict[str, int]:
        with ExitStack() as open_parts:
            parts = {
                name: open_parts.enter_context(part(name, bench.home, socket, point if name == dying else ""))
                for name, socket in sockets.items()
            }
            door = ThroughTheDoor(parts["intake"].place, tmp_path)
            intake = DeliveryIntake(
                bench.home / "orchestrator", bench.zones, bench.records, contracts, access, door=door
            )
            try:
                return intake.receive(delivery, by=ENGINEER).rows
            finally:
                if dying:
                    assert parts[dying].ended() == -signal.SIGKILL

    with pytest.raises(ZoneAway, match="ended the connection"):
        receive(dies)
    with bench.records.read() as session:
        assert received_deliveries(session) == []
    assert receive("") == {"gp_patients": 40, "gp_events": 80}
    with bench.zones.linkage(read_only=True) as zone:
        assert count(zone, "SELECT count(*) FROM identity") == 40
    with bench.zones.research(read_only=True) as zone:
        assert count(zone, "SELECT count(*) FROM incoming_gp_events") == 80
    assert not [path for path in bench.home.rglob("*") if ".next" in path.name or path.name.startswith("scratch-")]


@pytest.fixture(params=["duckdb", PARTITIONED])
def engine(request: pytest.FixtureRequest, bench: LinkageBench) -> LinkageEngine | None:
    """On which the linkage zone's process links."""
    return in_pieces(bench.home) if request.param == PARTITIONED else None


def test_a_full_disk_of_a_zone_is_told_to_the_orchestrator(
    bench: LinkageBench, tmp_path: Path, engine: LinkageEngine | None
) -> None:
    """As the zone says it, with how to mend it; the zone stays as it was, the exchange is empty; again it ends well."""
    file = bench.home / "zones" / "linkage" / "linkage.duckdb"
    before = file.read_bytes()
    with behind_sockets(bench.zones, tmp_path, engine=engine) as runner:
        linker = _linker(bench, runner)
        limit = len(before) + 20_000
        with no_file_above(limit), pytest.raises(LinkageError) as told:
            linker.link(by=BY)
        words = f"{told.value.what} {told.value.mend}"
        assert "full" in words
        assert "as it was" in words
        assert "again" in words
        assert file.read_bytes() == before
        assert _exchange(bench) == []
        linker.link(by=BY)
    _linked_whole(bench)


@pytest.fixture
def linked(bench: LinkageBench) -> Iterator[LinkageBench]:
    """Linked, with payload for the scope."""
    rows = [{"local_id": f"e{n}", "surname": "Amin", "forenames": "Ada", "date_of_birth": f"1950-01-{1 + n:02d}",
             "code": "a", "value": 1.0} for n in range(20)]  # fmt: skip
    bench.deliver("gp", "gp_events", rows, {"code": "VARCHAR", "value": "DOUBLE"})
    bench.linker.link(by=BY)
    yield bench
    for folder in (bench.home / "scopes").glob("*"):
        folder.chmod(0o700)


def test_a_full_disk_where_a_scope_arrives_is_told(
    linked: LinkageBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The research zone built it, the orchestrator has no room: no half file; published again it is whole."""
    write = ScopeDraft.write

    def in_little_room(draft: ScopeDraft, *given: object) -> None:
        with no_file_above(10_000):
            write(draft, *given)  # type: ignore[arg-type]

    with behind_sockets(linked.zones, tmp_path) as runner:
        place = linked.home / "scopes"
        publisher = ScopePublisher(runner, linked.keyring, linked.records, place, gate=OpenGate())
        with monkeypatch.context() as patched:
            patched.setattr(ScopeDraft, "write", in_little_room)
            with pytest.raises(NoRoom, match="no room for the project's new file") as told:
                publisher.publish(SCOPE, by=BY)
        assert told.value.where == str(place / SCOPE.project)
        assert [path for path in place.rglob("*") if path.is_file()] == []
        published = publisher.publish(SCOPE, by=BY)
        assert (published.unchanged, published.rows) == (False, {"gp_events": 20})
    assert len([path for path in place.rglob("*") if path.is_file()]) == 1


def test_a_full_disk_that_no_zone_tells_of_is_no_fault_of_its_process(tmp_path: Path) -> None:
    """Whatever the verb was doing: the asker hears it as it is, and not of a failure to be reported."""

    def without_room(*_: object) -> Answer:
        raise OSError(errno.ENOSPC, "No space left on device")

    with served(tmp_path / "s", without_room, {ME: Asker.ORCHESTRATOR}) as place:
        there = InTheirAccounts({"linkage": place}, {"linkage.unlinked": "linkage"}, tmp_path)
        with pytest.raises(NoRoom, match="full") as told:
            there.run("linkage.unlinked")
    assert "Make room" in str(told.value.mend)


def test_a_full_disk_while_a_zone_learns_is_told(bench: LinkageBench, tmp_path: Path) -> None:
    """What a verb meets outside its zone's file is no fault of the process either."""
    asked = {"test_range": True, "at": "2026-01-01T00:00:00+00:00"}
    with behind_sockets(bench.zones, tmp_path) as runner:
        with no_file_above(1_000), pytest.raises(ZoneError, match="stays as it was") as told:
            runner.run("linkage.train", asked)
        assert "Make room" in str(told.value.mend)
        assert runner.run("linkage.train", asked).data["digest"]
