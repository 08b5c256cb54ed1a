"""One contract for both adapters of `ZoneRunner`: in this process, and in a process behind its socket."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import socket
import struct
import tarfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import polars as pl
import pyarrow as pa
import pyrage
import pytest

from access.keys import KeyRing, KeyRingError, KeyRole
from access.keys.errors import RecipientUnlisted, RoundDestroyed
from access.keys.rounds_here import RoundsHere
from audit.clock import FixedClock
from audit.progress import Progress, silent
from infra.accounts.serving import listed_recipients
from linkage.contracts.contract import DatasetContract, read_contract
from linkage.contracts.registry import SHIPPED
from linkage.errors import ZoneAway, ZoneBusy, ZoneError, ZoneForbids, ZoneUnsafe
from linkage.intake.at_the_door import IntakeAtTheDoor, ThroughTheDoor, agreed_contracts
from linkage.intake.manifest import MANIFEST, TokenManifest, parse_manifest
from linkage.intake.pack import pack
from linkage.intake.reasons import Fault
from linkage.intake.receipt import Receipt
from linkage.intake.signing import Senders, new_signing_key
from linkage.intake.tables import IDENTIFIERS, create_identity
from linkage.matching.decisions import MOST_PAIRS, RunPlan
from linkage.matching.engines.choice import LinkageEngine
from linkage.matching.engines.piece_tables import PieceSettings
from linkage.matching.engines.running_in_pieces import InPieces
from linkage.matching.passing import plan_as_data
from linkage.matching.records_to_link import prepare
from linkage.matching.residual.errors import NoModel, NothingToLearnFrom
from linkage.matching.residual.settling import prepare_residual
from linkage.scopes.errors import ScopeUnbuildable
from linkage.sealed.door import SealedDoor
from linkage.sealed.rounds import RoundsInTheZone
from linkage.separation.client import InTheirAccounts, ZonePlace
from linkage.separation.here import InThisProcess
from linkage.separation.ports import Answer, Asker, Named, Plain, ZoneRunner
from linkage.separation.processes import SERVED, in_own_zones
from linkage.separation.server import Do, ZoneServer
from linkage.separation.verbs import VERBS, verb_named
from linkage.separation.wire import HEAD, REQUEST
from linkage.standardise.specification import VERSION
from linkage.zones import ZonePlan, Zones
from tests.fakes.deliveries import ENGINEER, intact
from tests.fakes.evidence import demo_records
from tests.fakes.havens import START
from tests.fakes.installed import SCOPE
from tests.fakes.linkage_models import made_model

ME = os.geteuid()
IDENTITY = pyrage.x25519.Identity.generate()
RECIPIENT = str(IDENTITY.to_public())
OF_TOKENS = ("mode", "round", "round_version", "round_check", "specification", "invented", "content")
LADDER_ONLY = RunPlan()
TRAIN = {"test_range": True, "at": "2026-01-01T00:00:00+00:00"}


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
    rest = {name: pa.nulls(count, pa.string()) for name in IDENTIFIERS if name not in texts}
    table = pa.table({"row_key": _keys(count), **texts, **rest})
    return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=7))


def _keys(count: int) -> pa.Array[Any]:
    return pa.array([str(uuid.uuid4()) for _ in range(count)])


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


def _linked(runner: ZoneRunner, said: list[str], plan: RunPlan = LADDER_ONLY) -> None:
    asked = {"deliveries": ["d1"], "run": "00000000-0000-4000-8000-000000000001", "at": "2026-01-01T00:00:00+00:00",
             "registers": ["gp"], "plan": plan_as_data(plan), "everybody": False, "test_range": True}  # fmt: skip
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


def test_a_zones_process_links_on_the_engine_of_its_settings(zones: Zones, tmp_path: Path) -> None:
    """In pieces by processes of its own account: the same people, and nothing of it is left in the zone's folder."""
    exchange, ran = zones.folder("linkage") / ".exchange", []

    def in_pieces(zone: duckdb.DuckDBPyConnection, progress: Progress = silent) -> None:
        ran.append(zone)
        InPieces(PieceSettings(exchange, workers=1))(zone, progress)

    with behind_sockets(zones, tmp_path, engine=LinkageEngine("partitioned", in_pieces)) as runner:
        _received(runner)
        _linked(runner, [])
    assert len(ran) == 1
    assert not list(exchange.iterdir())
    with zones.research(read_only=True) as zone:
        assert zone.execute("SELECT count(*), count(DISTINCT person) FROM gp_events").fetchall() == [(20, 20)]


