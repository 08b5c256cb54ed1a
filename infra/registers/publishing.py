"""Make it so: gather, render, hold to the schemas, log, switch. The same records give the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.events import EventName
from audit.model import Actor, Json
from environments.airlock.files.register import register_files
from infra.registers import folder as places
from infra.registers.data import as_text, content_digest, data_uses, register_data, require_fit
from infra.registers.gathering import gather
from infra.registers.model import LogPosition, PublicRegister
from infra.registers.pages import index_page, project_page
from infra.registers.sources import log_position, sources_of

if TYPE_CHECKING:
    from infra.wiring.haven import Haven


@dataclass(frozen=True)
class Published:
    """What was written where. unchanged: the register there said the same already, as of the same day."""

    place: Path
    digest: str
    files: tuple[str, ...]
    projects: int
    disclosures: int
    unchanged: bool = False


def publish_register(haven: Haven, out: Path | None = None, *, by: Actor) -> Published:
    """Write the register, in the home's own place or in `out`. Raises RegisterInvalid, PlaceTaken, AuditUnavailable."""
    place = (out or haven.settings.register_folder).absolute()
    haven.settle()
    with places.locked(place):
        haven.audit_log.sign()  # the pages tell of a checkpoint, also of a log that is younger than its first
        sources = sources_of(haven)
        register, log = gather(sources), log_position(haven)
        files = register_bytes(register, log, sources.releases)
        digest = content_digest(register)
        unchanged = _says_the_same(place, register, digest) and (place / "releases.json").exists()
        if not unchanged:
            places.prepare(place, files)
            haven.records.note(
                EventName.REGISTER_PUBLISHED, by=by, content=digest, as_of=register.as_of.isoformat(), files=len(files)
            )
            places.switch(place, _digest_of(files))
    if out is None:
        haven.airlock.publish_register()  # what was released meanwhile
    return Published(place, digest, tuple(sorted(files)), len(register.projects), len(register.disclosures), unchanged)


def register_bytes(
    register: PublicRegister, log: LogPosition, releases: Sequence[Mapping[str, Json]]
) -> dict[str, bytes]:
    """Every file of the register, by its path below the place. Raises RegisterInvalid."""
    listed = register_files(releases)
    require_fit("releases", json.loads(listed["releases.json"]))
    files = {
        "index.html": index_page(register, log).render().encode(),
        "register.json": as_text("register", register_data(register, log)),
        "data-uses.json": as_text("data-uses", data_uses(register)),
        "checkpoint.txt": log.note.encode(),
        **listed,
    }
    for project in register.projects:
        files[f"projects/{project.id}.html"] = project_page(project, register, log).render().encode()
    return files


def published(place: Path) -> dict[str, Any] | None:
    """The register that stands in a place, as data; None where there is none, or it cannot be read."""
    with suppress(OSError, ValueError):
        found = json.loads((place / "register.json").read_bytes())
        return found if isinstance(found, dict) else None
    return None


def _says_the_same(place: Path, register: PublicRegister, digest: str) -> bool:
    there = published(place)
    return there is not None and (there.get("content_sha256"), there.get("as_of")) == (digest, str(register.as_of))


def _digest_of(files: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return whole.hexdigest()
