"""The adapter to access: what the airlock asks is answered from the approval records, all owners' rules together."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from access.decisions import RefusedError
from access.optouts.disclosures import Disclosures
from access.organisations.model import Organisation
from access.people.model import Role
from access.service import Access
from audit.clock import FixedClock
from audit.model import organisation, person
from audit.records import Change
from environments.airlock.approvals import AccessApprovals
from environments.airlock.ports import Approvals
from environments.disclosure.profile import criteria
from tests.fakes.havens import HOUSE, make_live, memory_records, peopled, project_file
from tests.fakes.papers import REAL, approve_all
from tests.fakes.people import assessed, invented_person


@pytest.fixture
def access() -> Access:
    """A haven with one live project, admissions, of Asha and Ewa."""
    found = peopled(memory_records())
    entry = found.datasets()["hospital"]
    found.register_dataset(type(entry)(entry.id, entry.controller, entry.notice, "hes", entry.tables), by=HOUSE)
    found.apply(project_file(), applicant="asha", by=person("asha"))
    make_live(found)
    return found


def _disclosures(access: Access) -> Disclosures:
    return Disclosures(access.records, longest=timedelta(days=7), real_data=False)


def _approvals(access: Access) -> AccessApprovals:
    return AccessApprovals(access, _disclosures(access))


def test_it_fits_the_port(access: Access) -> None:
    """People, roles, versions and standing are those of the records."""
    approvals: Approvals = _approvals(access)
    assert approvals.may_submit("asha", "admissions")
    assert not approvals.may_submit("dev", "admissions")
    assert approvals.may_check_output("dev", "admissions")
    assert not approvals.may_check_output("ewa", "admissions")
    assert approvals.members("admissions") == {"asha", "ewa"}
    assert approvals.output_checkers() == {"dev", "ewa"}
    assert approvals.scope_version("admissions") == 1
    assert approvals.standing("admissions")
    assert approvals.vetoes("admissions") == frozenset()


def test_all_owners_rules_apply(access: Access) -> None:
    """The project's profile and those of its datasets' owners: the strictest combination."""
    name = _approvals(access).profile("admissions")
    assert name == "hes+nhs_england_sde"
    assert criteria(name).counts.smallest_shown == 10


def test_a_withdrawal_is_seen_at_once(access: Access) -> None:
    """One controller withdraws: no submission, no standing, no version in force."""
    access.withdraw("admissions", "gp", "The purpose changed.", by=organisation("gp"))
    approvals = _approvals(access)
    assert not approvals.standing("admissions")
    assert not approvals.may_submit("asha", "admissions")
    assert approvals.scope_version("admissions") is None


def test_a_suspended_checker_is_none(access: Access) -> None:
    """Access promptly removed."""
    access.suspend_person("dev", by=HOUSE)
    assert "dev" not in _approvals(access).output_checkers()
    assert not _approvals(access).may_check_output("dev", "admissions")


def test_who_decides_for_a_controller(access: Access) -> None:
    """Its own account or its delegate; nobody else's."""
    approvals = _approvals(access)
    access.register_person(invented_person("zed", "hospital", {Role.OUTPUT_CHECKER}, date(2027, 1, 31)), by=HOUSE)
    allowed = [organisation("gp"), person("gwen")]
    refused = [organisation("hospital"), person("hari"), person("zed"), person("nobody")]
    assert all(approvals.may_decide_for(by, "gp", "admissions") for by in allowed)
    assert not any(approvals.may_decide_for(by, "gp", "admissions") for by in refused)


def test_who_was_barred_or_dismissed_has_no_say(access: Access) -> None:
    """A delegate who is closed or barred decides for nobody; a barred checker is listed for no request."""
    access.sanction("person:gwen", "A breach of the rules.", None, by=HOUSE)
    access.close_person("hari", "Left the hospital.", by=HOUSE)
    access.sanction("person:dev", "A breach of the rules.", None, by=HOUSE)
    approvals = _approvals(access)
    codes = [
        approvals.may_decide_for(person(who), of, "admissions").code
        for who, of in (("gwen", "gp"), ("hari", "hospital"))
    ]
    assert codes == ["person.sanctioned", "person.closed"]
    assert approvals.output_checkers() == {"ewa"}


def test_who_has_not_logged_in_this_year_is_listed_all_the_same(access: Access) -> None:
    """They held the role when the request came in; their verdict counts when they have acknowledged their duty."""
    nora = invented_person("nora", "haven", {Role.OUTPUT_CHECKER}, date(2027, 1, 31))
    access.register_person(replace(nora, evidence=replace(nora.evidence, acknowledged_on=None)), by=HOUSE)
    assert "nora" in _approvals(access).output_checkers()
    assert _approvals(access).may_check_output("nora", "admissions").code == "person.acknowledgement_missing"