def test_a_model_is_learned_where_the_records_are(runner: ZoneRunner) -> None:
    """Digest and card come out, no number of the model, no name; linking names it by digest; samples are subjects."""
    with pytest.raises(NothingToLearnFrom):
        runner.run("linkage.train", TRAIN)
    people = _people_received(runner)
    learned = runner.run("linkage.train", TRAIN).data
    assert set(learned) == {"digest", "card", "made_for"}
    told = json.dumps(learned)
    assert not [name for name in people["surname"].unique() if name and len(name) > 3 and f'"{name}"' in told]
    _linked(runner, [], RunPlan(learned["digest"]))
    pairs = runner.run("linkage.sample", {"size": 5}).data["pairs"]
    assert len(pairs) == 5
    assert all(uuid.UUID(a) != uuid.UUID(b) for a, b, _ in pairs)
    with pytest.raises(ZoneForbids, match="this size"):
        runner.run("linkage.sample", {"size": 10**9})


def test_no_model_and_no_bounds_of_the_askers_own(runner: ZoneRunner) -> None:
    """A model that the zone does not keep, one that is sent, bounds that are sent: each is refused by every verb."""
    _received(runner)
    _linked(runner, [])
    plan = plan_as_data(LADDER_ONLY)
    wrong = [plan | {"model": made_model().model_dump(mode="json")}, plan | {"bounds": {"accept": 1.0, "ask": 0.0}}]
    asked = {"deliveries": ["d1"], "run": "00000000-0000-4000-8000-000000000002", "at": "2026-01-01T00:00:00+00:00",
             "registers": [], "everybody": True, "test_range": True}  # fmt: skip
    for verb in ("linkage.link", "linkage.measured"):
        for one in wrong:
            with pytest.raises(ZoneForbids, match="by its digest"):
                runner.run(verb, asked | {"plan": one})
        with pytest.raises(NoModel, match="does not hold") as refused:
            runner.run(verb, asked | {"plan": plan | {"model": "0" * 64}})
        assert "haven linkage train" in str(refused.value.mend)


def test_of_apart_accounts_only_whole_bits_leave(zones: Zones, tmp_path: Path) -> None:
    """In one process a doubtful pair tells each column's weight; where accounts are apart its whole bits, no more."""
    weights = []
    with zones.linkage() as zone:
        create_identity(zone)
        prepare(zone)
        prepare_residual(zone)
        zone.execute("INSERT INTO doubtful VALUES (uuid(), uuid(), 5.73, '{\"surname\": 9.81}', 'x', uuid())")
    with behind_sockets(zones, tmp_path) as there:
        for runner in (InThisProcess(zones), there):
            (pair,) = runner.run("linkage.told", {"told": []}).tables["doubtful"].to_pylist()
            weights.append((pair["weight"], json.loads(pair["fields"])))
    assert weights == [(5.73, {"surname": 9.81}), (5.0, {})]


