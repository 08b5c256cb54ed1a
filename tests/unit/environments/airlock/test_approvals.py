"""The adapter to access: what the airlock asks is answered from the approval records, all owners' rules together."""

from __future__ import annotations

from datetime import date

import pytest

from access.decisions import RefusedError
from access.people.model import Role
from access.service import Access
from audit.model import organisation, person
from environments.airlock.approvals import AccessApprovals
from environments.airlock.ports import Approvals
from environments.disclosure.profile import criteria
from tests.fakes.havens import HOUSE, make_live, memory_records, peopled, project_file
from tests.fakes.people import invented_person


@pytest.fixture
def access() -> Access:
    """A haven with one live project, admissions, of Asha and Ewa."""
    found = peopled(memory_records())
    entry = found.datasets()["hospital"]
    found.register_dataset(type(entry)(entry.id, entry.controller, entry.notice, "hes", entry.tables), by=HOUSE)
    found.apply(project_file(), applicant="asha", by=person("asha"))
    make_live(found)
    return found


def test_it_fits_the_port(access: Access) -> None:
    """People, roles, versions and standing are those of the records."""
    approvals: Approvals = AccessApprovals(access)
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
    name = AccessApprovals(access).profile("admissions")
    assert name == "hes+nhs_england_sde"
    assert criteria(name).counts.smallest_shown == 10


def test_a_withdrawal_is_seen_at_once(access: Access) -> None:
    """One controller withdraws: no submission, no standing, no version in force."""
    access.withdraw("admissions", "gp", "The purpose changed.", by=organisation("gp"))
    approvals = AccessApprovals(access)
    assert not approvals.standing("admissions")
    assert not approvals.may_submit("asha", "admissions")
    assert approvals.scope_version("admissions") is None


def test_a_suspended_checker_is_none(access: Access) -> None:
    """Access promptly removed."""
    access.suspend_person("dev", by=HOUSE)
    assert "dev" not in AccessApprovals(access).output_checkers()
    assert not AccessApprovals(access).may_check_output("dev", "admissions")


def test_who_decides_for_a_controller(access: Access) -> None:
    """Its own account or its delegate; nobody else's."""
    approvals = AccessApprovals(access)
    access.register_person(invented_person("zed", "hospital", {Role.OUTPUT_CHECKER}, date(2027, 1, 31)), by=HOUSE)
    allowed = [organisation("gp"), person("gwen")]
    refused = [organisation("hospital"), person("hari"), person("zed"), person("nobody")]
    assert all(approvals.may_decide_for(by, "gp", "admissions") for by in allowed)
    assert not any(approvals.may_decide_for(by, "gp", "admissions") for by in refused)


def test_an_unknown_project_is_refused(access: Access) -> None:
    """There is no profile of nothing."""
    with pytest.raises(RefusedError):
        AccessApprovals(access).profile("nothing")
