"""The record comes first: what was done with log-ins and the realm stands in the log, or was not done."""

from __future__ import annotations

import re

import pytest

from access.realm.drift import Difference, Kind
from access.realm.errors import ClientUnknown, RealmNotRepaired, RealmUnreachable
from access.realm.parts import Part
from access.realm.service import Identity, OneTimePassword
from audit.errors import AuditUnavailable
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.havens import HOUSE, PEOPLE, memory_records, peopled
from tests.fakes.realm import MemoryRealm, MemoryUsers

DRIFT = Difference(Kind.CHANGED, Part.CLIENT, "haven-cli", "directAccessGrantsEnabled", False, True)


class House:
    """Seven people, no user yet, and a realm that has drifted."""

    def __init__(self) -> None:
        self.records = memory_records()
        self.log = MemoryAuditLog()
        self.access = peopled(self.records)
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
    assert house.identity.client_secret("haven-hub") == "the secret of haven-hub"
    for name in ("haven-cli", "realm-management", "../haven-hub"):
        with pytest.raises(ClientUnknown):
            house.identity.client_secret(name)


def test_a_changed_key_is_told(house: House) -> None:
    """From when on tokens are signed with a new key stands in the log."""
    assert house.identity.change_signing_key(by=HOUSE) == "haven-es256-101"
    assert house.told == ["realm.key_changed"]
