"""Wheels and source archives of small packages, made for a test."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path


def wheel(folder: Path, name: str = "tiny_haven", version: str = "1.0", *, told: str | None = None) -> Path:
    """A wheel of one module that says its version; told: the version that its own account gives."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {told or version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


def source_archive(folder: Path, name: str = "tiny-haven", version: str = "1.0") -> Path:
    """A source archive with its account of itself."""
    path = folder / f"{name}-{version}.tar.gz"
    told = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo(f"{name}-{version}/PKG-INFO")
        entry.size = len(told)
        archive.addfile(entry, io.BytesIO(told))
    return path


def sha256_of(path: Path) -> str:
    """As a public index publishes it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
