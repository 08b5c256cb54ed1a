"""Deliveries over time: sent again, corrected, refused, taken back; killed at any moment; larger than memory."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.events import EventName
from linkage.contracts.registry import find_contract
from linkage.errors import DeliveryRefused, UnknownDelivery, ZoneBusy
from linkage.intake.held import OpenedDelivery
from linkage.intake.manifest import MANIFEST, parse_manifest
from linkage.intake.reasons import Fault
from linkage.intake.receipt import Receipt
from linkage.intake.service import REPEATED, quarantined_rows
from linkage.intake.unpack import opened_delivery
from linkage.store import all_deliveries
from linkage.zones import ZonePlan, Zones
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.damaged_rows import DAMAGES
from tests.fakes.deliveries import CANARY, ENGINEER, IntakeBench, as_csv, events, intact, patients, repack
from tests.fakes.havens import HOUSE
from tests.fakes.papers import agreement_with
from tests.fakes.people import assessed
from tests.fakes.receiving_process import bench_at

SERVICE = "linkage.intake.service"
IN_ZONES = "linkage.intake.in_zones"
MOMENTS = {
    "before the files are hashed": "linkage.intake.held:OpenedDelivery.held:1",
    "at the second file's rows": "linkage.intake.staging:Staging.add_good:2",
    "before rows are judged": "linkage.intake.staging:Staging.settle:1",
    "before identifiers are written": f"{IN_ZONES}:_insert:1",
    "between the two zones": f"{IN_ZONES}:_insert:2",
    "inside the research zone's transaction": f"{IN_ZONES}:_insert:3",
    "before the quarantine is written": f"{SERVICE}:DeliveryIntake._quarantine:1",
    "before the report": f"{SERVICE}:write_reports:1",
    "before the record": f"{SERVICE}:Receipt.record:1",
    "before what was replaced is removed": f"{SERVICE}:DeliveryIntake._remove_debris:2",
}
QUICK = {"between the two zones", "before what was replaced is removed"}
MEGABYTE = 1024 * 1024


@pytest.fixture
def bench(tmp_path: Path) -> IntakeBench:
    """A haven without deliveries."""
    return IntakeBench(tmp_path / "home")


def _names(bench: IntakeBench) -> list[tuple[str, str]]:
    with bench.records.read() as session:
        return [(delivery.name, delivery.state) for delivery in all_deliveries(session)]


def _events(bench: IntakeBench) -> list[str]:
    log = bench.records.log
    return [str(event.name) for event in log.events] if isinstance(log, MemoryAuditLog) else []


def _corrected(folder: Path, of: str, *, people: int = 30, name: str | None = None) -> Path:
    delivery = intact(folder, people=people)
    repack(delivery, name=name or folder.name, supersedes=of)
    return delivery


def test_the_log_keeps_on_which_papers_it_came_in(bench: IntakeBench, tmp_path: Path) -> None:
    """With the receipt: an agreement that is registered afterwards is no ground of what came in before."""
    bench.receive(intact(tmp_path / "before"))
    for name in ("gp", "haven"):
        bench.access.register_organisation(assessed(name), by=HOUSE)
    bench.access.register_agreement(agreement_with("gp", ["gp"]), by=HOUSE)
    bench.receive(intact(tmp_path / "after", people=31))
    log = bench.records.log
    assert isinstance(log, MemoryAuditLog)
    received = [event for event in log.events if event.name is EventName.DELIVERY_RECEIVED]
    assert [event.details["grounds"] for event in received] == [[], ["agreement gp-2026"]]


def test_the_same_delivery_twice_changes_nothing(bench: IntakeBench, tmp_path: Path) -> None:
    """The same content again, even under another name, is told to be in already; rows, records and reports stay."""
    first = bench.receive(intact(tmp_path / "one"))
    before = bench.state()
    again = bench.receive(tmp_path / "one")
    repack(tmp_path / "one", name="renamed")
    renamed = bench.receive(tmp_path / "one")
    assert [again.state, renamed.state] == [REPEATED, REPEATED]
    assert again.delivery == renamed.delivery == first.delivery
    assert again.rows == first.rows
    assert bench.state() == before
    assert _events(bench).count(EventName.DELIVERY_REPEATED) == 2
    assert "nothing was changed" in again.headline


def test_identity_and_payload_share_nothing_but_the_row_key(bench: IntakeBench, tmp_path: Path) -> None:
    """Identifiers lie in the linkage zone only, payload in the research zone only; children have their parent's key."""
    delivery = bench.receive(intact(tmp_path / "one")).delivery
    with bench.zones.linkage() as zone:
        people = dict(zone.execute("SELECT local_id, row_key FROM identity WHERE delivery = ?", [delivery]).fetchall())
        columns = {row[0] for row in zone.execute("DESCRIBE identity").fetchall()}
    with bench.zones.research() as zone:
        patient_keys = zone.execute("SELECT row_key FROM incoming_gp_patients").fetchall()
        by_key = dict(zone.execute("SELECT row_key, count(*) FROM incoming_gp_events GROUP BY 1").fetchall())
        payload = {row[0] for table in ("gp_patients", "gp_events") for row in
                   zone.execute(f"DESCRIBE incoming_{table}").fetchall()}  # fmt: skip
    assert set(people.values()) == {key for (key,) in patient_keys} == set(by_key)
    assert set(by_key.values()) == {2}
    assert columns & payload == {"delivery", "row_key", "sex"}  # sex is kept as it is coded, by the contract
    assert {"sex", "year_of_birth", "postcode_district"} <= payload
    assert not {"patient_id", "nhs_number", "surname", "forename", "date_of_birth", "postcode"} & payload


