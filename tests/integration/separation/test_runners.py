"""One contract for both adapters of `ZoneRunner`: in this process, and in a process behind its socket."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import struct
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

import polars as pl
import pyarrow as pa
import pytest

from access.keys import KeyRing
from audit.clock import FixedClock
from audit.progress import Progress, silent
from linkage.contracts.contract import DatasetContract, read_contract
from linkage.contracts.registry import SHIPPED
from linkage.errors import ZoneAway, ZoneBusy, ZoneError, ZoneForbids, ZoneUnsafe
from linkage.intake.at_the_door import IntakeAtTheDoor, ThroughTheDoor, agreed_contracts
from linkage.intake.manifest import MANIFEST, parse_manifest
from linkage.intake.pack import pack
from linkage.intake.reasons import Fault
from linkage.intake.receipt import Receipt
from linkage.intake.signing import Senders, new_signing_key
from linkage.intake.tables import IDENTIFIERS, random_row_keys
from linkage.matching.passing import plan_as_data
from linkage.matching.residual.errors import NothingToLearnFrom
from linkage.matching.residual.settling import LADDER_ONLY
from linkage.scopes.errors import ScopeUnbuildable
from linkage.separation.client import InTheirAccounts, ZonePlace
from linkage.separation.here import InThisProcess
from linkage.separation.ports import Answer, Asker, Named, Plain, ZoneRunner
from linkage.separation.processes import SERVED, in_own_zones
from linkage.separation.server import Do, ZoneServer
from linkage.separation.verbs import VERBS, verb_named
from linkage.separation.wire import HEAD, REQUEST
from linkage.specified.frozen import FrozenModel
from linkage.zones import ZonePlan, Zones
from tests.fakes.deliveries import ENGINEER, intact
from tests.fakes.evidence import demo_records
from tests.fakes.havens import START
from tests.fakes.installed import SCOPE

ME = os.geteuid()


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    """Zones of a new home."""
    return Zones(ZonePlan.under(tmp_path / "home"), KeyRing.open(tmp_path / "home" / "keys"), patience=0.1)


@contextmanager
def served(path: Path, do: Do, askers: dict[int, Asker]) -> Iterator[ZonePlace]:
    """A zone's server in a thread of this process."""
    with ZoneServer(path, askers, do) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield ZonePlace(path, ME)
        server.shutdown()
        thread.join()


@contextmanager
def behind_sockets(zones: Zones, folder: Path) -> Iterator[InTheirAccounts]:
    """Both processes; who asks is taken to be whoever may."""

    def as_whoever_may(do: Do) -> Do:
        def known(verb: str, _: Asker, arguments: Plain, tables: Iterator[Named], progress: Progress) -> Answer:
            return do(verb, verb_named(verb).asked_by, arguments, tables, progress)

        return known

    askers = {ME: Asker.ORCHESTRATOR}
    with (
        served(folder / "l.sock", as_whoever_may(in_own_zones("linkage", zones)), askers) as linkage,
        served(folder / "r.sock", as_whoever_may(in_own_zones("research", zones)), askers) as research,
    ):
        places = {"linkage": linkage, "quarantine": linkage, "research": research}
        yield InTheirAccounts(places, {name: verb.zone for name, verb in VERBS.items()}, folder, patience=0.1)


@pytest.fixture(params=["here", "there"])
def runner(request: pytest.FixtureRequest, zones: Zones, tmp_path: Path) -> Iterator[ZoneRunner]:
    """Each adapter in turn."""
    if request.param == "here":
        yield InThisProcess(zones)
        return
    with behind_sockets(zones, tmp_path) as there:
        yield there


def _rows(count: int, **columns: list[str | None]) -> pa.RecordBatchReader:
    texts = {name: pa.array(cells, pa.string()) for name, cells in columns.items()}
    table = pa.table({"row_key": random_row_keys(count), **texts})
    return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=7))


