"""The intake's own process: by whose contract, under whose signature, and with which keys it takes a delivery in."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import uuid
from pathlib import Path
from typing import ClassVar

import pyrage
import pytest

from access.keys import KeyRole
from audit.clock import FixedClock
from audit.progress import silent
from linkage.contracts.contract import DatasetContract, read_contract
from linkage.contracts.registry import SHIPPED
from linkage.errors import ZoneForbids
from linkage.intake.at_the_door import IntakeAtTheDoor, ThroughTheDoor, agreed_contracts
from linkage.intake.manifest import MANIFEST, TokenManifest, parse_manifest
from linkage.intake.pack import pack
from linkage.intake.reasons import Fault
from linkage.intake.receipt import Receipt
from linkage.intake.signing import Senders, new_signing_key
from linkage.sealed.door import SealedDoor
from linkage.sealed.rounds import RoundsInTheZone
from linkage.separation.here import InThisProcess
from linkage.separation.ports import Answer, Asker, ZoneRunner
from linkage.standardise.specification import VERSION
from linkage.zones import Zones
from tests.fakes.deliveries import ENGINEER, intact
from tests.fakes.havens import START
from tests.fakes.zone_processes import ME, behind_sockets, served

RECIPIENT = str(pyrage.x25519.Identity.generate().to_public())
OF_TOKENS = ("mode", "round", "round_version", "round_check", "specification", "invented", "content")


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


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("round.unknown", {"round": "second"}),
        ("round.unknown", {"round": "spine"}),
        ("round.destroyed", {"round": "gone"}),
        ("round.wrong_key", {"round_check": "0" * 16}),
        ("round.wrong_key", {"round_version": 2}),
        ("round.dataset", {"round": "others"}),
        ("round.specification", {"specification": "1999.1"}),
        ("file.missing", {}),
    ],
)
def test_the_intake_opens_a_sealed_delivery_and_looks_at_its_round(
    zones: Zones, tmp_path: Path, code: str, said: dict[str, object]
) -> None:
    """It is opened with the intake's key alone and its round asked of the linkage zone; each fault has its reason."""
    keys = zones.keyring.rounds
    made = keys.create("first", ["gp"])
    keys.create("gone")
    keys.destroy("gone")
    others = keys.create("others", ["hospital", "deaths"])
    if said.get("round") == "others":
        said = {**said, "round_check": others.check_value}
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
