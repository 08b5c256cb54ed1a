"""Everything that a project on real people's data needs beside its decisions: agreements, support, an authoriser."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from access.documents import parse_document
from access.organisations.agreement import TEMPLATE as AGREEMENT
from access.organisations.agreement import Agreement
from access.people.model import Role
from access.projects.file import ProjectFile
from access.service import Access
from access.support.file import TEMPLATE as SUPPORT
from access.support.file import SupportFile
from audit.clock import Clock
from audit.model import organisation, person
from tests.fakes.havens import HOUSE, endorse, make_live, memory_records, peopled, project_file
from tests.fakes.people import assessed, invented_person

REAL: dict[str, Any] = {
    "legal_basis": "section-251",
    "support": "26/CAG/0001",
    "ethics": "26/LO/0001",
    "benefit": "People with diabetes in the area",
    "impact_assessment": {"reference": "DPIA-1", "review_due": date(2039, 12, 31)},
    "data_use": {
        "article6": "6(1)(e)",
        "article9": "9(2)(j)",
        "sector": "academia",
        "technical_summary": "Counts of admissions by month and by age, with rates.",
        "frequency": "one-off",
    },
    "lead": "asha",
}
BASES = ["section-251", "explicit-consent", "anonymised-before-disclosure", "legal-duty", "synthetic-data"]


def agreement_with(controller: str, datasets: Iterable[str], *, on: date | None = None, **changes: object) -> Agreement:
    """The template's agreement, of this controller over these datasets, on any legal basis; signed on the day."""
    data = parse_document(AGREEMENT, Agreement, name="template").model_dump()
    signatures = {controller: data["signatures"]["gp"], "haven": data["signatures"]["haven"]}
    if on is not None:
        signatures = {party: one | {"on": on} for party, one in signatures.items()}
    mine = {
        "id": f"{controller}-2026",
        "discloser": controller,
        "datasets": dict.fromkeys(datasets, data["datasets"]["gp"]),
        "signatures": signatures,
        "legal_bases": BASES,
    }
    return Agreement.model_validate(data | mine | changes)


EXEMPTED = "Minutes of March 2026, 21/CAG/0123"


def support_for(flows: Iterable[tuple[str, str]], **changes: object) -> SupportFile:
    """The template's support with a flow of each dataset from its controller; its minutes exempt it from opt-outs."""
    data = parse_document(SUPPORT, SupportFile, name="template").model_dump(by_alias=True)
    named = [data["flows"][0] | {"dataset": dataset, "from": controller} for dataset, controller in flows]
    dates = {"review_due": date(2027, 3, 31), "opt_out_exemption": EXEMPTED}
    return SupportFile.model_validate(data | {"flows": named} | dates | changes)


def put_in_force(access: Access, file: ProjectFile) -> None:
    """Guardian, agreements, support and authoriser: then only the decisions on this file are missing."""
    today, catalogue = access.records.clock.now().date(), access.datasets()
    for name in {"haven"} - {one.id for one in access.organisations()}:
        access.register_organisation(assessed(name, today=today), by=HOUSE)
    for name, role in (("greta", Role.CALDICOTT_GUARDIAN), ("sian", Role.ANONYMISATION_AUTHORISER)):
        if access.person(name) is None:
            access.register_person(invented_person(name, "haven", {role}, today=today), by=HOUSE)
    controllers = {name: catalogue[name].controller for name in file.datasets}
    for controller in sorted(set(controllers.values())):
        access.register_organisation(assessed(controller, today=today), by=HOUSE)
        mine = [name for name, of in catalogue.items() if of.controller == controller]
        access.register_agreement(agreement_with(controller, mine), by=HOUSE)
    flows = [(name, entry.controller) for name, entry in catalogue.items()]
    known = access.support("26/CAG/0001")
    due = known.review_due if known else today + timedelta(days=365)
    access.register_support(support_for(flows, review_due=due), by=HOUSE)
    if not access.authorisers():
        access.appoint_authoriser("sian", date(2039, 12, 31), by=HOUSE)


def approve_all(access: Access, file: ProjectFile) -> None:
    """Every controller concerned and the Guardian approve the project as it is; what it needs is put in force."""
    put_in_force(access, file)
    for controller in sorted({access.datasets()[name].controller for name in file.datasets}):
        access.approve(file.id, controller, by=organisation(controller))
    endorse(access, file.id)


def under_section_251(clock: Clock) -> Access:
    """A haven of real data whose project of Asha's everybody has approved, with every paper in force."""
    lead = person("lena")
    access = peopled(memory_records(clock), real_data=True)
    access.apply(project_file(**REAL), applicant="asha", by=person("asha"))
    for controller in ("gp", "hospital"):
        access.register_agreement(agreement_with(controller, [controller]), by=lead)
    access.register_support(support_for([("gp", "gp"), ("hospital", "hospital")]), by=lead)
    access.appoint_authoriser("sian", date(2026, 12, 31), by=lead)
    make_live(access)
    return access
