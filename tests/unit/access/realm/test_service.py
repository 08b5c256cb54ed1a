"""The record comes first: what was done with log-ins and the realm stands in the log, or was not done."""

from __future__ import annotations

import re

import pytest

from access.decisions import RefusedError
from access.people.model import Role
from access.realm.drift import Difference, Kind
from access.realm.errors import ClientUnknown, RealmNotRepaired, RealmUnreachable
from access.realm.parts import Part
from access.realm.service import Identity, OneTimePassword
from audit.errors import AuditUnavailable
from audit.model import person
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.havens import HOUSE, PEOPLE, memory_records, peopled
from tests.fakes.people import invented_person
from tests.fakes.realm import MemoryRealm, MemoryUsers

DRIFT = Difference(Kind.CHANGED, Part.CLIENT, "haven-cli", "directAccessGrantsEnabled", False, True)


class House:
    """Seven people, no user yet, and a realm that has drifted."""

    def __init__(self, *, real_data: bool = False) -> None:
        self.records = memory_records()
        self.log = MemoryAuditLog()
        self.access = peopled(self.records, real_data=real_data)
        self.records.log = self.log
        self.realm, self.users = MemoryRealm(DRIFT), MemoryUsers()
        self.identity = Identity(self.realm, self.users, self.access, self.records)

    @property
    def told(self) -> list[str]:
        """The names of what the log holds."""
        return [event.name.value for event in self.log.events]


@pytest.fixture
def house() -> House:
    """A fresh one."""
    return House()


def test_a_sync_tells_of_each_log_in_once(house: House) -> None:
    """Seven new people are seven entries with their roles; a second sync is none."""
    given = house.identity.sync(by=HOUSE).passwords
    assert house.told == ["login.provisioned"] * len(PEOPLE)
    assert house.log.events[0].details == {"person": "asha", "roles": ["researcher"]}
    assert {one.person: one.password for one in given} == house.users.passwords
    assert house.identity.sync(by=HOUSE).steps == ()
    assert len(house.told) == len(PEOPLE)


def test_one_time_passwords_are_long_unlike_each_other_and_unseen(house: House) -> None:
    """Twenty characters that cannot be mistaken; none in the log, and none where the object is printed."""
    given = house.identity.sync(by=HOUSE).passwords
    assert len({one.password for one in given}) == len(PEOPLE)
    for one in given:
        assert re.fullmatch(r"([b-df-hj-km-np-tv-xz2-9]{4}-){4}[b-df-hj-km-np-tv-xz2-9]{4}", one.password)
        assert one.password not in repr(one)
        assert one.password not in repr(house.log.events)


