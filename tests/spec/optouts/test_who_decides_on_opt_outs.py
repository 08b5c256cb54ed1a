"""The rule book of opt-outs, who decides: an exemption is the support's letter's, an objection is its person's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from access.decisions import Refused
from access.optouts.model import ObjectionState, ObjectionTarget, OptOutCase
from access.people.model import Role
from access.projects.file import ProjectFile
from audit.events import EventName
from audit.model import organisation, person
from infra.published import GatewayScopes
from tests.fakes.deliveries import nhs_number
from tests.fakes.havens import HOUSE, make_live, project_file
from tests.fakes.optouts import OptOutHaven, names, one
from tests.fakes.papers import REAL, support_for
from tests.fakes.people import invented_person
from tests.fakes.refusals import refused

ADA, BEN = nhs_number(1), nhs_number(2)
GP = organisation("gp")
TO_GP = ObjectionTarget("controller", "gp")


@pytest.fixture
def haven(tmp_path: Path) -> Iterator[OptOutHaven]:
    """Two people at the GP and in hospital, and a live project over both."""
    haven = OptOutHaven(tmp_path)
    gp = [one("a", ADA, "Ada", code="a"), one("b", BEN, "Ben", code="b")]
    haven.people({"gp": gp, "hospital": [one("ha", ADA, "Ada"), one("hb", BEN, "Ben")]})
    haven.live()
    yield haven
    haven.close()


def _exempt(haven: OptOutHaven, evidence: str = "21/CAG/0123") -> None:
    for dataset, by in (("gp", GP), ("hospital", organisation("hospital"))):
        for recipient in ("haven", "university"):
            haven.optouts.decide("admissions", dataset, recipient, OptOutCase.SECTION_251, evidence, by=by)


def _standing(haven: OptOutHaven) -> str:
    scopes = GatewayScopes(haven.access, haven.records, haven.bench.keyring, haven.home / "scopes", haven.disclosures)
    found = scopes.current("admissions")
    return found.code if isinstance(found, Refused) else "in use"


def _letter(haven: OptOutHaven, **changes: object) -> None:
    """The support is registered anew, as an amended letter says."""
    flows = [(name, entry.controller) for name, entry in haven.access.datasets().items()]
    held = haven.access.support("26/CAG/0001")
    assert held is not None
    haven.access.register_support(support_for(flows, **({"review_due": held.review_due} | changes)), by=HOUSE)


def test_an_exemption_is_the_letters_and_no_deciders(haven: OptOutHaven) -> None:
    """A reference that the project's own support does not hold is refused, however well it is written."""
    assert refused(lambda: _exempt(haven, "19/CAG/0001")) == "optouts.not_exempted"
    _letter(haven, opt_out_exemption=None)
    for evidence in ("21/CAG/0123", "26/CAG/0001"):
        assert refused(lambda evidence=evidence: _exempt(haven, evidence)) == "optouts.not_exempted"
    assert names(haven)[-1] is EventName.OPTOUT_DECIDE_REFUSED
    _letter(haven)
    _exempt(haven, "26/CAG/0001")
    assert not haven.disclosures.plan(haven.access.live_scope("admissions")).applies


def test_an_exemption_ends_with_the_letter_that_gave_it(haven: OptOutHaven) -> None:
    """Amended without it, opt-outs apply from then on, also to what is published."""
    _exempt(haven)
    haven.publish()
    assert _standing(haven) == "in use"
    _letter(haven, opt_out_exemption=None)
    assert _standing(haven) == "optouts.outdated"
    haven.refresh([ADA])
    assert haven.disclosures.plan(haven.access.live_scope("admissions")).applies


def test_a_risk_to_public_health_under_section_251_is_one_of_regulation_3(haven: OptOutHaven) -> None:
    """A support of regulation 5 is for medical purposes: opt-outs apply, whatever notice is named."""

    def decide() -> None:
        haven.optouts.decide("admissions", "gp", "university", OptOutCase.PUBLIC_HEALTH, "Notice of May", by=GP)

    assert refused(decide) == "optouts.other_regulation"
    _letter(haven, regulation="regulation-3")
    decide()


