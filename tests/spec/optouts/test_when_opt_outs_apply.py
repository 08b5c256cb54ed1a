"""The rule book of opt-outs: the table of cases, what a decision needs, whom a disclosure leaves out, what it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from access.decisions import RefusedError
from access.optouts.disclosures import Disclosures
from access.optouts.errors import UnknownOptOut
from access.optouts.model import ListState, ObjectionState, ObjectionTarget, OptOutCase
from access.optouts.policies import CLAIMS, RULES, exempts, may_claim
from access.organisations.model import Organisation
from access.people.model import Role
from audit.events import EventName
from audit.model import organisation, person, service
from linkage.optouts.errors import ListFailed, ObjectorUnknown
from tests.fakes.deliveries import nhs_number
from tests.fakes.havens import HOUSE
from tests.fakes.optouts import LONGEST, OptOutHaven, names, one
from tests.fakes.people import invented_person
from tests.fakes.refusals import refused

ADA, BEN, CAY, DOT = (nhs_number(n) for n in (1, 2, 3, 4))
GP = organisation("gp")
TO_GP = ObjectionTarget("controller", "gp")


@pytest.fixture
def haven(tmp_path: Path) -> Iterator[OptOutHaven]:
    """Four people at the GP, of whom one has no number, and three of them at the hospital; a live project over both."""
    haven = OptOutHaven(tmp_path)
    gp = [one("a", ADA, "Ada", code="a"), one("b", BEN, "Ben", code="b"), one("c", CAY, "Cay", code="c"),
          one("x", None, "Xyz", code="x")]  # fmt: skip
    hospital = [one("ha", ADA, "Ada"), one("hb", BEN, "Ben"), one("hd", DOT, "Dot")]
    haven.people({"gp": gp, "hospital": hospital})
    haven.live()
    yield haven
    haven.close()


# The table. legal basis or case | does it apply without evidence? | evidence | does it apply with it?
TABLE = [
    ("section-251", True, "21/CAG/0123", False),
    ("section-251", True, "the advisory group was fine with it", True),
    ("individual-care", True, "Referral pathway 7, agreed with the trust", False),
    ("explicit-consent", True, "Consent form 3.1, kept by the study", False),
    ("anonymised-before-disclosure", True, "The hospital's assessment of May", False),
    ("required-by-law", True, "Care Act 2014, section 45", False),
    ("public-interest", True, "The documented test of 2 March", False),
    ("public-health", True, "Notice under regulation 3(4)", False),
    ("official-statistics", True, "The office's request under section 45A", False),
    ("disease-registers", True, "The cancer register's agreement", False),
    ("named-payments", True, "Non-contracted activity, agreement of 2025", False),
]


@pytest.mark.parametrize(("case", "without", "evidence", "with_it"), TABLE)
def test_the_table_of_cases(case: str, without: bool, evidence: str, with_it: bool) -> None:
    """Opt-outs apply by default; each "no" stands only with its evidence; section 251 only with the CAG reference."""

    def applies(given: str | None) -> bool:
        return not exempts(OptOutCase(case), given)

    assert [applies(None), applies("  "), applies(evidence)] == [without, without, with_it]


def test_every_case_of_the_rule_is_a_row() -> None:
    """The table above has every case but the one that concerns people without a number, which has tests of its own."""
    assert {case for case, *_ in TABLE} == {case.value for case in OptOutCase} - {"nhs-number-missing"}
    assert set(RULES) == set(OptOutCase)
    assert [rule.case.value for rule in RULES.values() if rule.numberless] == ["nhs-number-missing"]


def test_a_case_must_be_one_that_the_legal_basis_supports() -> None:
    """Consent cannot be claimed on section 251, nor anything on a basis that nobody knows."""
    assert may_claim(OptOutCase.EXPLICIT_CONSENT, "explicit-consent")
    assert not may_claim(OptOutCase.EXPLICIT_CONSENT, "section-251")
    assert not any(may_claim(case, basis) for case in OptOutCase for basis in ("x", None) if not RULES[case].numberless)
    assert set().union(*CLAIMS.values()) == set(OptOutCase) - {OptOutCase.NUMBER_MISSING}


def test_the_whole_record_of_a_person_leaves(haven: OptOutHaven) -> None:
    """Ada opted out: none of her rows of any table is in the project's file; who has no number is not in it either."""
    haven.refresh([ADA])
    haven.publish()
    assert haven.codes() == {"gp_events": ["b", "c"], "hospital_episodes": ["2026-02-01"] * 2}


def test_nobody_gets_a_project_without_a_list(haven: OptOutHaven) -> None:
    """Without a list nothing is built, and the refusal is in the log."""
    assert refused(haven.publish) == "optouts.no_list"
    assert names(haven)[-1] is EventName.SCOPE_PUBLISH_REFUSED


