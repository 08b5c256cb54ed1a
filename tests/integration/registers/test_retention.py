"""A delivery's end, with real zones, linkage and log: its rows are gone and what was linked from them; proof stays."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.decisions import RefusedError
from access.keys.certificate import require_genuine
from access.keys.errors import KeyRingError
from access.people.model import Role
from audit.model import person
from audit.search import SearchIndex, Wanted
from infra.demo.people import make_deliveries
from infra.registers.gathering import gather
from infra.registers.sources import sources_of
from infra.retention import certificate_of, destroy_delivery
from infra.wiring.haven import Haven
from linkage.contracts.registry import find_contract
from linkage.intake.pack import pack
from linkage.intake.tables import deliveries_in
from tests.fakes.havens import HOUSE
from tests.fakes.people import assessed, invented_person
from tests.fakes.registers import agreement

ROOT = Path(__file__).resolve().parents[3]
LENA, ENGINEER = person("lena"), person("engineer")


@pytest.fixture(scope="module")
def haven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Haven]:
    """Two deliveries received and linked; the GP's agreement keeps them for a hundred days."""
    top = tmp_path_factory.mktemp("k")
    haven = Haven.at(top / "h")
    today = haven.clock.now().date()
    haven.access.register_organisation(assessed("haven", today=today), by=HOUSE)
    haven.access.register_person(invented_person("engineer", "haven", {Role.DATA_ENGINEER}, today=today), by=HOUSE)
    make_deliveries(top / "made", people=400, seed=3)
    for dataset in ("gp", "hospital"):
        pack(top / "made" / dataset, find_contract(dataset), name=f"{dataset}-first")
        haven.delivery_intake.receive(top / "made" / dataset, by=ENGINEER)
    haven.access.register_organisation(assessed("gp", today=today), by=HOUSE)
    haven.access.register_person(invented_person("lena", "haven", {Role.GOVERNANCE_LEAD}, today=today), by=HOUSE)
    haven.access.register_agreement(agreement(), by=HOUSE)
    haven.linker.link(by=ENGINEER)
    yield haven
    haven.records.engine.dispose()
    haven.audit_log.close()


def rows_of(haven: Haven, delivery: str) -> list[str]:
    """The tables of the zones that hold a row of this delivery."""
    found = []
    with haven.zones.linkage(read_only=True) as zone:
        tables = [str(name) for (name,) in zone.execute("SELECT table_name FROM duckdb_columns() WHERE"
                                                        " column_name = 'delivery'").fetchall()]  # fmt: skip
        found += [f"linkage.{one}" for one in tables if delivery in deliveries_in(zone, one)]
    with haven.zones.research(read_only=True) as zone:
        tables = [str(name) for (name,) in zone.execute("SELECT table_name FROM duckdb_columns() WHERE"
                                                        " column_name = 'delivery'").fetchall()]  # fmt: skip
        found += [f"research.{one}" for one in tables if delivery in deliveries_in(zone, one)]
    return found


def test_from_its_last_day_to_its_certificate(haven: Haven) -> None:
    """Not before its time without a reason; then gone from every table of both zones; certified once; public."""
    held = {one.held.name: one for one in haven.access.retentions()}
    gp, hospital = held["gp-first"], held["hospital-first"]
    assert (gp.until, hospital.until) == (gp.held.received_on + timedelta(days=100), None)
    assert rows_of(haven, gp.held.id)
    with pytest.raises(RefusedError, match="may be kept until"):
        destroy_delivery(haven, "gp-first", by=LENA)
    with pytest.raises(RefusedError, match="Nobody is registered"):
        destroy_delivery(haven, "gp-first", early="The controller asks for it.", by=person("asha"))
    others = rows_of(haven, hospital.held.id)
    made = destroy_delivery(haven, "gp-first", early="The controller asks for it.", by=LENA)
    assert rows_of(haven, gp.held.id) == []
    assert rows_of(haven, hospital.held.id) == others
    assert made == certificate_of(haven, "gp-first") == certificate_of(haven, gp.held.id)
    statement = made["statement"]
    assert (statement["agreement"], statement["early"]) == ("gp-2026", "The controller asks for it.")
    with pytest.raises(RefusedError, match="was destroyed"):
        destroy_delivery(haven, "gp-first", early="The controller asks for it.", by=LENA)
    register = gather(sources_of(haven))
    assert {one.dataset: one.state for one in register.deliveries} == {"gp": "destroyed", "hospital": "received"}
    assert all(one.log_entry is not None for one in register.deliveries)