def test_row_keys_are_fresh_each_time(tmp_path: Path) -> None:
    """Two havens that receive the same delivery have no row key in common: keys are random, not derived."""
    delivery, seen = intact(tmp_path / "one"), []
    for home in ("a", "b"):
        bench = IntakeBench(tmp_path / home)
        bench.receive(delivery)
        with bench.zones.research() as zone:
            seen.append({str(key) for (key,) in zone.execute("SELECT row_key FROM incoming_gp_patients").fetchall()})
    assert len(seen[0]) == len(seen[1]) == 40
    assert not seen[0] & seen[1]
    assert all(key[14] == "4" and key[19] in "89ab" for key in seen[0] | seen[1])


def test_a_correction_replaces_by_name(bench: IntakeBench, tmp_path: Path) -> None:
    """A corrected delivery takes the place of the one it names; both are on record."""
    first = bench.receive(intact(tmp_path / "one"))
    second = bench.receive(_corrected(tmp_path / "two", "one"))
    assert second.supersedes == "one"
    assert sorted(_names(bench)) == [("one", "superseded"), ("two", "received")]
    assert bench.rows_of(first.delivery) == {"identity": 0, "gp_patients": 0, "gp_events": 0, "quarantine": 0}
    assert bench.rows_of(second.delivery) == {"identity": 30, "gp_patients": 30, "gp_events": 60, "quarantine": 0}
    assert EventName.DELIVERY_SUPERSEDED in _events(bench)


def test_a_superseded_delivery_sent_again_stays_superseded(bench: IntakeBench, tmp_path: Path) -> None:
    """What was superseded is not taken in again by being sent again; only a correction of the correction does that."""
    bench.receive(intact(tmp_path / "one"))
    bench.receive(_corrected(tmp_path / "two", "one"))
    before = bench.state()
    again = bench.receive(tmp_path / "one")
    assert again.state == REPEATED
    assert "counts no more" in again.headline
    assert bench.state() == before
    back = bench.receive(_corrected(tmp_path / "three", "two", people=40))
    assert back.supersedes == "two"
    assert back.rows == {"gp_patients": 40, "gp_events": 80}
    assert bench.receive(tmp_path / "three").delivery == back.delivery


def test_a_correction_may_keep_the_name(bench: IntakeBench, tmp_path: Path) -> None:
    """A correction of the same name that says so replaces the first; one that does not say so is refused."""
    bench.receive(intact(tmp_path / "one"))
    other = intact(tmp_path / "two", name="one", people=30)
    with pytest.raises(DeliveryRefused) as refusal:
        bench.receive(other)
    assert refusal.value.reason == "delivery.name_taken"
    repack(other, name="one", supersedes="one")
    assert bench.receive(other).rows["gp_patients"] == 30


def test_a_refused_correction_leaves_the_previous(bench: IntakeBench, tmp_path: Path) -> None:
    """A correction with too many bad rows is refused with its report; what it would replace counts as before."""
    bench.receive(intact(tmp_path / "one"))
    before, damage = bench.state(), next(d for d in DAMAGES if d.name == "all dates in ISO form")
    correction = _corrected(tmp_path / "two", "one", people=40)
    damage.make(correction)
    with pytest.raises(DeliveryRefused) as refusal:
        bench.receive(correction)
    assert bench.state() == before
    assert "yyyy-mm-dd" in str(refusal.value)
    assert "dd/mm/yyyy" in str(refusal.value)
    page, data = refusal.value.reports
    assert "date.other_form" in page.read_text(encoding="utf-8")
    report = json.loads(data.read_text(encoding="utf-8"))
    assert (report["state"], report["refused"]["reason"]) == ("refused", "delivery.too_many_bad_rows")
    assert sorted(_names(bench)) == [("one", "received"), ("two", "refused")]
    assert len(quarantined_rows(bench.zones, bench.records, "two")) == 80