def test_the_age_limit_has_no_default(tmp_path: Path) -> None:
    """Where nobody has set how old a list may be, none is used, and the sentence says what to set."""
    haven = OptOutHaven(tmp_path, longest=None)
    haven.people({"gp": [one("a", ADA, "Ada", code="a"), one("b", BEN, "Ben", code="b")],
                  "hospital": [one("h", BEN, "Ben")]})  # fmt: skip
    haven.live()
    haven.refresh([ADA])
    with pytest.raises(RefusedError, match="not set") as refused:
        haven.publish()
    assert "longest_age_days" in str(refused.value.refused.mend)


def test_a_list_that_is_too_old_is_none(haven: OptOutHaven) -> None:
    """A day past the limit nothing is built, and what was published is refused."""
    haven.refresh([ADA])
    haven.publish()
    scope = haven.access.live_scope("admissions")
    haven.clock.at += LONGEST + timedelta(days=1)
    assert refused(haven.publish) == "optouts.list_too_old"
    assert _standing(haven, scope) == "optouts.list_too_old"


def test_a_failed_asking_blocks_what_it_was_for(haven: OptOutHaven) -> None:
    """An empty answer is a failure with its sentence; nothing is built until an asking succeeds."""
    haven.refresh([ADA])
    with pytest.raises(ListFailed, match="empty"):
        haven.refresh([ADA, BEN, CAY, DOT])
    with pytest.raises(RefusedError, match="never for everybody's opt-out"):
        haven.publish()
    haven.refresh([ADA])
    haven.publish()


def test_who_came_after_the_list_was_asked_for_waits_for_the_next(haven: OptOutHaven) -> None:
    """A person whose number nobody has asked about is left out, though they may not have opted out."""
    haven.refresh([])
    haven.people({"gp": [one("e", nhs_number(9), "Eve", code="e")]})
    haven.publish()
    assert "e" not in haven.codes()["gp_events"]
    haven.refresh([])
    haven.publish()
    assert "e" in haven.codes()["gp_events"]


def test_who_has_no_number_stays_only_by_a_recorded_reason(haven: OptOutHaven) -> None:
    """ "NHS number missing and disproportionate to trace" is a decision with a reason, for every flow."""
    haven.refresh([ADA])
    for dataset, by in (("gp", GP), ("hospital", organisation("hospital"))):
        for recipient in ("haven", "university"):
            haven.optouts.decide("admissions", dataset, recipient, OptOutCase.NUMBER_MISSING,
                                 "Two of 9,000; tracing takes a month", by=by)  # fmt: skip
    haven.publish()
    assert haven.codes()["gp_events"] == ["b", "c", "x"]


def _exempt(haven: OptOutHaven, evidence: str | None = "21/CAG/0123") -> None:
    for dataset, by in (("gp", GP), ("hospital", organisation("hospital"))):
        for recipient in ("haven", "university"):
            haven.optouts.decide("admissions", dataset, recipient, OptOutCase.SECTION_251, evidence, by=by)


def test_a_decision_with_its_reference_exempts_and_is_on_the_certificate(haven: OptOutHaven) -> None:
    """With the CAG reference for every flow everybody stays; the certificate names the decisions."""
    _exempt(haven)
    haven.publish()
    assert haven.codes()["gp_events"] == ["a", "b", "c", "x"]
    (certificate,) = haven.disclosures.certificates("admissions")
    assert not certificate.plan.applies
    assert len([name for flow in certificate.plan.standings for name in flow.decisions]) == 4


def test_where_one_flow_is_not_exempt_the_whole_disclosure_is_not(haven: OptOutHaven) -> None:
    """A person who leaves one dataset of a disclosure leaves all of it."""
    haven.refresh([ADA])
    _exempt(haven)
    haven.optouts.decide("admissions", "gp", "university", OptOutCase.SECTION_251, None, by=GP)
    haven.publish()
    assert haven.codes()["gp_events"] == ["b", "c"]
    assert len(haven.codes()["hospital_episodes"]) == 2


def test_only_the_controller_decides_and_never_on_an_own_application(haven: OptOutHaven) -> None:
    """Not the applicant, not another controller, not a service; a refusal is in the log."""
    decide = haven.optouts.decide
    for by in (person("asha"), organisation("hospital"), service("publisher"), person("gone")):
        assert refused(
            lambda by=by: decide("admissions", "gp", "university", OptOutCase.SECTION_251, "21/CAG/0123", by=by)
        )
        assert names(haven)[-1] is EventName.OPTOUT_DECIDE_REFUSED
    assert (
        refused(lambda: decide("admissions", "gp", "university", OptOutCase.EXPLICIT_CONSENT, "form 3", by=GP))
        == "optouts.other_basis"
    )
    with pytest.raises(UnknownOptOut):
        decide("admissions", "gp", "elsewhere", OptOutCase.SECTION_251, "21/CAG/0123", by=GP)