def test_nobody_ends_an_objection_to_their_own_project_nor_who_is_not_concerned(haven: OptOutHaven) -> None:
    """A member who takes letters, or is a delegate, neither declines it nor says that it was taken back."""
    to_project = ObjectionTarget("project", "admissions")
    haven.optouts.record_objection("o7", to_project, "Not this one", by=GP)
    roles = {Role.DATA_ENGINEER, Role.CONTROLLER_DELEGATE}
    haven.access.register_person(invented_person("asha", "gp", roles, date(2026, 3, 1)), by=HOUSE)
    asha, answer = person("asha"), haven.optouts.answer
    for said in (ObjectionState.DECLINED, ObjectionState.WITHDRAWN):
        assert refused(lambda said=said: answer("o7", to_project, said, "by letter", by=asha)) == "optouts.own_project"
        assert names(haven)[-1] is EventName.OPTOUT_OBJECTION_REFUSED
    elsewhere = organisation("university")
    for target in (to_project, TO_GP):
        haven.optouts.record_objection("o8", target, "No", by=GP)
        assert refused(lambda target=target: answer("o8", target, ObjectionState.WITHDRAWN, "by letter", by=elsewhere))
    assert {one.state for one in haven.optouts.objections()} == {ObjectionState.OPEN}


def test_a_flow_to_a_named_recipient_is_decided_like_any_other(haven: OptOutHaven) -> None:
    """Who extracts may go to receives, too: without its decision opt-outs apply, with it they do not."""
    haven.live("extracts", recipients=["hospital"])
    for dataset, by in (("gp", GP), ("hospital", organisation("hospital"))):
        for recipient in ("haven", "university"):
            haven.optouts.decide("extracts", dataset, recipient, OptOutCase.SECTION_251, "21/CAG/0123", by=by)
    assert haven.disclosures.plan(haven.access.live_scope("extracts")).applies
    for dataset, by in (("gp", GP), ("hospital", organisation("hospital"))):
        haven.optouts.decide("extracts", dataset, "hospital", OptOutCase.SECTION_251, "21/CAG/0123", by=by)
    assert not haven.disclosures.plan(haven.access.live_scope("extracts")).applies


@pytest.mark.parametrize("said", [ObjectionState.DECLINED, ObjectionState.WITHDRAWN])
def test_a_barred_organisation_ends_no_objection_to_its_own_use(haven: OptOutHaven, said: ObjectionState) -> None:
    """Its own account neither declines one nor says that it was taken back; the refusal is recorded."""
    haven.optouts.record_objection("o9", TO_GP, "Not this one", by=GP)
    held = haven.access.sanction(GP, "sold extracts on", None, by=HOUSE)
    answer = lambda: haven.optouts.answer("o9", TO_GP, said, "by letter", by=GP)  # noqa: E731
    assert refused(answer) == "organisation.sanctioned"
    assert names(haven)[-1] is EventName.OPTOUT_OBJECTION_REFUSED
    haven.access.lift_sanction(held.id, "the appeal was upheld", by=HOUSE)
    assert answer().state is said


def _version_two(**changes: object) -> ProjectFile:
    return project_file(**(REAL | {"title": "The same question, asked once more", "cohort": []} | changes))


def _applies_now(haven: OptOutHaven) -> bool:
    haven.clock_on()
    return haven.disclosures.plan(haven.access.live_scope("admissions")).applies


def test_a_decision_on_the_version_in_force_can_be_taken_back_whatever_waits(haven: OptOutHaven) -> None:
    """Neither a kept draft nor a submitted amendment stands before it; what was submitted is decided with it."""
    take_back = lambda: haven.optouts.decide("admissions", "gp", "university", OptOutCase.SECTION_251, None, by=GP)  # noqa: E731
    _exempt(haven)
    haven.access.draft(_version_two(), applicant="asha", by=person("asha"))
    assert not _applies_now(haven)
    assert [one.flow.version for one in take_back()] == [1]
    assert _applies_now(haven)
    _exempt(haven)
    assert not _applies_now(haven)
    haven.access.apply(_version_two(), applicant="asha", by=person("asha"))
    assert haven.access.scope_version("admissions") == 1
    newest = haven.access.newest("admissions").version.version
    assert [one.flow.version for one in take_back()] == [1, newest]
    assert _applies_now(haven)


def test_of_two_versions_that_which_bears_the_case_is_decided(haven: OptOutHaven) -> None:
    """The amendment rests on consent: its case is none of the version in force, and the other way round."""
    haven.access.apply(_version_two(legal_basis="explicit-consent", support=None), applicant="asha", by=person("asha"))
    decided = [
        [one.flow.version for one in haven.optouts.decide("admissions", "gp", "university", case, said, by=GP)]
        for case, said in ((OptOutCase.SECTION_251, "21/CAG/0123"), (OptOutCase.EXPLICIT_CONSENT, "Form 2"))
    ]
    assert decided == [[1], [2]]