def test_more_pairs_than_the_zone_allows_are_refused(zones: Zones, tmp_path: Path) -> None:
    """The budget is the zone's own settings': the asker may ask for less, and not for more."""
    do = in_own_zones("linkage", zones, most_pairs=MOST_PAIRS)
    with served(tmp_path / "s", do, {ME: Asker.ORCHESTRATOR}) as place:
        there = InTheirAccounts({"linkage": place}, {"linkage.measured": "linkage"}, tmp_path)
        with zones.linkage() as zone:
            create_identity(zone)
        plan = plan_as_data(RunPlan(most_pairs=MOST_PAIRS + 1))
        with pytest.raises(ZoneForbids, match="at most 20,000,000"):
            there.run("linkage.measured", {"plan": plan, "test_range": True})


def _people_received(runner: ZoneRunner) -> pl.DataFrame:
    """Two deliveries of the demo's people."""
    people = demo_records(600)
    for dataset in ("gp", "hospital"):
        rows = people.filter(pl.col("dataset") == dataset)
        identity = _rows(rows.height, **{name: rows[name].to_list() for name in IDENTIFIERS if name in rows.columns})
        runner.run("identity.put", {"delivery": "d1", "dataset": dataset}, [("people", identity)])
    return people


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

    whole = _rows(10, surname=["a"] * 10).read_all()

    def broken() -> Iterator[pa.RecordBatch]:
        yield from whole.to_batches()
        raise OSError("the work file cannot be read")

    rows = pa.RecordBatchReader.from_batches(whole.schema, broken())
    with pytest.raises((OSError, ZoneError), match=r"work file|damaged"):
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


@pytest.mark.parametrize("zone", ["linkage", "research", "review", "quarantine"])
def test_with_real_data_zones_of_one_process_do_not_open(tmp_path: Path, zone: str) -> None:
    """Whoever asks for them, also without a verb; a zone's own process, which knows no other, is not hindered by it."""
    ring = KeyRing.open(tmp_path / "keys")
    both = Zones(ZonePlan(tmp_path / "l", tmp_path / "r", tmp_path / "i", real_data=True), ring)
    own = Zones(ZonePlan(tmp_path / "l", tmp_path / "l", tmp_path / "l", real_data=True), ring)
    with pytest.raises(ZoneUnsafe, match="one account"), both.opener(zone)(read_only=True):
        pass
    with pytest.raises(ZoneUnsafe, match="no fit cipher"), own.opener(zone)(read_only=True):
        pass  # what stops it here is that the tests have no cipher for real data


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

    agreed, sealed = agreed_contracts(agreed_folder), SealedDoor(zones.keyring)
    door = IntakeAtTheDoor(tmp_path, Sent(zones), zones, FixedClock(START), agreed, sealed, Senders(tmp_path))
    with served(tmp_path / "s", door.do, {ME: Asker.ORCHESTRATOR}) as place:
        there = ThroughTheDoor(place, tmp_path)
        with pytest.raises(ZoneForbids, match="does not know contract"):
            there.take_in(Receipt("d1", manifest, changed, delivery, ENGINEER), silent)
        assert Sent.put == []
        receipt = Receipt("d1", manifest, read_contract(text, "gp"), delivery, ENGINEER)
        there.take_in(receipt, silent)
    assert Sent.put == ["identity.put", "payload.put"]
    assert {file.table: file.rows for file in receipt.files} == {"gp_patients": 40, "gp_events": 80}


@pytest.fixture(params=["here", "there"])
def rounds(request: pytest.FixtureRequest, zones: Zones, tmp_path: Path) -> Iterator[RoundsHere | RoundsInTheZone]:
    """Where the rounds' keys lie: each adapter in turn."""
    if request.param == "here":
        yield RoundsHere(zones.keyring.rounds)
        return
    with behind_sockets(zones, tmp_path, listed=lambda one: one == RECIPIENT) as there:
        yield RoundsInTheZone(there)