def _received(runner: ZoneRunner, count: int = 20) -> None:
    """One delivery of `count` people with payload, the same people in both zones."""
    names = [f"Name{n}" for n in range(count)]
    identity = _rows(count, surname=names, forenames=names, date_of_birth=["1960-02-03"] * count, local_id=names)
    rows = identity.read_all()
    runner.run("identity.put", {"delivery": "d1", "dataset": "gp"}, [("people", rows.to_reader())])
    payload = rows.select(["row_key"]).append_column("code", pa.array(["8480-6"] * count))
    payload = payload.append_column("value", pa.array([1.0] * count))
    kinds = {"gp_events": {"code": "code", "value": "decimal"}, "gp_empty": {"code": "code"}}
    empty = payload.slice(0, 0).select(["row_key", "code"])
    tables = [("gp_events", payload.to_reader(max_chunksize=7)), ("gp_empty", empty.to_reader())]
    runner.run("payload.put", {"delivery": "d1", "kinds": kinds}, iter(tables))


def _linked(runner: ZoneRunner, said: list[str]) -> None:
    plan = plan_as_data(LADDER_ONLY)
    asked = {"deliveries": ["d1"], "run": "00000000-0000-4000-8000-000000000001", "at": "2026-01-01T00:00:00+00:00",
             "registers": ["gp"], "plan": plan, "everybody": False, "test_range": True}  # fmt: skip
    runner.run("linkage.link", asked, progress=lambda step, *_: said.append(step))
    outcome = runner.run("linkage.outcome", {"applied": runner.run("research.applied").data["runs"]})
    assert set(outcome.tables) == {"links", "subjects", "changes"}
    assert set(outcome.tables["links"].column_names) == {"row_key", "subject", "person", "linked"}
    runner.run("research.move", {"deliveries": ["d1"]}, [(n, t.to_reader()) for n, t in outcome.tables.items()])


def test_rows_pass_and_are_linked(runner: ZoneRunner, zones: Zones) -> None:
    """What is put in batch by batch is there whole; links pass as row keys and numbers; progress is told."""
    said: list[str] = []
    _received(runner)
    assert runner.run("linkage.unlinked").data == {"deliveries": ["d1"]}
    _linked(runner, said)
    assert "standardising and tokenising" in said
    runner.run("linkage.drop_row_keys", {"deliveries": ["d1"]})
    assert runner.run("linkage.unlinked").data == {"deliveries": []}
    assert runner.run("research.linked").data == {"deliveries": ["d1"]}
    with zones.research(read_only=True) as zone:
        assert zone.execute("SELECT count(*), count(DISTINCT person) FROM gp_events").fetchall() == [(20, 20)]


def test_a_model_is_learned_where_the_records_are(runner: ZoneRunner) -> None:
    """Numbers and a card come out, no name; with nothing there the error says so; a sample is of subjects."""
    with pytest.raises(NothingToLearnFrom):
        runner.run("linkage.train", {"test_range": True})
    people = demo_records(600)
    for dataset in ("gp", "hospital"):
        rows = people.filter(pl.col("dataset") == dataset)
        texts = rows.select(name for name in IDENTIFIERS if name in rows.columns).to_arrow()
        identity = texts.append_column("row_key", random_row_keys(rows.height))
        runner.run("identity.put", {"delivery": "d1", "dataset": dataset}, [("people", identity.to_reader())])
    learned = runner.run("linkage.train", {"test_range": True}).data
    assert FrozenModel.model_validate(learned["model"]).prior > 0
    told = json.dumps(learned)
    assert not [name for name in people["surname"].unique() if name and len(name) > 3 and f'"{name}"' in told]
    _linked(runner, [])
    pairs = runner.run("linkage.sample", {"size": 5}).data["pairs"]
    assert len(pairs) == 5
    assert all(uuid.UUID(a) != uuid.UUID(b) for a, b, _ in pairs)


