"""The rule book of what is not left to the log: break-glass, closed accounts, recovered offices; who ends what."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path

import pytest

from access.decisions import Refused, RefusedError
from access.housekeeping.service import Housekeeping
from access.people.model import Role
from access.projects.model import Outcome
from access.realm.errors import RealmUnreachable
from access.realm.service import Identity
from access.service import Access
from audit.clock import FixedClock
from audit.events import EventName
from audit.model import organisation, person, service
from environments.airlock.approvals import AccessApprovals
from infra.recovery import FILE, forget_word, roots_word, write_word
from linkage.store import held_deliveries
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.gateway import disclosures_of
from tests.fakes.havens import ANSWERS, HOUSE, memory_records, peopled, project_file
from tests.fakes.people import invented_person
from tests.fakes.realm import MemoryRealm, MemoryUsers

LENA, ASHA = person("lena"), person("asha")


@pytest.fixture
def access(clock: FixedClock) -> Access:
    """The usual people, an administrator, and a second governance lead."""
    access = peopled(memory_records(clock))
    for name, role in (("adam", Role.ADMINISTRATOR), ("max", Role.GOVERNANCE_LEAD)):
        access.register_person(invented_person(name, "haven", {role}, date(2027, 1, 31)), by=HOUSE)
    return access


def _told(access: Access, name: str) -> list[str]:
    found = access.person(name)
    assert found is not None
    return [one.told for one in Housekeeping(access).notices(found)]


def _refused(error: pytest.ExceptionInfo[RefusedError]) -> str:
    return error.value.refused.code


def _events(access: Access, name: EventName) -> list[dict[str, object]]:
    log = access.records.log
    assert isinstance(log, MemoryAuditLog)
    return [dict(one.details) for one in log.events if one.name is name]


# -- break-glass


def test_break_glass_waits_for_administrators_leads_and_the_guardian_until_it_is_reviewed(
    access: Access, clock: FixedClock
) -> None:
    """From the moment it is opened: who, where, by whom, until when, why. Nobody else; after its review nobody."""
    access.apply(project_file(), applicant="asha", by=ASHA)
    access.open_emergency("asha", "admissions", "A patient's life is at risk", 2, by=LENA)
    for name in ("adam", "lena", "max", "greta"):
        (told,) = _told(access, name)
        assert told.startswith(
            "BREAK-GLASS, not reviewed: asha was let into admissions by person:lena until 2026-03-01 11:00"
        )
        assert "A patient's life is at risk" in told
    assert not any(_told(access, name) for name in ("asha", "dev", "gwen", "sian"))
    clock.at += timedelta(days=200)
    assert _told(access, "greta")
    (waiting,) = access.emergencies(unreviewed=True)
    access.review_emergency(waiting.id, "The patient was treated.", justified=True, by=HOUSE)
    assert not any(_told(access, name) for name in ("adam", "lena", "max", "greta"))


def test_an_account_closed_as_dormant_is_told_for_thirty_days(access: Access, clock: FixedClock) -> None:
    """To administrators and leads, by whom it can be opened again; one that was closed by hand is no news to them."""
    access.saw("bryn")
    clock.at += timedelta(days=91)
    for name in ("asha", "adam", "lena"):
        access.saw(name)
    access.close_person("asha", "Left the university.", by=HOUSE)
    Housekeeping(access).run(by=service("housekeeping"))
    (told,) = [one for one in _told(access, "adam") if "bryn" in one]
    assert told == "The account of bryn was closed: not used since 2026-03-01."
    assert any("bryn" in one for one in _told(access, "lena"))
    assert not any("bryn" in one for one in _told(access, "greta"))
    assert not any("asha" in one for one in _told(access, "adam"))
    clock.at += timedelta(days=30)
    assert any("bryn" in one for one in _told(access, "adam"))
    clock.at += timedelta(days=1)
    assert not any("bryn" in one for one in _told(access, "adam"))


# -- a log-in that was reset


def test_a_reset_log_in_is_told_to_who_looks_at_administrators_work(access: Access, clock: FixedClock) -> None:
    """Whose, by whom, when and why, for thirty days; it is in the log too. A reset that Keycloak refused is none."""
    users = MemoryUsers()
    identity = Identity(MemoryRealm(), users, access, access.records)
    identity.sync(by=HOUSE)
    identity.reset("asha", "Asha lost\nher telephone.", by=person("adam"))
    for name in ("adam", "lena", "max", "greta"):
        (told,) = _told(access, name)
        assert told == (
            "The log-in of asha was reset by person:adam at 2026-03-01 09:00 UTC: a new one-time password, a new second"
            " factor. Reason given: Asha lost her telephone."
        )
    assert not any(_told(access, name) for name in ("asha", "dev", "gwen", "sian"))
    assert _events(access, EventName.LOGIN_RESET) == [{"person": "asha"}]
    clock.at += timedelta(days=1)
    identity.reset("dev", by=person("adam"))
    assert _told(access, "greta")[1].endswith("a new second factor. No reason was given.")
    users.broken = True
    with pytest.raises(RealmUnreachable):
        identity.reset("gwen", by=person("adam"))
    with pytest.raises(RefusedError) as silent:
        identity.reset("dev", " ", by=person("adam"))
    assert _refused(silent) == "reason.missing"
    assert len(_told(access, "greta")) == 2
    assert [one["name"] for one in _events(access, EventName.CHANGE_ABANDONED)] == ["login.reset"]
    clock.at += timedelta(days=30)
    assert len(_told(access, "greta")) == 1
    clock.at += timedelta(days=1)
    assert _told(access, "greta") == []


# -- an organisation's own account


def test_a_barred_organisations_own_account_decides_nothing(access: Access) -> None:
    """Not on projects, not on releases, as its delegates do not; when the sanction is lifted it does."""
    access.apply(project_file(), applicant="asha", by=ASHA)
    access.approve("admissions", "hospital", by=organisation("hospital"))
    sanction = access.sanction("organisation:gp", "Sold data on.", None, by=LENA)
    gp = organisation("gp")
    with pytest.raises(RefusedError) as approved:
        access.approve("admissions", "gp", by=gp)
    with pytest.raises(RefusedError) as refused:
        access.refuse("admissions", "gp", "We do not want this.", by=gp)
    assert [_refused(approved), _refused(refused)] == ["organisation.sanctioned"] * 2
    approvals = AccessApprovals(access, disclosures_of(access.records))
    decision = approvals.may_decide_for(gp, "gp", "admissions")
    assert isinstance(decision, Refused)
    assert decision.code == "organisation.sanctioned"
    acknowledged = approvals.may_acknowledge(gp, "gp")
    assert isinstance(acknowledged, Refused)
    assert [one["rule"] for one in _events(access, EventName.PROJECT_APPROVE_REFUSED)] == [
        "organisation.sanctioned"
    ] * 2
    access.lift_sanction(sanction.id, "It was an error.", by=LENA)
    access.approve("admissions", "gp", by=gp)
    access.endorse("admissions", Outcome.APPROVED, ANSWERS, by=person("greta"))
    assert access.standing("admissions")


# -- an authoriser's term


def test_an_appointment_is_ended_at_once_by_a_lead_or_by_stepping_down(access: Access) -> None:
    """What rests on it alone stops; it is told from then on of nobody's end; appointed anew it holds again."""
    access.appoint_authoriser("sian", date(2026, 12, 31), by=LENA)
    with pytest.raises(RefusedError) as other:
        access.end_authoriser("sian", "I should like that office.", by=person("dev"))
    with pytest.raises(RefusedError) as silent:
        access.end_authoriser("sian", " ", by=LENA)
    assert [_refused(other), _refused(silent)] == ["person.other_role", "reason.missing"]
    assert access.authorisers() == ["sian"]
    access.end_authoriser("sian", "Sian moves to another post.", by=LENA)
    assert access.authorisers() == []
    assert "authoriser-end" not in {one.kind for one in Housekeeping(access).due(within=timedelta(days=400))}
    with pytest.raises(RefusedError) as again:
        access.end_authoriser("sian", "Sian moves to another post.", by=LENA)
    assert _refused(again) == "authoriser.not_appointed"
    access.appoint_authoriser("sian", date(2026, 12, 31), by=LENA)
    access.end_authoriser("sian", "I step down from this.", by=person("sian"))
    assert access.authorisers() == []
    assert len(_events(access, EventName.AUTHORISER_ENDED)) == 2
    assert [one["rule"] for one in _events(access, EventName.AUTHORISER_END_REFUSED)] == [
        "person.other_role", "reason.missing", "authoriser.not_appointed"]  # fmt: skip