def test_without_the_log_nobody_gets_a_log_in(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that does not answer stops the sync before anything changed in Keycloak."""

    def refuse(events: object) -> None:
        raise AuditUnavailable("The log does not answer.")

    monkeypatch.setattr(house.log, "append", refuse)
    with pytest.raises(AuditUnavailable):
        house.identity.sync(by=HOUSE)
    with pytest.raises(AuditUnavailable):
        house.identity.repair(by=HOUSE)
    assert house.users.kept == {}
    assert house.realm.differences == [DRIFT]


def test_what_keycloak_refused_is_told_as_abandoned(house: House) -> None:
    """Where Keycloak fails after the entry was written, the log says that the change was not kept."""
    house.users.broken = house.realm.broken = True
    with pytest.raises(RealmUnreachable):
        house.identity.sync(by=HOUSE)
    with pytest.raises(RealmUnreachable):
        house.identity.apply(by=HOUSE)
    assert house.told == ["login.provisioned", "change.abandoned", "realm.applied", "change.abandoned"]
    assert house.log.events[1].details == {"event": house.log.events[0].id, "name": "login.provisioned"}


def test_what_keycloak_refuses_of_one_keeps_no_other_log_in_open(house: House) -> None:
    """Who left is closed first, the others are made with their passwords handed over; then the refusal is told."""
    house.identity.sync(by=HOUSE)
    house.access.suspend_person("lena", by=HOUSE)
    for name in ("asha", "carys"):
        del house.users.kept[name]
    house.users.refuses = frozenset({"asha"})
    given: list[str] = []
    with pytest.raises(RealmNotRepaired):
        house.identity.sync(by=HOUSE, hand_over=lambda one: given.append(one.person))
    assert not house.users.kept["lena"].enabled
    assert house.users.kept["carys"].enabled
    assert given == ["asha", "carys"]  # asha's is replaced at the next sync
    assert house.told[-4:] == ["login.disabled", "login.provisioned", "change.abandoned", "login.provisioned"]
    house.users.refuses = frozenset()
    assert [one.person for one in house.identity.sync(by=HOUSE).passwords] == ["asha"]


def test_no_log_in_is_made_whose_password_cannot_be_handed_over(house: House) -> None:
    """Where its file cannot be written the person has no log-in yet, and the next sync makes it."""

    def full(_: OneTimePassword) -> None:
        raise RealmNotRepaired("No space is left.")

    with pytest.raises(RealmNotRepaired):
        house.identity.sync(by=HOUSE, hand_over=full)
    assert house.users.kept == {}
    assert len(house.identity.sync(by=HOUSE).passwords) == len(PEOPLE)


def test_drift_is_told_when_found_and_when_mended(house: House) -> None:
    """Checking records each difference by its name; repairing records both; a realm in order records nothing."""
    named = ["changed client/haven-cli/directAccessGrantsEnabled"]
    assert house.identity.check(by=HOUSE) == [DRIFT]
    assert house.identity.repair(by=HOUSE) == [DRIFT]
    assert house.identity.check(by=HOUSE) == house.identity.repair(by=HOUSE) == house.identity.apply(by=HOUSE) == []
    assert house.told == ["realm.drift_found", "realm.drift_found", "realm.repaired"]
    assert all(event.details == {"differences": named} for event in house.log.events)


def test_only_our_own_services_have_a_secret(house: House) -> None:
    """The portal's and the hub's secrets are given; of another client, and of Keycloak's own, none."""
    assert house.identity.client_secret("haven-hub", by=HOUSE) == "the secret of haven-hub"
    for name in ("haven-cli", "realm-management", "../haven-hub"):
        with pytest.raises(ClientUnknown):
            house.identity.client_secret(name, by=HOUSE)


def test_a_changed_key_is_told(house: House) -> None:
    """From when on tokens are signed with a new key stands in the log."""
    assert house.identity.change_signing_key(by=HOUSE) == "haven-es256-101"
    assert house.told == ["realm.key_changed"]


@pytest.fixture
def real() -> House:
    """With real data, and with an administrator who took the office up."""
    house = House(real_data=True)
    house.identity.sync(by=HOUSE)
    house.access.register_person(invented_person("adam", "haven", {Role.ADMINISTRATOR}), by=HOUSE)
    return house


def test_with_real_data_an_administrator_administers_log_ins(real: House) -> None:
    """Neither the haven's own account nor another officer resets, signs anew or takes a secret; recorded."""
    for by, rule in ((HOUSE, "office.not_held"), (person("lena"), "person.other_role")):
        for call, event in (
            (lambda by=by: real.identity.reset("greta", by=by), "login.reset_refused"),
            (lambda by=by: real.identity.change_signing_key(by=by), "realm.change_refused"),
            (lambda by=by: real.identity.client_secret("haven-hub", by=by), "realm.change_refused"),
        ):
            with pytest.raises(RefusedError) as refused:
                call()
            assert refused.value.refused.code == rule
            assert (real.told[-1], real.log.events[-1].details["rule"]) == (event, rule)
    with pytest.raises(RefusedError):
        real.identity.repair(by=person("lena"))
    adam = person("adam")
    assert real.identity.reset("greta", by=adam).person == "greta"
    assert real.identity.client_secret("haven-hub", by=adam) == "the secret of haven-hub"
    assert real.identity.repair(by=adam) == [DRIFT]
    assert real.told[-4:] == ["login.reset", "realm.secret_given", "realm.drift_found", "realm.repaired"]


def test_a_realm_in_which_no_administrator_can_log_in_is_mended(real: House) -> None:
    """The haven's own account takes the realm back to the table also with real data."""
    assert real.identity.repair(by=HOUSE) == [DRIFT]


def test_nobody_resets_their_own_log_in(real: House) -> None:
    """Another administrator does."""
    with pytest.raises(RefusedError) as refused:
        real.identity.reset("adam", by=person("adam"))
    assert refused.value.refused.code == "login.own_reset"


def test_whoever_is_no_administrator_closes_log_ins_and_makes_none(real: House) -> None:
    """A sync by the haven's own account follows the records, and gives out no one-time password."""
    real.access.suspend_person("asha", by=person("adam"))
    done = real.identity.sync(by=HOUSE)
    assert (done.passwords, [one.person for one in done.left_out]) == ((), ["adam"])
    assert done.left_out[0].refused.code == "office.not_held"
    assert not real.users.kept["asha"].enabled
    assert [one.person for one in real.identity.sync(by=person("adam")).passwords] == ["adam"]