def test_made_up_people_are_believed_only_where_nobody_real_can_be(haven: OptOutHaven) -> None:
    """On the basis of synthetic data opt-outs do not apply; in a haven for real data they do all the same."""
    scope = haven.live(version_two := "made-up", legal_basis="synthetic-data")
    assert version_two == scope.project
    assert not haven.disclosures.plan(scope).applies
    assert Disclosures(haven.records, longest=LONGEST, real_data=True).plan(scope).applies


def test_a_project_that_nobody_knows_is_not_exempt(haven: OptOutHaven) -> None:
    """A scope of no recorded version: opt-outs apply toward whoever that is."""
    scope = replace(haven.access.live_scope("admissions"), project="unheard-of")
    assert haven.disclosures.plan(scope).applies


def _standing(haven: OptOutHaven, scope: object = None) -> str:
    from access.decisions import Refused
    from infra.published import GatewayScopes

    scopes = GatewayScopes(haven.access, haven.records, haven.bench.keyring, haven.home / "scopes", haven.disclosures)
    found = scopes.current("admissions")
    return found.code if isinstance(found, Refused) else "in use"


def test_a_new_list_narrows_at_once(haven: OptOutHaven) -> None:
    """What was published by an older list is refused at the next question, without who or how many."""
    haven.refresh([])
    haven.publish()
    assert _standing(haven) == "in use"
    haven.refresh([BEN])
    assert _standing(haven) == "optouts.outdated"
    haven.publish()
    assert _standing(haven) == "in use"
    assert "b" not in haven.codes()["gp_events"]


def test_a_list_that_changes_nobody_builds_nothing_and_is_certified(haven: OptOutHaven) -> None:
    """The file stays, a new certificate names the new list, and queries go on."""
    haven.refresh([ADA])
    haven.publish()
    newest = haven.refresh([ADA])
    assert haven.publish().unchanged
    assert _standing(haven) == "in use"
    certificates = haven.disclosures.certificates("admissions")
    assert certificates[0].plan.using is not None
    assert certificates[0].plan.using.id == newest
    assert len({one.subject for one in certificates}) == 1
    assert len({one.people for one in certificates}) == 1


def test_an_objection_is_heeded_before_it_is_answered(haven: OptOutHaven) -> None:
    """From the moment it is recorded, to current and future disclosures; a declined one is heeded no more."""
    haven.refresh([])
    haven.publish()
    haven.name_objector(CAY, "o1")
    haven.optouts.record_objection("o1", TO_GP, "No research with my record", by=GP)
    assert _standing(haven) == "optouts.outdated"
    haven.publish()
    assert haven.codes()["gp_events"] == ["a", "b"]
    haven.optouts.answer("o1", TO_GP, ObjectionState.UPHELD, "It is hers to say", by=GP)
    assert _standing(haven) == "in use"
    haven.optouts.answer("o1", TO_GP, ObjectionState.DECLINED, "A court order requires it", by=GP)
    assert _standing(haven) == "optouts.outdated"
    haven.publish()
    assert haven.codes()["gp_events"] == ["a", "b", "c"]


def test_an_objection_to_one_project_does_not_touch_another(haven: OptOutHaven) -> None:
    """It names a project or a controller, and stands also where opt-outs do not apply."""
    _exempt(haven)
    haven.live("other", datasets=SAME_DAYS, legal_basis="synthetic-data", people=["bryn"], applicant="bryn")
    haven.name_objector(ADA, "o2")
    haven.optouts.record_objection("o2", ObjectionTarget("project", "admissions"), "Not this one", by=GP)
    haven.publish()
    assert "a" not in haven.codes()["gp_events"]
    haven.access.register_organisation(Organisation("elsewhere", "Elsewhere"), by=HOUSE)
    assert haven.disclosures.plan(haven.access.live_scope("other")).objections == ()


def test_only_those_concerned_answer_and_the_person_may_take_it_back(haven: OptOutHaven) -> None:
    """Another controller does not answer; a withdrawal is recorded by whoever takes such letters, and is final."""
    haven.optouts.record_objection("o3", TO_GP, "No", by=GP)
    answer = haven.optouts.answer
    assert refused(lambda: answer("o3", TO_GP, ObjectionState.DECLINED, "because", by=organisation("hospital")))
    assert names(haven)[-1] is EventName.OPTOUT_OBJECTION_REFUSED
    answer("o3", TO_GP, ObjectionState.WITHDRAWN, "by her letter", by=GP)
    assert refused(lambda: answer("o3", TO_GP, ObjectionState.UPHELD, "because", by=GP)) == "optouts.withdrawn"
    ada = invented_person("ada", "gp", {Role.RESEARCHER}, date(2027, 1, 1))
    haven.access.register_person(ada, by=HOUSE)
    assert refused(lambda: haven.optouts.record_objection("o4", TO_GP, "No", by=person("ada")))


