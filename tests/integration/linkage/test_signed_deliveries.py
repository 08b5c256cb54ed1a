"""Whose delivery is it? Signed by its controller, or not taken where the controller has a key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from linkage.contracts.registry import find_contract
from linkage.errors import DeliveryRefused
from linkage.intake.manifest import MANIFEST
from linkage.intake.pack import pack
from linkage.intake.service import REPEATED
from linkage.intake.signing import SIGNATURE, Senders, new_signing_key, read_signing_key, signature_of
from linkage.store import all_deliveries
from tests.fakes.deliveries import IntakeBench, intact
from tests.integration.linkage.test_commands import Commands


class SignedBench(IntakeBench):
    """An intake that knows the key of the controller `gp`, whose own file lies at `desk`."""

    desk: Path

    def __post_init__(self) -> None:
        super().__post_init__()
        self.intake._senders = Senders(self.home / "zones" / "controllers")
        self.desk = self.home.parent / "gp.key"
        self.register("gp", new_signing_key(self.desk))

    def register(self, controller: str, *lines: str) -> None:
        """Put public keys where the haven looks for them."""
        folder = self.home / "zones" / "controllers"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{controller}.pub").write_text("\n".join(lines) + "\n", encoding="ascii")

    def refused(self, path: Path) -> str:
        """The reason."""
        with pytest.raises(DeliveryRefused) as refusal:
            self.receive(path)
        return refusal.value.reason


@pytest.fixture
def bench(tmp_path: Path) -> SignedBench:
    """A haven without deliveries, and one controller's key."""
    return SignedBench(tmp_path / "home")


def _signed(
    bench: SignedBench, folder: Path, *, people: int = 40, supersedes: str | None = None, name: str = ""
) -> Path:
    if not folder.exists():
        intact(folder, people=people)
    pack(folder, find_contract("gp"), name=name or folder.name, supersedes=supersedes, sign=bench.desk)
    return folder


def test_a_signed_delivery_is_received_and_its_repetition_changes_nothing(bench: SignedBench, tmp_path: Path) -> None:
    """With the controller's signature it is taken in; the same once more is told to be in already."""
    delivery = _signed(bench, tmp_path / "one")
    assert bench.receive(delivery).rows["gp_patients"] == 40
    assert bench.receive(delivery).state == REPEATED


def test_an_unsigned_delivery_is_refused_before_a_file_is_opened(bench: SignedBench, tmp_path: Path) -> None:
    """Nothing but the manifest is read: a delivery without its files has the same answer, and leaves no record."""
    delivery = intact(tmp_path / "one")
    (delivery / "events.csv").unlink()
    assert bench.refused(delivery) == "signature.missing"
    with bench.records.read() as session:
        assert list(all_deliveries(session)) == []
    assert bench.intake._access.datasets() == {}  # nor did its contract come into force


def test_a_signature_of_another_key_or_another_manifest_is_wrong(bench: SignedBench, tmp_path: Path) -> None:
    """Signed by a stranger, moved from another delivery, made for another use, or not a signature at all."""
    delivery = _signed(bench, tmp_path / "one")
    good, manifest = (delivery / SIGNATURE).read_bytes(), (delivery / MANIFEST).read_bytes()
    new_signing_key(tmp_path / "stranger.key")
    stranger, own = read_signing_key(tmp_path / "stranger.key"), read_signing_key(bench.desk)
    other = _signed(bench, tmp_path / "two", people=30)
    for wrong in (
        signature_of(manifest, stranger),
        (other / SIGNATURE).read_bytes(),
        signature_of(b"", own),
        good[:-9] + b"AAAAAAAA\n",
        b"not base64 \xff",
        b"",
    ):
        (delivery / SIGNATURE).write_bytes(wrong)
        assert bench.refused(delivery) == "signature.wrong"