def test_who_may_receive_what_a_commissioner_is_handed(access: Access) -> None:
    """A registered organisation that may take part, by id or name, or a person of one who may act; nobody else."""
    approvals = _approvals(access)
    assert all(approvals.may_receive(one, "admissions") for one in ("university", "University", "carys"))
    assert approvals.may_receive("A data broker", "admissions").code == "release.recipient_unknown"
    access.register_organisation(Organisation("board", "The board"), by=HOUSE)
    assert approvals.may_receive("board", "admissions").code == "organisation.security_missing"
    access.close_person("carys", "Left the university.", by=HOUSE)
    assert approvals.may_receive("carys", "admissions").code == "person.closed"
    access.sanction("organisation:university", "A breach of the rules.", None, by=HOUSE)
    codes = {approvals.may_receive(one, "admissions").code for one in ("university", "University", "bryn")}
    assert codes == {"organisation.sanctioned"}


def test_where_the_projects_file_lists_recipients_it_is_one_of_them(access: Access) -> None:
    """The approval says to whom extracts may go."""
    access.apply(project_file(recipients=["hospital"]), applicant="asha", by=person("asha"))
    make_live(access)
    approvals = _approvals(access)
    assert all(approvals.may_receive(one, "admissions") for one in ("hospital", "hari"))
    codes = {approvals.may_receive(one, "admissions").code for one in ("university", "carys")}
    assert codes == {"release.recipient_not_listed"}


def test_real_peoples_data_go_to_nobody_whom_no_file_names(access: Access) -> None:
    """Where the file lists no recipient there is no flow to one, and nobody decided on opt-outs for it."""
    file = project_file(**REAL)
    access.apply(file, applicant="asha", by=person("asha"))
    approve_all(access, file)
    assert access.standing("admissions")
    assert _approvals(access).may_receive("university", "admissions").code == "release.recipient_not_listed"


def test_a_name_that_two_organisations_bear_is_no_recipient(access: Access) -> None:
    """Their ids are."""
    access.register_organisation(assessed("uni2", "University"), by=HOUSE)
    assert _approvals(access).may_receive("University", "admissions").code == "release.recipient_unknown"
    assert _approvals(access).may_receive("uni2", "admissions")


def test_who_acknowledges_a_recall(access: Access) -> None:
    """Who was told, the account of the organisation, or somebody of it who may act."""
    approvals = _approvals(access)
    told = [(person("asha"), "asha"), (organisation("university"), "university"), (person("carys"), "University")]
    assert all(approvals.may_acknowledge(by, recipient) for by, recipient in told)
    others = [(person("dev"), "asha"), (person("dev"), "university"), (organisation("asha"), "asha")]
    others += [(organisation("gp"), "university"), (person("dev"), "A data broker")]
    assert {approvals.may_acknowledge(*one).code for one in others} == {"release.not_the_recipient"}
    access.close_person("carys", "Left the university.", by=HOUSE)
    assert approvals.may_acknowledge(person("carys"), "university").code == "person.closed"


def test_an_unknown_project_is_refused(access: Access) -> None:
    """There is no profile of nothing."""
    with pytest.raises(RefusedError):
        _approvals(access).profile("nothing")


def _certified(access: Access, change: Change, request: str, offered: datetime) -> str | None:
    return _approvals(access).certify_release(change, "admissions", 1, request, offered=offered)


def test_a_release_is_certified_by_what_was_in_use_when_it_was_offered(access: Access) -> None:
    """A scope that was published after the table was offered, under another list, is not what the table is of."""
    disclosures, scope, clock = _disclosures(access), access.live_scope("admissions"), access.records.clock
    assert isinstance(clock, FixedClock)
    for build, people in (("first", (30, 20)), ("second", (30, 19))):
        with access.records.change(by=HOUSE) as change:
            disclosures.certify(change, disclosures.plan(scope), "scope", build, people, {"gp_events": (60, 40)})
            clock.at += timedelta(hours=2)
    with access.records.change(by=HOUSE) as change:
        between, later = (_certified(access, change, f"r{ago}", clock.now() - timedelta(hours=ago)) for ago in (3, 1))
    assert between is not None
    assert later is not None
    assert [disclosures.certificate(one).people for one in (between, later)] == [(30, 20), (30, 19)]


def test_a_release_is_certified_as_the_scope_it_was_made_from(access: Access) -> None:
    """Its certificate has the scope's plan and counts and no cut; of a version that was never built there is none."""
    disclosures, scope = _disclosures(access), access.live_scope("admissions")
    with access.records.change(by=HOUSE) as change:
        assert _certified(access, change, "r0", change.at) is None
        disclosures.certify(change, disclosures.plan(scope), "scope", "build", (30, 20), {"gp_events": (60, 40)})
    with access.records.change(by=HOUSE) as change:
        name = _certified(access, change, "r1", change.at)
    assert name is not None
    made = disclosures.certificate(name)
    assert (made.kind, made.subject, made.people, made.plan.cuts) == ("release", "r1", (30, 20), ())
