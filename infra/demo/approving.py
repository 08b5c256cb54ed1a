"""How does a project become live in the demo? Narrowings, the Guardian, agreements, support: one by one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from access.documents import load_document
from access.organisations.agreement import Agreement
from access.projects.answers import ReleaseTest
from access.projects.model import Outcome
from access.projects.narrowing import NO_NARROWING, Narrowing
from access.support.file import SupportFile
from audit.model import organisation, person
from infra.demo.opt_outs import project_as_asked
from infra.demo.stage import AUTHORISER, CONTROLLERS, GUARDIAN, LEAD, PAPERS, PROJECT, RESEARCHER, Stage

if TYPE_CHECKING:
    from access.service import Access

NARROWED = ("gp", "hospital")


def approve_project(stage: Stage) -> None:
    """Apply, and let each part come into force; after each, the haven is asked whether the researcher may query."""
    teller, access = stage.teller, stage.haven.access
    access.apply(project_as_asked(stage), applicant=RESEARCHER, by=person(RESEARCHER))
    steps = [("submitted, and nobody has decided", _why(access))]
    for controller in CONTROLLERS:
        access.approve(PROJECT, controller, by=organisation(controller), narrowing=_narrowing(controller))
        steps.append((f"{controller} approves{_taken(controller)}", _why(access)))
    answers = load_document(PAPERS / "release-test-diabetes.yaml", ReleaseTest).model_dump()
    access.endorse(PROJECT, Outcome.APPROVED, answers, by=person(GUARDIAN))
    steps.append(("Greta, Caldicott Guardian, answers the release test and approves", _why(access)))
    lead = person(LEAD)
    for controller in CONTROLLERS:
        access.register_agreement(load_document(PAPERS / f"agreement-{controller}.yaml", Agreement), by=lead)
    steps.append(("Lena, governance lead, registers the signed agreements", _why(access)))
    access.register_support(load_document(PAPERS / "support.yaml", SupportFile), by=lead)
    steps.append(("and the support under section 251, which names each flow", _why(access)))
    until = stage.haven.clock.now().date() + timedelta(days=365)
    access.appoint_authoriser(AUTHORISER, until, by=lead)
    steps.append(("Sian is appointed to answer for anonymisation", _why(access)))
    teller.table(
        "A project is live only while every part is in force",
        ["what happens", "may Asha query now?"],
        [*map(list, steps)],
    )
    teller.proved("A query before every part is in force", all(told != "yes" for _, told in steps[:-1]), steps[0][1])
    teller.say(
        "The practices gave years instead of months, the hospital kept its diagnoses: the scope is what both allow."
    )


def _why(access: Access) -> str:
    decision = access.why(RESEARCHER, PROJECT, "query")
    return "yes" if decision else f"no: {getattr(decision, 'reason', '')}"


def _narrowing(controller: str) -> Narrowing:
    return load_document(PAPERS / f"narrowing-{controller}.yaml", Narrowing) if controller in NARROWED else NO_NARROWING


def _taken(controller: str) -> str:
    told = _narrowing(controller).in_words()
    return f", narrowed: {'; '.join(told)}" if told else " as it is"