def test_an_objection_that_stands_for_nobody_blocks(haven: OptOutHaven) -> None:
    """Recorded under an id under which the linkage zone knows nobody, it would be heeded by nobody."""
    haven.refresh([])
    haven.optouts.record_objection("mistyped", TO_GP, "No", by=GP)
    with pytest.raises(ObjectorUnknown):
        haven.publish()
    haven.optouts.answer("mistyped", TO_GP, ObjectionState.WITHDRAWN, "recorded anew", by=GP)
    haven.publish()


def test_what_was_recorded_is_not_written_over(haven: OptOutHaven) -> None:
    """The same objection again is refused: its answer stays."""
    haven.optouts.record_objection("o6", TO_GP, "No", by=GP)
    haven.optouts.answer("o6", TO_GP, ObjectionState.DECLINED, "A court order", by=GP)
    again = refused(lambda: haven.optouts.record_objection("o6", TO_GP, "No", by=GP))
    assert again == "optouts.recorded_already"
    assert [one.state for one in haven.optouts.objections("o6")] == [ObjectionState.DECLINED]


def test_no_number_stands_in_what_is_written_outside_the_linkage_zone(haven: OptOutHaven) -> None:
    """A wish or a reason that holds what may be an NHS number is refused."""
    spaced = f"{ADA[:3]} {ADA[3:6]} {ADA[6:]}"
    dotted, apart = spaced.replace(" ", "."), spaced.replace(" ", "  ")
    for text in (f"her number is {ADA}", f"it is {spaced}.", f"it is {dotted}.", f"it is {apart}."):
        assert refused(lambda text=text: haven.optouts.record_objection("o5", TO_GP, text, by=GP)) == (
            "optouts.number_in_text"
        )
    assert haven.optouts.objections() == []


def test_each_disclosure_carries_its_certificate(haven: OptOutHaven) -> None:
    """Which list, of what time, how many people and records before and after; in the log with small counts hidden."""
    name = haven.refresh([ADA])
    haven.publish()
    (certificate,) = haven.disclosures.certificates("admissions")
    assert certificate.plan.using is not None
    assert (certificate.plan.using.id, certificate.plan.using.state) == (name, ListState.IN_FORCE)
    assert certificate.people == (5, 3)
    assert certificate.rows == {"gp_events": (4, 2), "hospital_episodes": (3, 2)}
    told = next(e for e in haven.records.log.events if e.name is EventName.OPTOUT_CERTIFIED)  # type: ignore[attr-defined]
    assert told.details["people"] == ["fewer than 10", "fewer than 10"]
    assert told.details["list"] == name


SAME_DAYS = {"hospital": {"tables": {"hospital_episodes": {"columns": {"admidate": "the outcome"}, "dates": "day",
             "period": {"column": "admidate", "from": "2026-02-01", "to": "2026-02-28"}}}}}  # fmt: skip
OTHER_DAYS = {"hospital": {"tables": {"hospital_episodes": {"columns": {"admidate": "the outcome"}, "dates": "day",
              "period": {"column": "admidate", "from": "2025-02-01", "to": "2025-02-28"}}}}}  # fmt: skip
LAST_YEARS = {"hospital": {"tables": {"hospital_episodes": {"columns": {"admidate": "the outcome"}, "dates": "day",
              "period": {"column": "admidate", "from": "2025-02-01", "to": "2026-02-01"}}}}}  # fmt: skip


def test_one_recipient_never_gets_a_cut_with_and_one_without(haven: OptOutHaven) -> None:
    """Another project of the same organisation, the same dataset and days, without: refused, naming the first."""
    haven.live("with", datasets=SAME_DAYS, people=["asha"])
    haven.live("without", datasets=SAME_DAYS, people=["bryn"], applicant="bryn")
    haven.live("last-year", datasets=OTHER_DAYS, people=["bryn"], applicant="bryn")
    haven.live("touching", datasets=LAST_YEARS, people=["bryn"], applicant="bryn")
    for project in ("without", "last-year", "touching"):
        haven.optouts.decide(
            project, "hospital", "university", OptOutCase.SECTION_251, "21/CAG/0123", by=organisation("hospital")
        )
    haven.refresh([ADA])
    haven.publish("with")
    (first,) = haven.disclosures.certificates("with")
    with pytest.raises(RefusedError, match=first.id) as told:
        haven.publish("without")
    assert told.value.refused.code == "optouts.with_and_without"
    assert "project with" in str(told.value)
    assert refused(lambda: haven.publish("touching")) == "optouts.with_and_without"
    haven.publish("last-year")