def test_the_certificate_is_checked_by_anybody(haven: Haven) -> None:
    """It holds under the haven's key; changed, or under another key, it does not."""
    made = certificate_of(haven, "gp-first")
    public = haven.keyring.signing_key("certificate").public_key()
    require_genuine(made, public)
    changed = json.loads(json.dumps(made))
    changed["statement"]["destroyed_by"] = "person:somebody-else"
    for certificate, key in ((changed, public), (made, Ed25519PrivateKey.generate().public_key())):
        with pytest.raises(KeyRingError):
            require_genuine(certificate, key)


def test_the_log_tells_of_each_step_and_of_refusals(haven: Haven) -> None:
    """Refused twice, destroyed, certified; the entries name the delivery, and no row."""
    index = SearchIndex(haven.settings.audit_folder, haven.settings.home / "records" / "audit-index.db")
    names = [event.name.value for _, event in index.find(Wanted(verb="delivery")) if event.dataset == "gp"]
    assert [name for name in names if "destr" in name] == [
        "delivery.destroy_refused",
        "delivery.destroy_refused",
        "delivery.destroyed",
        "delivery.destruction_certified",
        "delivery.destroy_refused",
    ]


def test_what_was_destroyed_does_not_come_in_again(haven: Haven, tmp_path: Path) -> None:
    """The same content presented again changes nothing."""
    make_deliveries(tmp_path / "made", people=400, seed=3)
    pack(tmp_path / "made" / "gp", find_contract("gp"), name="gp-first")
    receipt = haven.delivery_intake.receive(tmp_path / "made" / "gp", by=ENGINEER)
    assert receipt.state == "repeated"
    assert "counts no more" in receipt.headline
    assert {one.held.name for one in haven.access.retentions() if not one.held.destroyed} == {"hospital-first"}


def test_a_destruction_that_was_cut_short_is_finished(haven: Haven, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped between the rows' end and the certificate, the same command goes on; the last delivery can go, too."""
    delivery = next(one.held.id for one in haven.access.retentions() if one.held.name == "hospital-first")
    with monkeypatch.context() as broken:
        broken.setattr("infra.retention._certify", _stopped)
        with pytest.raises(KeyboardInterrupt):
            destroy_delivery(haven, "hospital-first", early="The project is over.", by=LENA)
    with pytest.raises(RefusedError, match="No such delivery was destroyed"):
        certificate_of(haven, "hospital-first")
    destroy_delivery(haven, "hospital-first", early="The project is over.", by=LENA)
    assert certificate_of(haven, "hospital-first")["statement"]["delivery"] == delivery
    assert rows_of(haven, delivery) == []
    with haven.zones.linkage(read_only=True) as zone:
        assert zone.execute("SELECT count(*) FROM spine").fetchall() == [(0,)]


def _stopped(*_: object) -> None:
    raise KeyboardInterrupt


def test_the_command_line_lists_and_checks(haven: Haven, tmp_path: Path) -> None:
    """What is held and until when; the certificate as a file is genuine, of another delivery it is not this one's."""
    home = str(haven.settings.home)
    listed = _command("retention", "list", "--home", home, "--json")
    states = {one["name"]: one["certified"] for one in json.loads(listed.stdout)}
    assert states == {"gp-first": True, "hospital-first": True}
    file = tmp_path / "gp.json"
    file.write_text(_command("retention", "certificate", "gp-first", "--home", home).stdout)
    for name, status, told in (
        ("gp-first", 0, "Genuine.\n"),
        ("hospital-first", 65, "Genuine, and of another delivery.\n"),
    ):
        checked = _command("retention", "certificate", name, "--check", str(file), "--home", home)
        assert (checked.returncode, checked.stdout) == (status, told)
    refused = _command("retention", "destroy", "gp-first", "--home", home)
    assert refused.returncode == 77
    assert "retention.destroyed" in refused.stderr


def _command(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=400, check=False, cwd=ROOT)
