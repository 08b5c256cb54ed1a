"""Make it so: the realm as it should be, and a log-in for exactly those who may have one; each with its record.

The entry in the log comes first, and a change that then fails is told as abandoned: no log, no change.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import delete

from access.decisions import Allowed, Refused
from access.realm.drift import Difference
from access.realm.errors import ClientUnknown, RealmNotRepaired
from access.realm.people import Change, Disable, LeftOut, Provision, Step, User, may_log_in, steps_between
from access.realm.roles import HUB, PORTAL
from access.realm.store import LoginResetRow
from access.service import Access
from access.verbs import ADMINISTRATION, may_be_said, shortened
from audit.events import EventName
from audit.model import Actor, AuditEvent, Json, service
from audit.records import Records

UNMISTAKABLE = "bcdfghjkmnpqrstvwxz23456789"
"""Characters of one-time passwords: none is taken for another, and no word can come of them."""
CONFIDENTIAL = (PORTAL, HUB)
GROUPS, GROUP_LENGTH = 5, 4


class Realm(Protocol):
    """Keycloak, as far as the realm itself goes."""

    def drift(self) -> list[Difference]:
        """Every difference between what the realm should be and what it is."""

    def apply(self) -> list[Difference]:
        """Make the realm what it should be; what was mended."""

    def change_signing_key(self) -> str:
        """A new key signs from now on; the one before it still counts. Its name."""

    def client_secret(self, client: str) -> str:
        """The secret of one of the haven's confidential clients."""


class Users(Protocol):
    """Keycloak, as far as its users go."""

    def users(self) -> list[User]:
        """All of them."""

    def provision(self, step: Provision, password: str) -> None:
        """Make a user who must choose a password and a second factor at the first log-in."""

    def change(self, step: Change) -> None:
        """Groups as the step says, nothing else, enabled."""

    def disable(self, step: Disable) -> None:
        """No log-in, no session, no group."""

    def reset(self, user: User, password: str) -> None:
        """A one-time password, no second factor, no session; locked out no longer."""


@dataclass(frozen=True)
class OneTimePassword:
    """What a person is given once, by a way that only they can read. It never comes into a log."""

    person: str
    password: str = field(repr=False)


HandOver = Callable[[OneTimePassword], object]