def test_a_manifest_changed_after_it_was_signed_is_refused(bench: SignedBench, tmp_path: Path) -> None:
    """Also where only what it replaces was changed, which no hash of a file tells."""
    delivery = _signed(bench, tmp_path / "one")
    told = json.loads((delivery / MANIFEST).read_text(encoding="utf-8"))
    (delivery / MANIFEST).write_text(json.dumps(told | {"supersedes": "another"}), encoding="utf-8")
    assert bench.refused(delivery) == "signature.wrong"


def test_a_signed_delivery_that_was_replaced_is_not_taken_again(bench: SignedBench, tmp_path: Path) -> None:
    """One corrected by two, and two by the first content again under the first name: two, replayed, is refused."""
    one, two = _signed(bench, tmp_path / "one"), _signed(bench, tmp_path / "two", people=30, supersedes="one")
    bench.receive(one)
    bench.receive(two)
    assert bench.refused(one) == "signature.replayed"
    bench.receive(_signed(bench, tmp_path / "again", name="one", supersedes="two"))
    before = bench.state()
    assert bench.refused(two) == "signature.replayed"
    assert bench.state() == before


def test_a_new_key_stands_beside_the_old_one(bench: SignedBench, tmp_path: Path) -> None:
    """A controller that changes its key has two for a time; any of them signs."""
    old = (bench.home / "zones" / "controllers" / "gp.pub").read_text(encoding="ascii").strip()
    bench.register("gp", new_signing_key(tmp_path / "new.key"), old)
    assert bench.receive(_signed(bench, tmp_path / "one")).rows
    bench.desk = tmp_path / "new.key"
    assert bench.receive(_signed(bench, tmp_path / "two", people=30, supersedes="one")).rows


def test_without_a_key_a_delivery_comes_in_unsigned_unless_keys_are_required(
    bench: SignedBench, tmp_path: Path
) -> None:
    """Of a controller without a key nothing is asked; with real data it is refused. A spoilt file is not no key."""
    (bench.home / "zones" / "controllers" / "gp.pub").unlink()
    delivery = intact(tmp_path / "one")
    bench.intake._senders = Senders(bench.home / "zones" / "controllers", required=True)
    assert bench.refused(delivery) == "signature.no_key"
    bench.intake._senders = Senders(bench.home / "zones" / "controllers")
    assert bench.receive(delivery).rows
    for spoilt in ("", "haven-sign-public-1:AAAA", "a key"):
        bench.register("gp", spoilt)
        assert bench.refused(intact(tmp_path / f"with-{len(spoilt)}", people=20)) == "signature.bad_key"


def test_packing_again_without_a_key_takes_the_old_signature_away(bench: SignedBench, tmp_path: Path) -> None:
    """A signature never lies beside a manifest that it was not made for."""
    delivery = _signed(bench, tmp_path / "one")
    pack(delivery, find_contract("gp"), name="one")
    assert not (delivery / SIGNATURE).exists()


def test_the_commands_make_a_key_sign_with_it_and_name_who_has_none(tmp_path: Path) -> None:
    """`keypair` prints the public line, `pack --sign` writes the signature, `status` names who has none."""
    haven, key = Commands(tmp_path), tmp_path / "k"
    public = haven.run("delivery", "keypair", key).stdout.strip()
    assert public.startswith("haven-sign-public-1:")
    assert key.stat().st_mode & 0o077 == 0
    assert "cannot be made" in haven.run("delivery", "keypair", key).stderr
    folder = intact(tmp_path / "one")
    haven.json("delivery", "pack", folder, "--contract", "gp", "--name", "one", "--sign", key)
    controllers = tmp_path / "home" / "zones" / "controllers"
    controllers.mkdir(parents=True)
    (controllers / "gp.pub").write_text(public + "\n", encoding="ascii")
    haven.engineered()
    assert haven.json("delivery", "receive", folder, "--as", "daria")["state"] == "received"
    assert "No key" not in haven.run("status").stderr
    (controllers / "gp.pub").unlink()
    assert "No key to check the deliveries of: gp" in haven.run("status").stderr