def test_a_mended_delivery_is_received_after_its_refusal(bench: IntakeBench, tmp_path: Path) -> None:
    """A refusal stands in nobody's way: the same name with mended rows is received."""
    damage = next(d for d in DAMAGES if d.name == "columns shifted")
    damage.make(intact(tmp_path / "one"))
    with pytest.raises(DeliveryRefused):
        bench.receive(tmp_path / "one")
    bench.receive(intact(tmp_path / "mended" / "one"))
    assert sorted(_names(bench)) == [("one", "received"), ("one", "refused")]


def test_what_is_read_is_what_was_hashed(bench: IntakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that its sender still writes to after it was hashed is read as it was hashed, whatever is in it now."""
    delivery = intact(tmp_path / "one")
    original = type(bench.intake)._read_files

    def rewritten(receipt: Any, progress: Any) -> None:
        data = (delivery / "events.csv").read_bytes()
        (delivery / "events.csv").write_bytes(data.replace(b"8480-6", b"8462-4"))
        original(bench.intake, receipt, progress)

    monkeypatch.setattr(bench.intake, "_read_files", rewritten)
    bench.receive(delivery)
    with bench.zones.research() as zone:
        assert zone.execute("SELECT DISTINCT code FROM incoming_gp_events").fetchall() == [("8480-6",)]


def _other_bytes(delivery: Path) -> None:
    path = delivery / "events.csv"
    path.write_bytes(path.read_bytes().replace(b"8480-6", b"8462-4"))


def _a_link(delivery: Path) -> None:
    shutil.move(delivery / "events.csv", delivery.parent / "elsewhere.csv")
    (delivery / "events.csv").symlink_to(delivery.parent / "elsewhere.csv")


def _another_folder(delivery: Path) -> None:
    shutil.copytree(delivery, delivery.parent / "other")
    delivery.rename(delivery.parent / "was")
    (delivery.parent / "other").rename(delivery)
    _other_bytes(delivery)


@pytest.mark.parametrize(
    ("exchange", "reason"),
    [(_other_bytes, "file.altered"), (_a_link, "file.not_plain"), (_another_folder, None)],
    ids=["other bytes", "a link", "another folder in its place"],
)
def test_what_is_exchanged_after_the_manifest_was_read_is_not_taken(
    bench: IntakeBench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    exchange: Callable[[Path], None],
    reason: str | None,
) -> None:
    """A file exchanged between the look and the reading is refused; of an exchanged folder the one that was opened."""
    delivery = intact(tmp_path / "one")
    original = OpenedDelivery.held

    def exchanged(self: OpenedDelivery, manifest: Any) -> Any:
        exchange(delivery)
        return original(self, manifest)

    monkeypatch.setattr(OpenedDelivery, "held", exchanged)
    if reason is None:
        bench.receive(delivery)
        with bench.zones.research() as zone:
            assert zone.execute("SELECT DISTINCT code FROM incoming_gp_events").fetchall() == [("8480-6",)]
        return
    with pytest.raises(DeliveryRefused) as refusal:
        bench.receive(delivery)
    assert refusal.value.reason == reason
    assert _names(bench) == [("one", "refused")]


def test_the_manifest_is_held_to_the_contract_before_anything_is_read(bench: IntakeBench, tmp_path: Path) -> None:
    """Whoever takes a delivery in under another contract than it was packed for is told both, and no file is opened."""
    delivery = intact(tmp_path / "one")
    manifest = parse_manifest((delivery / MANIFEST).read_bytes())
    with opened_delivery(delivery, tmp_path) as opened:
        (delivery / "events.csv").unlink()
        for contract in (find_contract("hospital"), find_contract("gp").model_copy(update={"version": "2"})):
            receipt = Receipt("d", manifest, contract, delivery, ENGINEER, opened)
            with pytest.raises(Fault) as fault, receipt.files_held():
                pass
            assert (fault.value.code, "gp 1" in fault.value.what) == ("manifest.contract", True)


@pytest.mark.parametrize("form", ["zip", "gztar", "folder"])
def test_a_killed_receipt_leaves_no_clear_text(form: str, tmp_path: Path) -> None:
    """Killed while it reads: no name stands in any file below the home or the temporary folder, under whatever name."""
    delivery, scratch = intact(tmp_path / "sent" / "one"), tmp_path / "scratch"
    scratch.mkdir()
    path = Path(shutil.make_archive(str(delivery), form, delivery)) if form != "folder" else delivery
    died = _receive(tmp_path / "home", path, "linkage.intake.staging:Staging.settle:1", scratch=scratch)
    assert died.returncode == -signal.SIGKILL
    left = [one for top in ("home", "scratch") for one in (tmp_path / top).rglob("*") if one.is_file()]
    assert left
    assert [one.name for one in left if CANARY.encode() in one.read_bytes().lower()] == []


def test_two_receipts_at_once_wait_for_each_other(bench: IntakeBench, tmp_path: Path) -> None:
    """A second receipt is told that the intake is busy, and that nothing was changed."""
    impatient = IntakeBench(bench.home, bench.records)
    impatient.intake._work = Zones(ZonePlan.under(bench.home), bench.zones.keyring, patience=0.1)
    with bench.zones.one_delivery_at_a_time(), pytest.raises(ZoneBusy, match="intake"):
        impatient.receive(intact(tmp_path / "one"))
    assert impatient.receive(tmp_path / "one").rows["gp_patients"] == 40


def test_an_unknown_delivery_is_said_to_be_unknown(bench: IntakeBench) -> None:
    """Asking for the quarantine of a delivery that never came says how to find those that did."""
    with pytest.raises(UnknownDelivery, match="No delivery") as unknown:
        quarantined_rows(bench.zones, bench.records, "never")
    assert "haven delivery list" in str(unknown.value.mend)


def _receive(
    home: Path, delivery: Path, point: str = "", memory: str = "", scratch: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fakes.receiving_process", str(home), str(delivery), point, memory]
    env = {**os.environ, **({"TMPDIR": str(scratch)} if scratch else {})}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=env)


def _content(bench: IntakeBench) -> dict[str, Any]:
    """What counts, without what is random or of the moment: ids, row keys."""
    state = bench.state()
    ids = {each["id"]: each["name"] for each in state["received"]}
    with bench.zones.linkage() as zone:
        people = zone.execute("SELECT delivery, * EXCLUDE (delivery, row_key) FROM identity ORDER BY ALL").fetchall()
    with bench.zones.research() as zone:
        rows = zone.execute(
            "SELECT e.delivery, year_of_birth, e.* EXCLUDE (delivery, row_key)"
            " FROM incoming_gp_events e JOIN incoming_gp_patients p USING (row_key) ORDER BY ALL"
        ).fetchall()
    named = [[ids.get(delivery, "debris"), *rest] for delivery, *rest in [*people, *rows]]
    counts = {each["name"]: (each["rows"], each["quarantined"]) for each in state["received"]}
    return {"rows": named, "counts": counts, "leftovers": _leftovers(bench, set(ids))}


def _leftovers(bench: IntakeBench, received: set[str]) -> list[str]:
    intake = bench.home / "intake"
    found = [path.name for pattern in ("scratch-*", "unpacked-*") for path in intake.glob(pattern)]
    with bench.records.read() as session:
        known = {delivery.id for delivery in all_deliveries(session)}
    return found + [path.name for path in bench.intake.reports_folder.glob("*") if path.name not in known | received]


@pytest.mark.parametrize("moment", [pytest.param(m, marks=() if m in QUICK else pytest.mark.slow) for m in MOMENTS])
def test_a_killed_receipt_is_simply_run_again(moment: str, tmp_path: Path) -> None:
    """Killed at any moment and run again, the haven holds what it would hold if nothing had happened."""
    first = intact(tmp_path / "one")
    second = _corrected(tmp_path / "two", "one")
    next(d for d in DAMAGES if d.name == "a code not agreed").make(second)
    whole, killed = bench_at(tmp_path / "whole"), bench_at(tmp_path / "killed")
    for bench in (whole, killed):
        bench.receive(first)
    whole.receive(second)
    died = _receive(killed.home, second, MOMENTS[moment])
    assert died.returncode == -signal.SIGKILL, died.stderr
    survivors = [each["name"] for each in killed.state()["received"]]
    assert survivors == (["two"] if moment == "before what was replaced is removed" else ["one"])
    killed.receive(second)
    assert _content(killed) == _content(whole)
    assert _content(killed)["leftovers"] == []


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A file eight times as large needs little more memory: far less than what the file has grown by."""
    resident, size = [], []
    for name, times in (("small", 3), ("large", 25)):
        delivery = tmp_path / name
        delivery.mkdir()
        (delivery / "patients.csv").write_bytes(as_csv(patients(20_000)).encode())
        header, _, rows = as_csv(events(100_000, 20_000)).encode().partition(b"\r\n")
        (delivery / "events.csv").write_bytes(header + b"\r\n" + rows * times)
        repack(delivery)
        done = _receive(tmp_path / f"home-{name}", delivery, memory="128MB")
        told = json.loads(done.stdout)
        assert told["rows"] == {"gp_patients": 20_000, "gp_events": 100_000 * times}
        resident.append(told["resident"])
        size.append((delivery / "events.csv").stat().st_size)
    assert size[1] > 150 * MEGABYTE
    assert resident[1] - resident[0] < 0.7 * (size[1] - size[0])