def test_a_scopes_file_comes_whole_and_encrypted(runner: ZoneRunner, zones: Zones, tmp_path: Path) -> None:
    """The file's bytes arrive piece by piece through the sink, open under the scope's key, and nothing stays behind."""
    from linkage.scopes.passing import key_as_data, scope_as_data, scope_of

    assert scope_of(scope_as_data(SCOPE)) == SCOPE
    _received(runner)
    _linked(runner, [])
    ring = zones.keyring
    asked = {"scope": scope_as_data(SCOPE), "project_key": key_as_data(ring.project_key("study")),
             "scope_key": ring.scope_file_key("study", 1), "current_build": None, "told": False}  # fmt: skip
    file = tmp_path / "scope.duckdb"

    def sink(name: str, pieces: pa.RecordBatchReader) -> None:
        file.write_bytes(b"".join(part for piece in pieces for part in piece.column(name).to_pylist()))

    answer = runner.run("scope.build", asked, sink=sink)
    assert answer.data["facts"]["rows"] == {"gp_events": 20}
    assert b"8480-6" not in file.read_bytes()
    build = answer.data["build"]
    assert runner.run("scope.build", asked | {"current_build": build}).data == {"build": build}
    assert list((tmp_path / "home" / "zones" / "research").glob(".scope-*")) == []


def test_errors_arrive_as_what_they_are(runner: ZoneRunner) -> None:
    """The class, the sentence and the way to mend it are the same from either side; an unknown verb is none."""
    from linkage.scopes.passing import scope_as_data

    asked = {"scope": scope_as_data(SCOPE), "current_build": None, "told": False, "scope_key": "",
             "project_key": {"key_id": "project/study", "version": 1, "key": "", "check_value": "0"}}  # fmt: skip
    with pytest.raises(ScopeUnbuildable, match="does not hold: gp_events") as refused:
        runner.run("scope.build", asked)
    assert "haven linkage run" in str(refused.value.mend)
    with pytest.raises(ZoneForbids, match="project's id"):
        runner.run("scope.build", asked | {"scope": asked["scope"] | {"project": "../linkage"}})
    with pytest.raises(ZoneForbids):
        runner.run("identity.read")


def test_half_a_table_is_no_table(runner: ZoneRunner, zones: Zones) -> None:
    """Where the rows end in an error, nothing of them is in the zone."""

    def broken() -> Iterator[pa.RecordBatch]:
        yield from _rows(10, surname=["a"] * 10).read_all().to_batches()
        raise OSError("the work file cannot be read")

    schema = pa.schema([("row_key", pa.uuid()), ("surname", pa.string())])
    rows = pa.RecordBatchReader.from_batches(schema, broken())
    with pytest.raises(Exception, match="work file"):
        runner.run("identity.put", {"delivery": "d1", "dataset": "gp"}, [("people", rows)])
    with zones.linkage(read_only=True) as zone:
        assert zone.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'identity'").fetchall() == [(0,)]


def test_the_locks_keep_two_runs_apart(runner: ZoneRunner) -> None:
    """Two linkage runs, or two publications of one project, never go at once; two projects' may."""
    with runner.one_linkage_at_a_time(), pytest.raises(ZoneError), runner.one_linkage_at_a_time():
        pass
    with runner.one_publication_at_a_time("a"), runner.one_publication_at_a_time("b"):
        pass


def test_the_quarantine_of_apart_accounts_keeps_no_row(zones: Zones, tmp_path: Path) -> None:
    """A row as it came, with identifiers and payload, is refused by the process; its place and reasons are kept."""
    place = {"file": ["f"], "tbl": ["t"], "row_number": [3], "reasons": [["value.not_allowed:x"]]}
    asked = {"delivery": "d1", "dataset": "gp"}
    with behind_sockets(zones, tmp_path) as there:
        with pytest.raises(ZoneForbids, match="not kept"):
            there.run("quarantine.put", asked, [("bad", pa.table({**place, "content": ["x"]}).to_reader())])
        there.run("quarantine.put", asked, [("bad", pa.table(place).to_reader())])
        rows = there.run("quarantine.rows", {"delivery": "d1"}).data["rows"]
    assert rows == [{"file": "f", "row": 3, "reasons": ["value.not_allowed:x"]}]


