"""A haven with everything that a register tells of: agreements, a support, projects in several states, releases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from access.organisations.agreement import Agreement
from access.projects.model import Outcome
from access.service import Access
from access.support.file import SupportFile
from audit.clock import FixedClock
from audit.model import organisation, person
from audit.records import Records
from infra.registers.model import LogPosition, OptOutEffect
from infra.registers.sources import Approvals, Sources, kept_events
from linkage.store import RECEIVED, Delivery
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.havens import ANSWERS, HOUSE, START, make_live, memory_records, peopled, project_file

NHS_NUMBER = "999 000 0018"
REASON = f"Asha may write to gwen@gp.example about {NHS_NUMBER}; the cohort is too wide."
LOG = LogPosition(40, "ab" * 32, "haven.example/log\n40\nq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=\n\n")
SIGNED = {"name": "Dr A Example", "office": "Senior partner", "on": date(2026, 1, 1)}


def agreement(**changes: Any) -> Agreement:
    """The GP's agreement with the haven."""
    return Agreement.model_validate(
        {
            "id": "gp-2026",
            "title": "GP records for linkage inside the haven",
            "discloser": "gp",
            "recipient": "haven",
            "recipient_acts_as": "processor",
            "purposes": ["research"],
            "legal_bases": ["section-251", "synthetic-data"],
            "datasets": {
                "gp": {
                    "notice": "https://gp.example/how",
                    "retention_days": 100,
                    "destruction": "Files are removed and a certificate is sent.",
                }
            },
            "starts": date(2026, 1, 1),
            "ends": date(2026, 12, 31),
            "review_due": date(2026, 6, 1),
            "breach_notice_hours": 24,
            "onward_sharing": "None but anonymised outputs.",
            "audit_rights": "The controller may audit once a year.",
            "signatures": {"gp": SIGNED, "haven": SIGNED},
        }
        | changes
    )


def support(**changes: Any) -> SupportFile:
    """A support that names one flow."""
    return SupportFile.model_validate(
        {
            "reference": "26/CAG/0001",
            "title": "Admissions of people with diabetes",
            "regulation": "regulation-5",
            "activity": "Linkage of confidential patient information",
            "flows": [
                {"dataset": "gp", "from": "gp", "to": "haven", "identifiers": ["nhs_number"], "purpose": "research"}
            ],
            "starts": date(2026, 1, 1),
            "review_due": date(2026, 5, 20),
            "ends": date(2026, 12, 31),
        }
        | changes
    )


def delivery(**changes: Any) -> Delivery:
    """A delivery that came in."""
    values: dict[str, Any] = {
        "id": "d1",
        "name": "gp-first",
        "dataset": "gp",
        "controller": "gp",
        "contract_version": "1",
        "period_from": date(2025, 1, 1),
        "period_to": date(2025, 6, 30),
        "digest": "cd" * 32,
        "state": RECEIVED,
        "rows": {"gp_patients": 7, "gp_events": 1234},
        "quarantined": {},
        "at": datetime(2026, 2, 2, 9, 0, tzinfo=UTC),
        "by": "person:data-engineer",
    }
    return Delivery(**(values | changes))


DATA_USE = {
    "article6": "6(1)(e)",
    "article9": "9(2)(j)",
    "sector": "academia",
    "technical_summary": "Asha counts admissions by month and by age, with rates.",
    "frequency": "recurring",
    "funders": ["An example council"],
}
RELEASE: dict[str, Any] = {
    "request": "0c6f0000-0000-4000-8000-000000000000",
    "project": "admissions",
    "title": "Admissions by age",
    "purpose": "Shows who is admitted",
    "gate": "to_researcher",
    "recipient": None,
    "profiles": ["nhs_england_sde"],
    "scope_version": 1,
    "files": [{"name": "admissions.csv", "sha256": "ef" * 32}],
    "manifest_sha256": "ef" * 32,
    "released_at": "2026-03-01T09:00:00+00:00",
    "state": "released",
    "incident": None,
}


class RegisteredWorld:
    """The haven; `sources` reads it anew."""

    def __init__(self) -> None:
        self.clock = FixedClock(START)
        self.records: Records = memory_records(self.clock)
        self.access: Access = peopled(self.records)
        self.access.register_agreement(agreement(), by=HOUSE)
        self.access.register_support(support(), by=HOUSE)
        self._projects()
        self.access.sanction(organisation("hospital"), "Tried to copy rows", date(2026, 4, 1), by=person("lena"))
        self.access.sanction(person("bryn"), "Tried to copy rows", None, by=person("lena"))

    def _projects(self) -> None:
        asha, access = person("asha"), self.access
        told = project_file(benefit="Nurses in the right places.", data_use=DATA_USE)
        access.apply(told, applicant="asha", by=asha)
        make_live(access)
        access.draft(project_file(id="secret-draft", title="A plan not yet told"), applicant="asha", by=asha)
        access.apply(project_file(id="too-wide", title="Everybody's records"), applicant="asha", by=asha)
        access.refuse("too-wide", "gp", REASON, by=organisation("gp"))
        access.apply(project_file(id="waits", title="A project that waits"), applicant="asha", by=asha)
        access.approve("waits", "gp", by=organisation("gp"))
        access.apply(project_file(id="refused-late", title="Refused by the Guardian"), applicant="asha", by=asha)
        for name in ("gp", "hospital"):
            access.approve("refused-late", name, by=organisation(name))
        access.endorse("refused-late", Outcome.REFUSED, ANSWERS, by=person("greta"), reason="No benefit is shown yet.")

    def sources(self, **changes: Any) -> Sources:
        """What the register is made from now."""
        log = self.records.log
        if not isinstance(log, MemoryAuditLog):
            raise TypeError("the world's log is in memory")
        found = Sources(
            today=self.clock.now().date(),
            real_data=False,
            approvals=Approvals.of(self.access),
            deliveries=[delivery()],
            releases=[RELEASE],
            events=kept_events(list(enumerate(log.events))),
            opt_outs=OptOutEffect("Opt-outs are not applied."),
            opt_out_of=lambda project: None,
            certificate_of=lambda disclosed: None,
        )
        return replace(found, **changes)