def test_a_rounds_key_leaves_sealed_only_and_ends_for_good(rounds: RoundsHere | RoundsInTheZone, zones: Zones) -> None:
    """Made, found by its sign, opened by its recipient, destroyed: the name is spent; one forgotten stays free."""
    made = rounds.create("census")
    assert rounds.find("census") == made
    assert rounds.find("none") is None
    held = json.loads(pyrage.decrypt(rounds.sealed("census", RECIPIENT), [IDENTITY]))
    assert (held["check_value"], held["key"]) == (made.check_value, zones.keyring.token_key("census").key.hex())
    assert rounds.destroy("census")
    for refused in (lambda: rounds.find("census"), lambda: rounds.sealed("census", RECIPIENT)):
        with pytest.raises(RoundDestroyed, match="compared with nothing"):
            refused()
    with pytest.raises(KeyRingError, match="there before"):
        rounds.create("census")
    rounds.create("other")
    rounds.forget("other")
    assert rounds.find("other") is None
    assert rounds.create("other")


def test_nobody_takes_or_ends_the_standing_round(rounds: RoundsHere | RoundsInTheZone, zones: Zones) -> None:
    """The spine's key is neither sealed nor erased nor named, whoever asks; it is there afterwards."""
    key = zones.keyring.token_key("spine")
    tries: list[Callable[[], object]] = [
        lambda: rounds.create("spine"),
        lambda: rounds.sealed("spine", RECIPIENT),
        lambda: rounds.destroy("spine"),
        lambda: rounds.forget("spine"),
        lambda: rounds.sealed("../roles", RECIPIENT),
    ]
    for one in tries:
        with pytest.raises(KeyRingError):
            one()
    assert rounds.find("spine") is None
    assert zones.keyring.token_key("spine") == key


@pytest.mark.skipif(ME != 0, reason="the list is root's")
def test_a_rounds_key_is_sealed_for_nobody_whom_root_has_not_listed(zones: Zones, tmp_path: Path) -> None:
    """Neither in a process without a list nor for another than the listed; root lists a recipient without a restart."""
    listed = listed_recipients(tmp_path / "controllers")
    (tmp_path / "controllers").mkdir()
    with behind_sockets(zones, tmp_path) as there:
        rounds = RoundsInTheZone(there)
        rounds.create("census")
        with pytest.raises(RecipientUnlisted):
            rounds.sealed("census", RECIPIENT)
    with behind_sockets(zones, tmp_path, listed=listed) as there:
        rounds = RoundsInTheZone(there)
        with pytest.raises(RecipientUnlisted, match="sealed for nobody else") as refused:
            rounds.sealed("census", RECIPIENT)
        assert "zones/controllers" in str(refused.value.mend)
        (tmp_path / "controllers" / "gp.recipient").write_text(f"# the practice\n{RECIPIENT}\n", encoding="utf-8")
        assert pyrage.decrypt(rounds.sealed("census", RECIPIENT), [IDENTITY])
        with pytest.raises(RecipientUnlisted):
            rounds.sealed("census", RECIPIENT[:-1])


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("round.unknown", {"round": "second"}),
        ("round.unknown", {"round": "spine"}),
        ("round.destroyed", {"round": "gone"}),
        ("round.wrong_key", {"round_check": "0" * 16}),
        ("round.wrong_key", {"round_version": 2}),
        ("round.specification", {"specification": "1999.1"}),
        ("file.missing", {}),
    ],
)
def test_the_intake_opens_a_sealed_delivery_and_looks_at_its_round(
    zones: Zones, tmp_path: Path, code: str, said: dict[str, object]
) -> None:
    """It is opened with the intake's key alone and its round asked of the linkage zone; each fault has its reason."""
    keys = zones.keyring.rounds
    made = keys.create("first")
    keys.create("gone")
    keys.destroy("gone")
    with behind_sockets(zones, tmp_path) as there:
        door = _door(zones, tmp_path, there)
        with served(tmp_path / "s", door.do, {ME: Asker.ORCHESTRATOR}) as place:
            at_the_door = ThroughTheDoor(place, tmp_path)
            path = _sealed(tmp_path, at_the_door.recipient, {"round_check": made.check_value, **said})
            manifest, _ = at_the_door.manifest(path)
            assert isinstance(manifest, TokenManifest)
            contract = read_contract((SHIPPED / "gp.yaml").read_text(encoding="utf-8"), "gp")
            with pytest.raises(Fault) as refused:
                at_the_door.take_in(Receipt("d1", manifest, contract, path, ENGINEER), silent)
    assert refused.value.code == code
    assert not list(tmp_path.glob("unpacked-*"))