def test_who_gains_by_a_controllers_data_ends_no_objection_to_its_use(haven: OptOutHaven) -> None:
    """Its own delegate, being of a live project over its data, neither declines it nor says that it was taken back."""
    haven.optouts.record_objection("o10", TO_GP, "No", by=GP)
    roles = {Role.RESEARCHER, Role.CONTROLLER_DELEGATE}
    for name in ("asha", "gail"):
        haven.access.register_person(invented_person(name, "gp", roles, date(2026, 3, 1)), by=HOUSE)
    for said in (ObjectionState.DECLINED, ObjectionState.WITHDRAWN):
        answer = lambda by, said=said: haven.optouts.answer("o10", TO_GP, said, "by letter", by=by)  # noqa: E731
        assert refused(lambda answer=answer: answer(person("asha"))) == "optouts.own_project"
    assert answer(person("gail")).state is ObjectionState.WITHDRAWN
    haven.optouts.record_objection("o11", TO_GP, "No", by=GP)
    haven.access.withdraw("admissions", "gp", "The purpose changed.", by=GP)
    declined = haven.optouts.answer("o11", TO_GP, ObjectionState.DECLINED, "A court order", by=person("asha"))
    assert declined.state is ObjectionState.DECLINED


def test_who_gains_once_it_goes_on_ends_no_objection_meanwhile(haven: OptOutHaven) -> None:
    """A suspended project goes on: its people end no objection while it stands still."""
    haven.optouts.record_objection("o12", TO_GP, "No", by=GP)
    roles = {Role.RESEARCHER, Role.CONTROLLER_DELEGATE}
    haven.access.register_person(invented_person("asha", "gp", roles, date(2026, 3, 1)), by=HOUSE)
    haven.access.suspend("admissions", "an incident is looked into", by=HOUSE)
    answer = lambda: haven.optouts.answer("o12", TO_GP, ObjectionState.DECLINED, "by letter", by=person("asha"))  # noqa: E731
    assert refused(answer) == "optouts.own_project"


def test_an_amendment_makes_nobody_answer_for_the_project(haven: OptOutHaven) -> None:
    """Asha asks for the hospital's data, too: the hospital declines no objection to what the GP alone let live."""
    table = {"columns": {"code": "defines the cohort", "event_date": "order of events"}}
    own = {"id": "gp-only", "datasets": {"gp": {"tables": {"gp_events": table}}}}
    haven.access.apply(_version_two(**own), applicant="asha", by=person("asha"))
    make_live(haven.access, "gp-only", ("gp",))
    target = ObjectionTarget("project", "gp-only")
    haven.optouts.record_objection("o14", target, "No", by=GP)
    declined = lambda by: haven.optouts.answer("o14", target, ObjectionState.DECLINED, "A court order", by=by)  # noqa: E731
    haven.access.draft(_version_two(id="gp-only"), applicant="asha", by=person("asha"))
    assert refused(lambda: declined(organisation("hospital"))) == "person.unknown"
    haven.access.apply(_version_two(id="gp-only"), applicant="asha", by=person("asha"))
    assert refused(lambda: declined(organisation("hospital"))) == "person.unknown"
    assert declined(GP).state is ObjectionState.DECLINED


def test_an_answer_has_its_reasons_and_texts_show_themselves(haven: OptOutHaven) -> None:
    """Nothing is declined without a reason considered; no wish, reason or evidence is empty or paints a screen."""
    assert refused(lambda: haven.optouts.record_objection("o13", TO_GP, " ", by=GP)) == "optouts.nothing_said"
    painted = "No\x1b[2J"
    assert refused(lambda: haven.optouts.record_objection("o13", TO_GP, painted, by=GP)) == "optouts.hidden_signs"
    haven.optouts.record_objection("o13", TO_GP, "No", by=GP)
    for words, rule in (("", "optouts.nothing_said"), ("because\u202e of it", "optouts.hidden_signs")):
        answer = lambda words=words: haven.optouts.answer("o13", TO_GP, ObjectionState.DECLINED, words, by=GP)  # type: ignore[misc]  # noqa: E731
        assert refused(answer) == rule
    assert [one.state for one in haven.optouts.objections("o13")] == [ObjectionState.OPEN]
    assert refused(lambda: _exempt(haven, f"21/CAG/0123{painted}")) == "optouts.hidden_signs"