def test_with_real_data_one_process_does_nothing(tmp_path: Path) -> None:
    """A haven that holds real data does no verb in a process that could open both zones; it says what to install."""
    home = tmp_path / "home"
    plan = ZonePlan(home / "l", home / "r", home / "i", real_data=True)
    with pytest.raises(ZoneUnsafe, match="one account") as refused:
        InThisProcess(Zones(plan, KeyRing.open(home / "keys"))).run("linkage.unlinked")
    assert "haven accounts install" in str(refused.value.mend)


@pytest.mark.parametrize("process", SERVED)
def test_each_process_refuses_other_zones_and_other_askers(process: str, zones: Zones) -> None:
    """Every verb, from every asker: done only in its own zone, and only for who may ask; all else is refused."""
    do = in_own_zones(process, zones)
    for name, verb in VERBS.items():
        for asker in Asker:
            if verb.zone in SERVED[process] and verb.asked_by is asker:
                continue
            with pytest.raises(ZoneForbids):
                do(name, asker, {}, iter(()), lambda *_: None)


def test_an_account_that_is_not_known_is_answered_nothing(zones: Zones, tmp_path: Path) -> None:
    """Who asks is what the kernel says: an unknown account is refused before its request is read."""
    with served(tmp_path / "s", in_own_zones("linkage", zones), {ME + 1: Asker.ORCHESTRATOR}) as place:
        there = InTheirAccounts({"linkage": place}, {"linkage.unlinked": "linkage"}, tmp_path)
        with pytest.raises(ZoneForbids, match="may ask nothing"):
            there.run("linkage.unlinked")


def test_nothing_is_sent_to_another_accounts_process(zones: Zones, tmp_path: Path) -> None:
    """A process of another account in the zone's place is recognised, and no row is sent to it."""
    seen: list[str] = []

    def impostor(verb: str, *_: object) -> Answer:
        seen.append(verb)
        return Answer()

    with served(tmp_path / "s", impostor, {ME: Asker.ORCHESTRATOR}) as place:
        there = InTheirAccounts({"linkage": ZonePlace(place.socket, ME + 1)}, {"identity.put": "linkage"}, tmp_path)
        with pytest.raises(ZoneAway, match="Another account"):
            there.run("identity.put", {"delivery": "d", "dataset": "gp"}, [("people", _rows(1, surname=["a"]))])
    assert seen == []


@pytest.mark.parametrize(
    "sent",
    [
        HEAD.pack(REQUEST, 2**32 - 1),
        HEAD.pack(REQUEST, 4) + b"null",
        HEAD.pack(REQUEST, 3) + b"{}",
        HEAD.pack(b"T", 2) + b"{}",
        struct.pack(">cI", REQUEST, len(pickle.dumps({"verb": "x"}))) + pickle.dumps({"verb": "x"}),
        b"GET / HTTP/1.1\r\n\r\n",
        b"",
    ],
    ids=["too large", "no object", "cut short", "no request", "pickle", "HTTP", "nothing"],
)
def test_what_is_no_request_does_nothing(sent: bytes, zones: Zones, tmp_path: Path) -> None:
    """Frames that are too large, cut short, pickled or none at all end the connection; the process goes on serving."""
    with served(tmp_path / "s", in_own_zones("linkage", zones), {ME: Asker.ORCHESTRATOR}) as place:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect(str(place.socket))
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            with suppress(ConnectionResetError):
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer == b"" or answer[:1] == b"X"
        there = InTheirAccounts({"linkage": place}, {"linkage.unlinked": "linkage"}, tmp_path)
        assert there.run("linkage.unlinked").data == {"deliveries": []}


