"""What can be wrong with a delivery as a whole? Damage in transit, in its manifest, as an archive.

How files are written: damaged_files.py; rows and values: damaged_rows.py, which has the whole catalogue.
A controller's mistake is packed (the manifest says what the file holds); what happens on the way is not.
"""

from __future__ import annotations

import codecs
import json
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from linkage.contracts.registry import find_contract
from linkage.intake.manifest import MANIFEST, sha256_of
from linkage.intake.reading import count_rows
from linkage.intake.reasons import Fault
from tests.fakes.deliveries import CANARY

Maker = Callable[[Path], Path | None]
"""Damages the packed delivery in this folder; returns what is sent instead of the folder, if not the folder."""
Change = Callable[[bytes], bytes]
PATIENTS, EVENTS = "patients.csv", "events.csv"
MEGABYTE = bytes(1024 * 1024)
UNPACKED = 24  # megabytes; the tests lower the sizes from which a bomb is one to 16


@dataclass(frozen=True)
class Damage:
    """One kind of damage, what becomes of the delivery, and the reason's code ('' when it is accepted)."""

    name: str
    make: Maker
    expect: Literal["refused", "quarantined", "accepted"]
    code: str = ""
    dataset: str = "gp"


def seal(folder: Path, dataset: str = "gp") -> None:
    """Write the manifest's files as a controller would who packs this, whatever is wrong with it."""
    contract, files = find_contract(dataset), []
    for path in sorted(folder.iterdir()):
        if path.name == MANIFEST:
            continue
        entry = contract.file_for(path.name)
        try:
            rows = count_rows(path, entry) if entry else 1
        except Fault:
            rows = 1
        files.append({"name": path.name, "sha256": sha256_of(path), "bytes": path.stat().st_size, "rows": rows})
    before = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    (folder / MANIFEST).write_text(json.dumps(before | {"files": files}), encoding="utf-8")


def on_the_way(file: str, change: Change) -> Maker:
    """The file is changed after it was packed."""

    def make(folder: Path) -> None:
        path = folder / file
        path.write_bytes(change(path.read_bytes()))

    return make


def at_the_source(file: str, change: Change, *, to: str | None = None, dataset: str = "gp") -> Maker:
    """The file was written so, and then packed; `to`: under another name."""

    def make(folder: Path) -> None:
        data = (folder / file).read_bytes()
        (folder / file).unlink()
        (folder / (to or file)).write_bytes(change(data))
        seal(folder, dataset)

    return make


def manifest(change: Callable[[dict[str, Any]], object]) -> Maker:
    """The manifest's data are changed."""

    def make(folder: Path) -> None:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        change(data)
        (folder / MANIFEST).write_text(json.dumps(data), encoding="utf-8")

    return make


def of_file(file: str, **values: object) -> Maker:
    """The manifest says something else of one file."""
    return manifest(lambda data: next(f for f in data["files"] if f["name"] == file).update(values))


def in_folder(act: Callable[[Path], object]) -> Maker:
    """Something is done in the folder after packing."""

    def make(folder: Path) -> None:
        act(folder)

    return make