# -- an office without anybody


def test_when_every_administrator_is_closed_root_gives_the_office_back_for_an_hour(
    access: Access, clock: FixedClock
) -> None:
    """Refused without root, and while one can act; in the hour the haven's own account registers one; then no more."""
    access = Access(access.records, real_data=True, held=held_deliveries)
    new = invented_person("mo", "haven", {Role.ADMINISTRATOR}, date(2027, 1, 31))
    why = "Our only administrator left; Mo follows."
    with pytest.raises(RefusedError) as held:
        access.register_person(new, by=HOUSE)
    assert _refused(held) == "office.not_held"
    clock.at += timedelta(days=1)
    records = access.records
    Access(records, real_data=False, held=held_deliveries).close_person("adam", "Left the haven.", by=HOUSE)
    with pytest.raises(RefusedError) as closed:
        access.register_person(new, by=HOUSE)
    assert _refused(closed) == "office.not_held"
    with pytest.raises(RefusedError) as not_root:
        access.recover_administration(why, root=False, by=HOUSE)
    with pytest.raises(RefusedError) as silent:
        access.recover_administration("", root=True, by=HOUSE)
    assert [_refused(not_root), _refused(silent)] == ["office.recovery_not_root", "reason.missing"]
    assert access.recover_administration(why, root=True, by=HOUSE) == clock.at + timedelta(hours=1)
    access.register_person(new, by=HOUSE)
    clock.at += timedelta(hours=1)
    with pytest.raises(RefusedError) as over:
        access.register_person(invented_person("nia", "haven", {Role.ADMINISTRATOR}, date(2027, 1, 31)), by=HOUSE)
    assert _refused(over) == "office.not_held"
    assert [one["role"] for one in _events(access, EventName.OFFICE_RECOVERED)] == ["administrator"]
    (told,) = _told(access, "greta")
    assert told.startswith("Root gave the office administrator back to the haven's own account until 2026-03-02 10:00")
    assert why in told
    clock.at += timedelta(days=91)
    assert _told(access, "greta") == []