def test_the_intake_splits_by_the_agreed_contract_only(zones: Zones, tmp_path: Path) -> None:
    """A contract that calls an identifier payload is refused, whoever sends it; the agreed one, put there, is taken."""
    delivery, agreed_folder = intact(tmp_path / "gp1"), tmp_path / "contracts"
    agreed_folder.mkdir()
    text = (SHIPPED / "gp.yaml").read_text(encoding="utf-8")
    data = read_contract(text, "gp").model_dump(mode="json", by_alias=True, exclude_unset=True)
    number = next(one for one in data["files"][0]["columns"] if one["name"] == "nhs_number")
    number["role"] = "payload"
    del number["identifies"]
    changed = DatasetContract.model_validate(data)
    manifest = parse_manifest((delivery / MANIFEST).read_bytes())

    class Sent(InThisProcess):
        put: ClassVar[list[str]] = []

        def run(self, verb: str, *_: object, **__: object) -> Answer:
            self.put.append(verb)
            return Answer()

    door = IntakeAtTheDoor(tmp_path, Sent(zones), zones, FixedClock(START), agreed_contracts(agreed_folder))
    with served(tmp_path / "s", door.do, {ME: Asker.ORCHESTRATOR}) as place:
        there = ThroughTheDoor(place, tmp_path)
        with pytest.raises(ZoneForbids, match="does not know contract"):
            there.take_in(Receipt("d1", manifest, changed, delivery, ENGINEER), silent)
        assert Sent.put == []
        receipt = Receipt("d1", manifest, read_contract(text, "gp"), delivery, ENGINEER)
        there.take_in(receipt, silent)
    assert Sent.put == ["identity.put", "payload.put"]
    assert {file.table: file.rows for file in receipt.files} == {"gp_patients": 40, "gp_events": 80}


def test_a_sealed_delivery_is_refused_by_name_where_the_intake_reads(zones: Zones, tmp_path: Path) -> None:
    """The intake's process tells a sealed archive and says that mode B is not yet received there."""
    sealed = tmp_path / "one.age"
    sealed.write_bytes(b"age-encryption.org/v1\n-> X25519 x\n")
    door = IntakeAtTheDoor(tmp_path, InThisProcess(zones), zones, FixedClock(START), agreed_contracts(tmp_path))
    with served(tmp_path / "s", door.do, {ME: Asker.ORCHESTRATOR}) as place, pytest.raises(Fault) as refused:
        ThroughTheDoor(place, tmp_path).manifest(sealed)
    assert (refused.value.code, "mode B" in refused.value.what) == ("archive.sealed", True)


def test_an_unknown_account_is_refused_at_once_and_not_read(zones: Zones, tmp_path: Path) -> None:
    """It is answered and cut off before it has sent anything."""
    with (
        served(tmp_path / "s", in_own_zones("linkage", zones), {ME + 1: Asker.ORCHESTRATOR}) as place,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection,
    ):
        connection.settimeout(5)
        connection.connect(str(place.socket))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
        there = InTheirAccounts({"linkage": place}, {"linkage.unlinked": "linkage"}, tmp_path)
        with pytest.raises(ZoneForbids, match="may ask nothing"):
            there.run("linkage.unlinked", {"long": "x" * 5_000_000})
    assert (answer[:1], b"zone.forbids" in answer) == (b"X", True)