def zipped(act: Callable[[zipfile.ZipFile], object] | None = None, inside: str = "", after: Change = bytes) -> Maker:
    """The delivery is sent as a .zip, with something added to it or changed in its bytes."""

    def make(folder: Path) -> Path:
        path = folder.with_suffix(".zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for file in sorted(folder.iterdir()):
                archive.write(file, inside + file.name)
            if act:
                act(archive)
        path.write_bytes(after(path.read_bytes()))
        return path

    return make


def tarred(add: Callable[[tarfile.TarFile], object] | None = None, after: Change = bytes, leave: str = "") -> Maker:
    """The delivery is sent as a .tar.gz, with something added to it or changed in its bytes."""

    def make(folder: Path) -> Path:
        path = folder.with_suffix(".tar.gz")
        with tarfile.open(path, "w:gz") as archive:
            for file in sorted(folder.iterdir()):
                if file.name != leave:
                    archive.add(file, file.name)
            if add:
                add(archive)
        path.write_bytes(after(path.read_bytes()))
        return path

    return make


def entry(name: str, kind: bytes, target: str = "") -> Callable[[tarfile.TarFile], object]:
    """An archive's entry that is no plain file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.devmajor, info.devminor = kind, target, 1, 3
    return lambda archive: archive.addfile(info)


def half(data: bytes) -> bytes:
    """Cut short."""
    return data[: len(data) // 2]


def recoded(encoding: str, mark: bytes = b"") -> Change:
    """In another encoding."""
    return lambda data: mark + data.decode().encode(encoding)


def flipped(data: bytes) -> bytes:
    """One bit of one byte in the middle is another."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def endless(archive: zipfile.ZipFile) -> None:
    """An entry of many megabytes of nothing."""
    archive.writestr("x.csv", MEGABYTE * UNPACKED, compresslevel=9)


def linked_elsewhere(folder: Path, name: str = PATIENTS) -> None:
    """A file is a link to one outside the delivery."""
    shutil.move(folder / name, folder.parent / f"{folder.name}.elsewhere")
    (folder / name).symlink_to(folder.parent / f"{folder.name}.elsewhere")


def a_pipe(folder: Path) -> None:
    """A file is a named pipe, which would never end."""
    (folder / PATIENTS).unlink()
    os.mkfifo(folder / PATIENTS)


def written_twice(folder: Path) -> None:
    """A key stands twice in the manifest."""
    text = (folder / MANIFEST).read_text(encoding="utf-8")
    (folder / MANIFEST).write_text(text.replace("{", '{"dataset": "hospital", ', 1), encoding="utf-8")


def a_rar(folder: Path) -> Path:
    """A kind of archive that the haven does not open."""
    return (folder / PATIENTS).rename(folder.with_suffix(".rar"))


def manifest_is(text: str) -> Maker:
    """The manifest's text is something else."""
    return on_the_way(MANIFEST, lambda _: text.encode())


IN_TRANSIT = (
    Damage("a file is cut short", on_the_way(PATIENTS, half), "refused", "file.truncated"),
    Damage("a file is padded", on_the_way(EVENTS, lambda d: d + bytes(512)), "refused", "file.truncated"),
    Damage("one bit is flipped", on_the_way(EVENTS, flipped), "refused", "file.altered"),
    Damage("a file is missing", in_folder(lambda f: (f / EVENTS).unlink()), "refused", "file.missing"),
    Damage(
        "a file too many",
        in_folder(lambda f: (f / f"{CANARY}.csv").write_text(CANARY)),
        "refused",
        "file.extra",
    ),
    Damage("a hidden file", in_folder(lambda f: (f / ".DS_Store").write_bytes(MEGABYTE)), "refused", "file.extra"),
    Damage("a folder inside", in_folder(lambda f: (f / CANARY).mkdir()), "refused", "file.not_plain"),
    Damage("a file is a link", in_folder(linked_elsewhere), "refused", "file.not_plain"),
    Damage("a file is a pipe", in_folder(a_pipe), "refused", "file.not_plain"),
    Damage("nothing at the path", lambda f: f / "elsewhere", "refused", "delivery.not_found"),
)
MANIFESTS = (
    Damage("no manifest", in_folder(lambda f: (f / MANIFEST).unlink()), "refused", "manifest.missing"),
    Damage("manifest a link", in_folder(lambda f: linked_elsewhere(f, MANIFEST)), "refused", "manifest.missing"),
    Damage("manifest not JSON", on_the_way(MANIFEST, half), "refused", "manifest.invalid"),
    Damage("manifest in UTF-16", on_the_way(MANIFEST, recoded("utf-16")), "refused", "manifest.invalid"),
    Damage("manifest with a mark", on_the_way(MANIFEST, lambda d: codecs.BOM_UTF8 + d), "accepted"),
    Damage("manifest a list", manifest_is("[]"), "refused", "manifest.invalid"),
    Damage("manifest nested without end", manifest_is("[" * 100_000), "refused", "manifest.invalid"),
    Damage("manifest with an endless number", manifest_is("9" * 10_000), "refused", "manifest.invalid"),
    Damage("manifest beyond size", manifest_is(" " * 5_000_000), "refused", "manifest.invalid"),
    Damage("a key unknown", manifest(lambda d: d.update(dataste="gp")), "refused", "manifest.invalid"),
    Damage("a key missing", manifest(lambda d: d.pop("controller")), "refused", "manifest.invalid"),
    Damage("a key twice", in_folder(written_twice), "refused", "manifest.invalid"),
    Damage("a file named twice", manifest(lambda d: d["files"].append(d["files"][0])), "refused", "manifest.invalid"),
    Damage("no file named", manifest(lambda d: d.update(files=[])), "refused", "manifest.invalid"),
    Damage("a file outside", of_file(PATIENTS, name=f"../{PATIENTS}"), "refused", "manifest.invalid"),
    Damage("the folder itself named", of_file(PATIENTS, name=".."), "refused", "file.extra"),
    Damage("the manifest names itself", of_file(PATIENTS, name=MANIFEST), "refused", "manifest.invalid"),
    Damage("rows as text", of_file(PATIENTS, rows="40"), "refused", "manifest.invalid"),
    Damage("rows below none", of_file(PATIENTS, rows=-1), "refused", "manifest.invalid"),
    Damage(
        "a period backwards", manifest(lambda d: d["period"].update(to="2001-01-01")), "refused", "manifest.invalid"
    ),
    Damage("a name with a path", manifest(lambda d: d.update(name="../x")), "refused", "manifest.invalid"),
    Damage("another form of manifest", manifest(lambda d: d.update(haven_manifest=2)), "refused", "manifest.invalid"),
    Damage("wrong SHA-256", of_file(PATIENTS, sha256="0" * 64), "refused", "file.altered"),
    Damage("wrong size", of_file(PATIENTS, bytes=1), "refused", "file.truncated"),
    Damage("wrong row count", of_file(PATIENTS, rows=41), "refused", "file.row_count"),
    Damage(
        "contract version unknown", manifest(lambda d: d.update(contract_version="77")), "refused", "manifest.contract"
    ),
    Damage("dataset unknown", manifest(lambda d: d.update(dataset="dentist")), "refused", "manifest.contract"),
    Damage("another's dataset", manifest(lambda d: d.update(dataset="hospital")), "refused", "manifest.controller"),
    Damage("another controller", manifest(lambda d: d.update(controller="council")), "refused", "manifest.controller"),
    Damage(
        "corrects what never came",
        manifest(lambda d: d.update(supersedes="never")),
        "refused",
        "delivery.nothing_to_supersede",
    ),
    Damage("a name that is taken", manifest(lambda d: d.update(name="first")), "refused", "delivery.name_taken"),
)
ARCHIVES = (
    Damage("as .zip", zipped(), "accepted"),
    Damage("as .zip with its folder", zipped(inside="gp/"), "accepted"),
    Damage("as .tar.gz", tarred(), "accepted"),
    Damage("a way out of the .zip", zipped(lambda z: z.writestr("../x", CANARY)), "refused", "archive.unsafe"),
    Damage("a way out on Windows", zipped(lambda z: z.writestr("..\\x", CANARY)), "refused", "archive.unsafe"),
    Damage("two folders", zipped(lambda z: z.writestr("other/x", CANARY)), "refused", "archive.unsafe"),
    Damage("two of one name", zipped(lambda z: z.writestr(PATIENTS.upper(), CANARY)), "refused", "archive.unsafe"),
    Damage("an absolute path", tarred(entry("/etc/x", tarfile.REGTYPE)), "refused", "archive.unsafe"),
    Damage("a link in the .tar", tarred(entry("x", tarfile.SYMTYPE, "/etc/x")), "refused", "archive.unsafe"),
    Damage("a hard link", tarred(entry("x", tarfile.LNKTYPE, PATIENTS)), "refused", "archive.unsafe"),
    Damage("a device", tarred(entry("x", tarfile.CHRTYPE)), "refused", "archive.unsafe"),
    Damage(".zip cut short", zipped(after=half), "refused", "archive.damaged"),
    Damage(".tar.gz cut short", tarred(after=half), "refused", "archive.damaged"),
    Damage(".zip with a flipped bit", zipped(after=flipped), "refused", "archive.damaged"),
    Damage(
        "a .zip that unpacks without end",
        zipped(endless),
        "refused",
        "archive.too_large",
    ),
    Damage(
        "a .zip with a password",
        zipped(after=lambda d: d.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")),
        "refused",
        "archive.encrypted",
    ),
    Damage("an archive without manifest", tarred(leave=MANIFEST), "refused", "manifest.missing"),
    Damage("another kind of archive", a_rar, "refused", "delivery.form"),
    Damage("not an archive", lambda f: (f / PATIENTS).rename(f.with_suffix(".zip")), "refused", "archive.damaged"),
)
