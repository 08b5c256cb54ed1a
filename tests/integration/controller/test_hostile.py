"""What does the haven do with a sealed delivery that is not what the agent packs? Refused whole, with its reason."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyrage
import pytest

from access.keys.sealing import unseal
from linkage.errors import DeliveryRefused
from linkage.intake.signing import Senders
from linkage.store import all_deliveries
from tests.fakes.agent import agent
from tests.fakes.little_memory import MEGABYTE
from tests.integration.controller.conftest import Haven, Origin, Sources

Files = dict[str, bytes]
TOKENS, PAYLOAD, MANIFEST = "tokens-deaths.parquet", "payload-deaths.parquet", "manifest.json"


class Parcel:
    """A delivery that the agent packed, opened with the haven's own key, to be changed and sealed again."""

    def __init__(self, haven: Haven, path: Path, work: Path) -> None:
        self.haven = haven
        self.path = path
        self.work = work
        plain = work / "plain.tar"
        with path.open("rb") as sealed, plain.open("xb", buffering=0) as opened:
            assert unseal(haven.keyring.age_secret("deliveries"), sealed, opened)
        with tarfile.open(plain) as archive:
            self.files = {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]

    def manifest(self, **changes: object) -> None:
        """Change keys of the manifest."""
        self.files[MANIFEST] = json.dumps({**json.loads(self.files[MANIFEST]), **changes}).encode()

    def table(self, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
        """Change one Parquet file; the manifest tells of it as it is now."""
        out = io.BytesIO()
        changed = change(pq.read_table(io.BytesIO(self.files[name])))
        pq.write_table(changed, out)
        self.put(name, out.getvalue(), changed.num_rows)

    def put(self, name: str, content: bytes, rows: int) -> None:
        """Another content of one file, told of in the manifest."""
        self.files[name] = content
        told = json.loads(self.files[MANIFEST])
        entry = {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "rows": rows}
        told["files"] = [file for file in told["files"] if file["name"] != name] + [entry]
        self.files[MANIFEST] = json.dumps(told).encode()

    def seal(self, members: list[tuple[tarfile.TarInfo, bytes]] | None = None, to: str | None = None) -> Path:
        """Sealed again, for the haven unless for another."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            for name, content in self.files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
            for entry, content in members or []:
                archive.addfile(entry, io.BytesIO(content))
        path = self.work / "changed.age"
        recipient = pyrage.x25519.Recipient.from_str(to or self.haven.door.recipient)
        path.write_bytes(pyrage.encrypt(out.getvalue(), [recipient]))
        return path


@pytest.fixture
def parcel(haven: Haven, origin: Origin, tmp_path: Path) -> Parcel:
    """The register's delivery, before it is received."""
    return Parcel(haven, Path(shutil.copy(origin.sealed, tmp_path)), tmp_path)


def _column(name: str, values: Callable[[list[Any]], list[Any]]) -> Callable[[pa.Table], pa.Table]:
    """Replace one column by other values of its type."""

    def change(table: pa.Table) -> pa.Table:
        place = table.column_names.index(name)
        column = pa.array(values(table.column(name).to_pylist()), table.schema.field(name).type)
        return table.set_column(place, name, column)

    return change


def _named(table: pa.Table) -> pa.Table:
    return table.append_column("surname", pa.array(["SMITH"] * table.num_rows))


def _texts_for_tokens(table: pa.Table) -> pa.Table:
    place = table.column_names.index("n_b")
    return table.set_column(place, "n_b", pa.array(["9990000018"] * table.num_rows))


def _for_filters(parcel: Parcel, one: bytes) -> None:
    parcel.manifest(bloom_agreed="DSA-7")
    parcel.table(TOKENS, lambda table: table.append_column("bloom", pa.array([one] * table.num_rows)))


CHANGES: dict[str, tuple[str, Callable[[Parcel], object]]] = {
    "another round's key": ("round.wrong_key", lambda p: p.manifest(round_check="0" * 16)),
    "an unknown round": ("round.unknown", lambda p: p.manifest(round="second")),
    "the standing round": ("round.unknown", lambda p: p.manifest(round="spine")),
    "a round outside the folder": ("manifest.invalid", lambda p: p.manifest(round="../spine")),
    "a destroyed round": ("round.destroyed", lambda p: p.haven.keyring.rounds.destroy("first")),
    "other rules": ("round.specification", lambda p: p.manifest(specification="1999.1")),
    "another contract": ("manifest.contract", lambda p: p.manifest(contract_version="9")),
    "another controller": ("manifest.controller", lambda p: p.manifest(controller="council")),
    "no mode": ("manifest.invalid", lambda p: p.manifest(mode="identifiers")),
    "identifiers beside tokens": ("tokens.columns", lambda p: p.table(TOKENS, _named)),
    "identifiers for tokens": ("tokens.columns", lambda p: p.table(TOKENS, _texts_for_tokens)),
    "a token column missing": ("tokens.columns", lambda p: p.table(TOKENS, lambda t: t.drop_columns(["n_b"]))),
    "an unknown token column": (
        "tokens.columns",
        lambda p: p.table(TOKENS, lambda t: t.append_column("s", t.column("n"))),
    ),
    "Bloom filters that nobody agreed to": (
        "tokens.columns",
        lambda p: p.table(TOKENS, lambda t: t.append_column("bloom", pa.array([b"x" * 128] * t.num_rows))),
    ),
    "names for Bloom filters": ("tokens.columns", lambda p: _for_filters(p, b"SMITH")),
    "empty Bloom filters": ("tokens.columns", lambda p: _for_filters(p, b"")),
    "identifiers in the payload": ("payload.columns", lambda p: p.table(PAYLOAD, _named)),
    "a birthday for a year": (
        "payload.value",
        lambda p: p.table(PAYLOAD, _column("year_of_birth", lambda v: [19500203] * len(v))),
    ),
    "a postcode for a district": (
        "payload.value",
        lambda p: p.table(PAYLOAD, _column("postcode_district", lambda v: ["LS1 2AB"] * len(v))),
    ),
    "a number of a person among the payload": (
        "payload.value",
        lambda p: p.table(PAYLOAD, _column("trace", lambda v: ["943 476 5919", *v[1:]])),
    ),
    "an unknown code": ("payload.value", lambda p: p.table(PAYLOAD, _column("sex", lambda v: ["male"] * len(v)))),
    "a required value missing": (
        "payload.value",
        lambda p: p.table(PAYLOAD, _column("date_of_death", lambda v: [None, *v[1:]])),
    ),
    "one row key twice": (
        "tokens.row_keys",
        lambda p: p.table(TOKENS, _column("row_key", lambda v: [v[0], v[0], *v[2:]])),
    ),
    "a row key that is none": (
        "tokens.row_keys",
        lambda p: p.table(TOKENS, _column("row_key", lambda v: ["SMITH", *v[1:]])),
    ),
    "payload of nobody": ("tokens.row_keys", lambda p: p.table(TOKENS, lambda t: t.slice(1))),
    "tokens without payload": ("tokens.row_keys", lambda p: p.table(PAYLOAD, lambda t: t.slice(1))),
    "a cut file": ("file.truncated", lambda p: p.files.update({TOKENS: p.files[TOKENS][:-40]})),
    "an altered file": ("file.altered", lambda p: p.files.update({TOKENS: p.files[TOKENS][:-1] + b"x"})),
    "not Parquet": ("parquet.damaged", lambda p: p.put(TOKENS, b"PAR1" + b"\x00" * 400, 1)),
    "more rows told than there are": ("file.row_count", lambda p: p.put(TOKENS, p.files[TOKENS], 10**15)),
    "a file that nobody told of": ("file.extra", lambda p: p.files.update({"names.csv": b"SMITH"})),
    "a file that the contract has not": ("file.not_in_contract", lambda p: p.put("names.parquet", b"SMITH", 1)),
    "no manifest": ("manifest.missing", lambda p: p.files.pop(MANIFEST)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_not_the_agents_is_refused_whole(parcel: Parcel, change: str) -> None:
    """The reason is told, nothing is in any zone, nothing is left in the intake's folder, and no value is said."""
    reason, make = CHANGES[change]
    make(parcel)
    _refused(parcel, parcel.seal(), reason)


def _refused(parcel: Parcel, path: Path, reason: str) -> None:
    with pytest.raises(DeliveryRefused) as refused:
        parcel.haven.receive(path)
    assert refused.value.reason == reason
    assert "SMITH" not in str(refused.value)
    with parcel.haven.zones.linkage(read_only=True) as zone:
        assert zone.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'sealed_rows'").fetchall() == []
    assert [path.name for path in (parcel.haven.home / "intake").iterdir() if "unpacked" in path.name] == []
    with parcel.haven.records.read() as session:  # type: ignore[attr-defined]
        assert {delivery.state for delivery in all_deliveries(session)} <= {"refused"}


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, link
    entry.size = 4 if kind == tarfile.REGTYPE else 0
    return entry, b"evil" if kind == tarfile.REGTYPE else b""


@pytest.mark.parametrize(
    "member",
    [
        _member("../../outside"),
        _member("/tmp/outside"),
        _member("link", tarfile.SYMTYPE, "/etc/passwd"),
        _member(TOKENS),
        _member("device", tarfile.CHRTYPE),
    ],
    ids=["a path outside", "an absolute path", "a link", "a name twice", "a device"],
)
def test_an_unsafe_archive_is_refused_before_anything_is_written(
    parcel: Parcel, member: tuple[tarfile.TarInfo, bytes]
) -> None:
    """Sealing makes nothing safe: the archive inside is looked at as any other."""
    _refused(parcel, parcel.seal([member]), "archive.unsafe")


@pytest.mark.parametrize("cut", [1, 300, 20_000], ids=lambda cut: f"{cut} bytes short")
def test_a_sealed_file_that_was_cut_is_refused(parcel: Parcel, cut: int) -> None:
    """Its encryption shows it."""
    parcel.path.write_bytes(parcel.path.read_bytes()[:-cut])
    _refused(parcel, parcel.path, "archive.not_for_us")


def test_a_sealed_file_that_was_changed_is_refused(parcel: Parcel) -> None:
    """One bit in the middle of it."""
    content = bytearray(parcel.path.read_bytes())
    content[len(content) // 2] ^= 1
    parcel.path.write_bytes(content)
    _refused(parcel, parcel.path, "archive.not_for_us")


def test_what_is_sealed_for_another_is_refused(parcel: Parcel) -> None:
    """Another haven's delivery does not open here."""
    other = str(pyrage.x25519.Identity.generate().to_public())
    _refused(parcel, parcel.seal(to=other), "archive.not_for_us")


def test_tokens_in_clear_are_refused(parcel: Parcel, tmp_path: Path) -> None:
    """A delivery of tokens comes sealed or not at all."""
    folder = tmp_path / "clear"
    folder.mkdir()
    for name, content in parcel.files.items():
        (folder / name).write_bytes(content)
    _refused(parcel, folder, "tokens.sealed")


def test_row_keys_of_another_delivery_join_nothing(parcel: Parcel) -> None:
    """The haven gives its own row keys: two deliveries that name the same ones never meet."""
    first = parcel.haven.receive(parcel.path)
    parcel.manifest(name="deaths-second", content="0" * 64)
    parcel.table(PAYLOAD, lambda table: table.slice(0, table.num_rows))
    second = parcel.haven.receive(parcel.seal())
    with parcel.haven.zones.linkage(read_only=True) as zone:
        keys = dict(zone.execute("SELECT delivery, list(row_key::TEXT) FROM sealed_rows GROUP BY 1").fetchall())
    assert not set(keys[first.delivery]) & set(keys[second.delivery])
    assert not set(keys[first.delivery]) & set(
        pq.read_table(io.BytesIO(parcel.files[TOKENS])).column("row_key").to_pylist()
    )


def test_invented_people_stay_out_of_a_haven_with_real_data(parcel: Parcel, tmp_path: Path) -> None:
    """NHS numbers of the test range would stand for somebody."""
    from linkage.intake.manifest import TokenManifest
    from linkage.intake.reasons import Fault
    from linkage.sealed.door import SealedDoor

    manifest = TokenManifest.model_validate(json.loads(parcel.files[MANIFEST]))
    with pytest.raises(Fault, match=r"round\.invented"):
        SealedDoor(parcel.haven.keyring, real_data=True).require_round(manifest)


def test_a_sealed_delivery_is_signed_by_its_controller(haven: Haven, sources: Sources, origin: Origin) -> None:
    """Where the controller has a key, what its agent packs with `--sign` is received, and only that."""
    controller, folder = origin.controller, haven.home / "zones" / "controllers"
    public = agent("keypair", haven.home / "sign.key").stdout
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "registrar.pub").write_text(public, encoding="ascii")
    haven.intake._senders = Senders(folder)
    with pytest.raises(DeliveryRefused) as refused:
        haven.receive(origin.sealed)
    assert refused.value.reason == "signature.missing"
    told = (sources.folder / "deaths", sources.folder / "deaths.yaml", haven.door.recipient, "deaths-signed")
    signed = controller.pack(*told, "--sign", haven.home / "sign.key")
    assert haven.receive(signed).state == "received"


def test_a_value_that_stands_for_gigabytes_is_refused(parcel: Parcel) -> None:
    """A file of little whose one long value stands in each of its rows is refused before it is unpacked."""
    rows = 100_000
    long = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * 2 * MEGABYTE]))
    out = io.BytesIO()
    columns = {name: long if str(kind) == "string" else pa.nulls(rows, kind) for name, kind in _kinds(parcel, PAYLOAD)}
    pq.write_table(pa.table(columns), out, compression="zstd", store_schema=False)
    parcel.put(PAYLOAD, out.getvalue(), rows)
    assert len(parcel.files[PAYLOAD]) < MEGABYTE
    _refused(parcel, parcel.seal(), "parquet.too_large")


def _kinds(parcel: Parcel, name: str) -> list[tuple[str, Any]]:
    schema = pq.read_schema(io.BytesIO(parcel.files[name]))
    return [(field.name, field.type) for field in schema]