def test_the_intake_refuses_tokens_in_clear_and_what_is_sealed_for_others(zones: Zones, tmp_path: Path) -> None:
    """A manifest of tokens in an open archive, one of identifiers in a sealed one, and another haven's delivery."""
    door = _door(zones, tmp_path, InThisProcess(zones))
    with served(tmp_path / "s", door.do, {ME: Asker.ORCHESTRATOR}) as place:
        at_the_door = ThroughTheDoor(place, tmp_path)
        told = {
            "archive.not_for_us": _sealed(tmp_path, RECIPIENT, {}),
            "tokens.sealed": _tar(tmp_path, {}),
            "manifest.invalid": _sealed(tmp_path, at_the_door.recipient, dict.fromkeys(OF_TOKENS)),
        }
        for code, path in told.items():
            with pytest.raises(Fault) as refused:
                at_the_door.manifest(path)
            assert refused.value.code == code


def _door(zones: Zones, folder: Path, runner: ZoneRunner, senders: Senders | None = None) -> IntakeAtTheDoor:
    """An intake's process whose key ring opens sealed deliveries and derives nothing else."""
    sealed = SealedDoor(zones.keyring.only(KeyRole.INTAKE), rounds=RoundsInTheZone(runner))
    known = senders or Senders(folder)
    return IntakeAtTheDoor(folder, runner, zones, FixedClock(START), agreed_contracts(folder), sealed, known)


def _tar(folder: Path, said: dict[str, object]) -> Path:
    """A delivery of tokens that has nothing but its manifest."""
    file = {"name": "tokens-gp_patients.parquet", "sha256": "0" * 64, "bytes": 1, "rows": 1}
    data = {"name": "one", "dataset": "gp", "controller": "gp", "contract_version": "1", "files": [file]}
    data |= {"mode": "tokens", "round": "first", "round_version": 1, "round_check": "1" * 16}
    data |= {"specification": VERSION, "invented": True, "content": "2" * 64, **said}
    text = json.dumps({name: one for name, one in data.items() if one is not None}).encode()
    path = folder / f"{uuid.uuid4()}.tar"
    with tarfile.open(path, "w") as archive:
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    return path


def _sealed(folder: Path, recipient: str, said: dict[str, object]) -> Path:
    """The same, sealed."""
    tar = _tar(folder, said)
    path = tar.with_suffix(".age")
    path.write_bytes(pyrage.encrypt(tar.read_bytes(), [pyrage.x25519.Recipient.from_str(recipient)]))
    return path


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
    monkeypatch.setattr("linkage.separation.server.MOST_AT_ONCE", dict.fromkeys(Asker, 1))
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
    door = _door(zones, tmp_path, InThisProcess(zones))
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
    door = _door(zones, tmp_path, InThisProcess(zones), Senders(keys))
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
    door = _door(zones, tmp_path, InThisProcess(zones))
    contract = read_contract((SHIPPED / "hospital.yaml").read_text(encoding="utf-8"), "hospital")
    receipt = Receipt("d1", parse_manifest((delivery / MANIFEST).read_bytes()), contract, delivery, ENGINEER)
    with served(tmp_path / "s", door.do, {ME: Asker.ORCHESTRATOR}) as place, pytest.raises(Fault) as refused:
        ThroughTheDoor(place, tmp_path).take_in(receipt, silent)
    assert refused.value.code == "manifest.contract"
    assert "gp 1" in refused.value.what
    assert "hospital 1" in refused.value.what