@dataclass(frozen=True)
class Synced:
    """What a sync did."""

    steps: tuple[Step, ...]
    passwords: tuple[OneTimePassword, ...]

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Registered people who have no log-in."""
        return tuple(step for step in self.steps if isinstance(step, LeftOut))


class Identity:
    """The realm, its users, and the records that both follow."""

    def __init__(self, realm: Realm, users: Users, access: Access, records: Records) -> None:
        self.realm = realm
        self._users = users
        self._access = access
        self._records = records

    # -- the realm

    def apply(self, *, by: Actor) -> list[Difference]:
        """Make the realm from the table and the settings; nothing is done or recorded where nothing differs."""
        return self._mend(EventName.REALM_APPLIED, self.realm.drift(), by)

    def check(self, *, by: Actor) -> list[Difference]:
        """What has drifted, by name; recorded where anything has."""
        found = self.realm.drift()
        if found:
            self._records.note(EventName.REALM_DRIFT_FOUND, by=by, differences=_names(found))
        return found

    def repair(self, *, by: Actor) -> list[Difference]:
        """Mend what has drifted; what it was. An administrator does, or the haven's own account.

        Raises RefusedError, which is recorded.
        """
        if by != ADMINISTRATION:  # which may, always: in a realm that drifted perhaps no administrator can log in
            self._require_administrator(by, "repair")
        return self._mend(EventName.REALM_REPAIRED, self.check(by=by), by)

    def change_signing_key(self, *, by: Actor) -> str:
        """Sign with a new key from now on. Tokens of the one before it count until they end. Its name.

        An administrator does. Raises RefusedError, which is recorded.
        """
        self._require_administrator(by, "change-signing-key")
        with self._recorded(EventName.REALM_KEY_CHANGED, by):
            return self.realm.change_signing_key()

    def client_secret(self, client: str, *, by: Actor) -> str:
        """The secret with which one of our services shows Keycloak who it is. Raises ClientUnknown for another's.

        An administrator asks. Raises RefusedError, which is recorded.
        """
        self._require_administrator(by, "client-secret")
        if client not in CONFIDENTIAL:
            raise ClientUnknown("No service of the haven has this name.", where=client, mend=" or ".join(CONFIDENTIAL))
        with self._recorded(EventName.REALM_SECRET_GIVEN, by, client=client):
            return self.realm.client_secret(client)

    def _require_administrator(self, by: Actor, what: str) -> None:
        decision = self._access.may_administer(by)
        if isinstance(decision, Refused):
            self._records.note(EventName.REALM_CHANGE_REFUSED, by=by, rule=decision.code, what=what)
        decision.require()

    def _mend(self, name: EventName, found: list[Difference], by: Actor) -> list[Difference]:
        if not found:
            return []
        with self._recorded(name, by, differences=_names(found)):
            return self.realm.apply()

    # -- people

    def sync(self, *, by: Actor, hand_over: HandOver | None = None) -> Synced:
        """Let exactly those log in who may, with the roles of the records; again changes nothing.

        Log-ins are closed first, and what Keycloak refuses of one person keeps nobody else's from being closed or made.
        Whoever is no administrator closes and changes log-ins, as the records say, and makes none: a new one comes with
        a one-time password, and whom it is for is told as left out. hand_over: takes each one-time password
        before its log-in is made, so that none is made without.
        Raises RealmNotRepaired after all the rest was done; RealmUnreachable at once.
        """
        steps = steps_between(self._access.people(), self._users.users(), self._records.clock.now().date())
        if isinstance(office := self._access.may_administer(by), Refused):
            steps = [LeftOut(one.person, office) if isinstance(one, Provision) else one for one in steps]
        passwords, refused = list[OneTimePassword](), list[RealmNotRepaired]()
        for step in sorted(steps, key=lambda one: not isinstance(one, Disable)):
            try:
                given = self._take(step, by, hand_over)
            except RealmNotRepaired as error:
                refused.append(error)
                continue
            passwords += [given] if given else []
        if refused:
            raise refused[0]
        return Synced(tuple(steps), tuple(passwords))

    def _take(self, step: Step, by: Actor, hand_over: HandOver | None) -> OneTimePassword | None:
        match step:
            case Provision(person, roles):
                given = OneTimePassword(person, _one_time_password())
                with self._recorded(EventName.LOGIN_PROVISIONED, by, person=person, roles=_said(roles)):
                    if hand_over is not None:
                        hand_over(given)
                    self._users.provision(step, given.password)
                return given
            case Change(user, roles):
                with self._recorded(EventName.LOGIN_CHANGED, by, person=user.name, roles=_said(roles)):
                    self._users.change(step)
            case Disable(user, code, person):
                # Who is not registered may have any name: Keycloak's own id stands for it.
                with self._recorded(EventName.LOGIN_DISABLED, by, person=person, user=user.id, rule=code):
                    self._users.disable(step)
        return None

    def reset(self, name: str, reason: str | None = None, *, by: Actor) -> OneTimePassword:
        """A new one-time password and, at the next log-in, a new second factor. All sessions end.

        It is told to those who look at the administrators' work (access.housekeeping.notices). Raises RefusedError,
        which is recorded: no administrator asks, or for themselves; this person may not log in, or has no log-in yet.
        """
        decision = self._access.may_administer(by)
        if decision and by == f"person:{name}":
            decision = Refused("login.own_reset", "Nobody resets their own log-in.", "Another administrator does.")
        decision = decision and (Allowed() if reason is None else may_be_said(reason))
        decision = decision and may_log_in(self._access.person(name), self._records.clock.now().date())
        user = next((one for one in self._users.users() if one.name == name), None)
        if decision and (user is None or not user.enabled):
            decision = Refused("login.none", "This person has no log-in.", "Make it: haven identity sync")
        if isinstance(decision, Refused) or user is None:
            code = decision.code if isinstance(decision, Refused) else "login.none"
            self._records.note(EventName.LOGIN_RESET_REFUSED, by=by, rule=code)
            decision.require()
            raise LookupError("refused without a reason")
        given = OneTimePassword(name, _one_time_password())
        told = LoginResetRow(id=str(uuid.uuid4()), person=name, reason=reason and shortened(reason), by=by)
        with self._told(told, by):
            self._users.reset(user, given.password)
        return given

    @contextmanager
    def _told(self, row: LoginResetRow, by: Actor) -> Iterator[None]:
        """The notice and its entry come before what they tell of; where that then fails, the notice goes again."""
        with self._records.change(by=by) as change:
            row.at = change.at
            change.session.add(row)
            change.record(EventName.LOGIN_RESET, person=row.person)
        try:
            yield
        except BaseException:
            with self._records.change(by=service("identity")) as back:
                back.session.execute(delete(LoginResetRow).where(LoginResetRow.id == row.id))
                back.events.append(self._abandoned(change.events[0]))
            raise

    @contextmanager
    def _recorded(self, fact: EventName, by: Actor, **details: Json) -> Iterator[None]:
        event = AuditEvent(name=fact, at=self._records.clock.now(), by=by, details=details)
        self._records.log.append([event])
        try:
            yield
        except BaseException:
            self._records.log.append([self._abandoned(event)])
            raise

    def _abandoned(self, event: AuditEvent) -> AuditEvent:
        told: dict[str, Json] = {"event": event.id, "name": event.name.value}
        at, by = self._records.clock.now(), service("identity")
        return AuditEvent(name=EventName.CHANGE_ABANDONED, at=at, by=by, details=told)


def _one_time_password() -> str:
    """95 bits, in groups that can be read aloud."""
    groups = ("".join(secrets.choice(UNMISTAKABLE) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))
    return "-".join(groups)


def _names(found: list[Difference]) -> list[Json]:
    return [f"{one.kind.value} {one.path}" for one in found]


def _said(roles: frozenset[str]) -> list[Json]:
    return [*sorted(roles)]