def test_no_more_conversations_than_there_is_room_for(
    zones: Zones, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One connection too many is told so; when one ends, there is room again."""
    monkeypatch.setattr("linkage.separation.server.MOST_AT_ONCE", 1)
    with served(tmp_path / "s", in_own_zones("linkage", zones), {ME: Asker.ORCHESTRATOR}) as place:
        there = InTheirAccounts({"linkage": place}, {"linkage.unlinked": "linkage"}, tmp_path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as idle:
            idle.connect(str(place.socket))
            with pytest.raises(ZoneBusy, match="too many"):
                there.run("linkage.unlinked")
        until = time.monotonic() + 5
        while time.monotonic() < until:
            with suppress(ZoneBusy):
                assert there.run("linkage.unlinked").data == {"deliveries": []}
                return
        pytest.fail("no room again")


def test_what_a_killed_receipt_had_unpacked_is_removed(zones: Zones, tmp_path: Path) -> None:
    """At the start of the intake's process, and before each delivery, an archive's too."""
    left, archive = tmp_path / "unpacked-1", tmp_path / "one.zip"

    def unpacked_before() -> None:
        left.mkdir()
        (left / "patients.csv").write_text("zqcanary", encoding="utf-8")

    shutil.make_archive(str(archive.with_suffix("")), "zip", intact(tmp_path / "gp1"))
    unpacked_before()
    door = IntakeAtTheDoor(tmp_path, InThisProcess(zones), zones, FixedClock(START), agreed_contracts(tmp_path))
    assert not left.exists()
    for path in (archive, tmp_path / "gp1"):
        unpacked_before()
        answer = door.do("intake.manifest", Asker.ORCHESTRATOR, {"path": str(path)}, iter(()))
        assert ("manifest" in answer.data, left.exists()) == (True, False)


def test_a_process_that_is_not_there_is_said_to_be_away(tmp_path: Path) -> None:
    """Nothing falls back to opening the zone here: it is refused, with what starts the process."""
    there = InTheirAccounts({"linkage": ZonePlace(tmp_path / "none", ME)}, {"linkage.unlinked": "linkage"}, tmp_path)
    with pytest.raises(ZoneAway, match="does not answer") as away:
        there.run("linkage.unlinked")
    assert "haven up" in str(away.value.mend)


def test_the_intakes_process_asks_for_the_controllers_signature(zones: Zones, tmp_path: Path) -> None:
    """With the controller's key in its folder an unsigned delivery is refused there, also when it is to be taken in."""
    delivery, keys = intact(tmp_path / "gp1"), tmp_path / "controllers"
    keys.mkdir()
    (keys / "gp.pub").write_text(new_signing_key(tmp_path / "gp.key"), encoding="ascii")
    door = IntakeAtTheDoor(
        tmp_path, InThisProcess(zones), zones, FixedClock(START), agreed_contracts(tmp_path), Senders(keys)
    )
    contract = read_contract((SHIPPED / "gp.yaml").read_text(encoding="utf-8"), "gp")
    with served(tmp_path / "s", door.do, {ME: Asker.ORCHESTRATOR}) as place:
        there = ThroughTheDoor(place, tmp_path)
        manifest = parse_manifest((delivery / MANIFEST).read_bytes())
        receipt = Receipt("d1", manifest, contract, delivery, ENGINEER)
        for ask in (lambda: there.manifest(delivery), lambda: there.take_in(receipt, silent)):
            with pytest.raises(Fault) as refused:
                ask()
            assert (refused.value.code, receipt.files) == ("signature.missing", [])
        pack(delivery, contract, name="gp1", sign=tmp_path / "gp.key")
        manifest, signed = there.manifest(delivery)
        assert signed
        receipt = Receipt("d1", manifest, contract, delivery, ENGINEER)
        there.take_in(receipt, silent)
    assert {file.table: file.rows for file in receipt.files} == {"gp_patients": 40, "gp_events": 80}


def test_the_intakes_process_holds_the_manifest_to_the_contract(zones: Zones, tmp_path: Path) -> None:
    """A delivery that was packed for another contract than it is to be taken in under is refused with both named."""
    delivery = intact(tmp_path / "gp1")
    door = IntakeAtTheDoor(tmp_path, InThisProcess(zones), zones, FixedClock(START), agreed_contracts(tmp_path))
    contract = read_contract((SHIPPED / "hospital.yaml").read_text(encoding="utf-8"), "hospital")
    receipt = Receipt("d1", parse_manifest((delivery / MANIFEST).read_bytes()), contract, delivery, ENGINEER)
    with served(tmp_path / "s", door.do, {ME: Asker.ORCHESTRATOR}) as place, pytest.raises(Fault) as refused:
        ThroughTheDoor(place, tmp_path).take_in(receipt, silent)
    assert refused.value.code == "manifest.contract"
    assert "gp 1" in refused.value.what
    assert "hospital 1" in refused.value.what
