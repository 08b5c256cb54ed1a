"""The orchestrator's part of opt-outs with installed accounts, run as its account: `... HOME STEP WORDS...`.

fill DELIVERY: receive, link, and a live project on section 251. refresh: ask and wait. publish: what the file holds.
object ID: a recorded objection to the controller's use.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from access.optouts.model import ObjectionTarget
from access.organisations.model import DatasetEntry
from access.people.model import Role
from access.projects.file import ProjectFile
from audit.model import organisation, person, service
from infra.wiring.haven import Haven
from tests.fakes.account_probes import marks
from tests.fakes.havens import with_engineer
from tests.fakes.installed import keep_frames, recorded_frames
from tests.fakes.papers import REAL, approve_all
from tests.fakes.people import assessed, invented_person

HOUSE = service("administration")
PROJECT = {
    **REAL, "id": "admissions", "title": "Blood pressure of patients", "purpose": "research",
    "lay_summary": "How many patients have a high blood pressure.", "people": ["asha"],
    "datasets": {"gp": {"tables": {"gp_events": {"columns": {"code": "what was measured"}}}}},
    "disclosure_profile": "nhs_england_sde", "ends": "2039-03-01",
}  # fmt: skip


def fill(haven: Haven, delivery: str) -> dict[str, object]:
    """Linked people, and a project that may see them."""
    with_engineer(haven.records)
    haven.delivery_intake.receive(Path(delivery), by=person("data-engineer"))
    haven.linker.link(by=service("linkage"))
    today = haven.clock.now().date()
    for name in ("university", "gp"):
        haven.access.register_organisation(assessed(name, today=today), by=HOUSE)
    asha = invented_person("asha", "university", {Role.RESEARCHER}, today=today)
    haven.access.register_person(asha, by=HOUSE)
    tables = {"gp_events": {"code": "code"}}
    haven.access.register_dataset(
        DatasetEntry("gp", "gp", "https://gp.example/notice", "nhs_england_sde", tables), by=HOUSE
    )
    file = ProjectFile.model_validate(PROJECT)
    haven.access.apply(file, applicant="asha", by=person("asha"))
    approve_all(haven.access, file)
    return {}


def refresh(haven: Haven) -> dict[str, object]:
    """Ask, and wait."""
    done = haven.opt_out_lists.refresh(by=service("test"), wait=True)
    return {"list": done.list.id, "asked": done.list.asked}


def publish(haven: Haven) -> dict[str, object]:
    """Build; the counts of the certificate."""
    haven.publish_scope("admissions")
    newest = haven.disclosures.certificates("admissions")[0]
    return {"people": newest.people, "applied": newest.plan.applies}


def record(haven: Haven, name: str) -> dict[str, object]:
    """The objection that this id stands for."""
    target = ObjectionTarget("controller", "gp")
    haven.opt_outs.record_objection(name, target, "Not for research", by=organisation("gp"))
    return {"unrecorded": haven.opt_out_lists.status()[1]}


def main(home: str, step: str, *words: str) -> int:
    """Prints what came of it, and which kinds of data came over the sockets."""
    frames = recorded_frames()
    haven = Haven.at(Path(home))
    told = {"fill": fill, "refresh": refresh, "publish": publish, "object": record}[step](haven, *words)
    keep_frames(haven, frames)
    seen = sorted({mark for _, content in frames for mark in marks(content.decode("latin-1"))})
    print(json.dumps({**told, "marks": seen}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