def test_nothing_is_recovered_while_an_administrator_can_act_or_data_are_synthetic(access: Access) -> None:
    """Root is no way around an administrator."""
    with pytest.raises(RefusedError) as held:
        access.recover_administration("We should like to.", root=True, by=HOUSE)
    access.close_person("adam", "Left the haven.", by=HOUSE)
    with pytest.raises(RefusedError) as synthetic:
        access.recover_administration("We should like to.", root=True, by=HOUSE)
    assert [_refused(held), _refused(synthetic)] == ["office.held", "office.not_taken"]


def test_only_roots_own_file_of_this_hour_is_roots_word(tmp_path: Path) -> None:
    """An older file, one that others can write, a link, and one with a second name are nobody's word."""
    assert roots_word(tmp_path) is None
    write_word(tmp_path, "Our only administrator left.")
    if os.geteuid() != 0:  # of another account the same file is not root's word
        assert roots_word(tmp_path) is None
        return
    place = tmp_path / FILE
    assert roots_word(tmp_path) == "Our only administrator left."
    place.chmod(0o666)
    assert roots_word(tmp_path) is None
    place.chmod(0o644)
    os.chown(place, 1000, 1000)
    assert roots_word(tmp_path) is None
    os.chown(place, 0, 0)
    os.link(place, tmp_path / "second")
    assert roots_word(tmp_path) is None
    (tmp_path / "second").unlink()
    old = place.stat().st_mtime - 3601
    os.utime(place, (old, old))
    assert roots_word(tmp_path) is None
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    assert roots_word(tmp_path) is None
    forget_word(tmp_path)
    assert not place.is_symlink()
