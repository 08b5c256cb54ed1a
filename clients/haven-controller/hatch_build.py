"""Which rules does the agent share with the haven? Copied into the wheel from the one source, never kept twice.

Only what is listed: how a contract is read, how rows are checked, how identifiers are standardised, and how a token is
made. The copies lie in haven_controller/rules and import each other there; the agent runs where no haven is.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parents[2]
RULES = (
    "audit/errors.py",
    "access/documents.py",
    "access/errors.py",
    "access/keys/errors.py",
    "access/keys/files.py",
    "access/keys/model.py",
    "access/keys/round_file.py",
    "access/keys/signatures.py",
    "linkage/errors.py",
    "linkage/full_disks.py",
    "linkage/native/kernel.py",
    "linkage/tokens.py",
    "linkage/contracts/contract.py",
    "linkage/intake/checks.py",
    "linkage/intake/csv_rows.py",
    "linkage/intake/dates.py",
    "linkage/intake/gzipped.py",
    "linkage/intake/headers.py",
    "linkage/intake/hidden.py",
    "linkage/intake/manifest.py",
    "linkage/intake/parquet.py",
    "linkage/intake/parquet_pages.py",
    "linkage/intake/reading.py",
    "linkage/intake/reasons.py",
    "linkage/intake/signing.py",
    "linkage/intake/smuggled.py",
    "linkage/intake/sources.py",
    "linkage/intake/staging.py",
    "linkage/intake/tables.py",
    "linkage/intake/thrift.py",
    "linkage/sealed/composites.py",
    "linkage/sealed/filters.py",
)
FOLDERS = ("linkage/standardise",)
IMPORT = re.compile(r"^(\s*)(from|import) (audit|access|linkage)\b", re.MULTILINE)


class CopyRules(BuildHookInterface):  # type: ignore[misc]
    """Puts the copies into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Copy the rules to a folder of this build, and have it included."""
        self._copies = tempfile.TemporaryDirectory(prefix="haven-controller-")
        copy_rules(Path(self._copies.name))
        build_data["force_include"][self._copies.name] = "haven_controller/rules"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """The copies are in the wheel; the folder goes."""
        self._copies.cleanup()


def copy_rules(target: Path) -> None:
    """The listed files below `target`, importing each other from there."""
    files = [ROOT / name for name in RULES]
    files += [path for name in FOLDERS for path in sorted((ROOT / name).rglob("*")) if path.is_file()]
    for path in files:
        if "__pycache__" in path.parts:
            continue
        place = target / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes()
        if path.suffix == ".py":
            content = IMPORT.sub(r"\1\2 haven_controller.rules.\3", content.decode()).encode()
        place.write_bytes(content)
    for folder in {target, *(path for path in target.rglob("*") if path.is_dir())}:
        init = folder / "__init__.py"
        if not init.exists():
            init.write_text('"""Rules copied from the haven when this wheel was built."""\n', encoding="utf-8")
