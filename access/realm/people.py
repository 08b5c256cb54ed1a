"""Who may log in, and what must change in Keycloak for it? Registered people against users: data in, steps out.

Rules: one person, one account, no shared one (SATRE 2.1; Cyber Essentials, user access control); access ends at the
moment a person is suspended, closed or barred. Whose evidence ran out may log in: they must see what they lack, and
break-glass lets them work on for some hours. What they may do is asked each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from access.decisions import Allowed, Decision, Refused
from access.people.model import Person
from access.people.policies import LAPSES, UNACKNOWLEDGED, all_refusals, may_act

FORM_OF_NAMES = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
"""Keycloak writes every name in small letters: a person's id that it would change could become another person's."""


@dataclass(frozen=True)
class User:
    """A user of the realm. others: roles that it holds in another way than by the groups of the table."""

    id: str
    name: str
    enabled: bool
    groups: frozenset[str] = frozenset()
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Provision:
    """A person gets their log-in, with a one-time password."""

    person: str
    roles: frozenset[str]


@dataclass(frozen=True)
class Change:
    """A user's groups become these roles, what else it holds is taken, and it may log in."""

    user: User
    roles: frozenset[str]


@dataclass(frozen=True)
class Disable:
    """A user may not log in any more: its sessions end, its groups are taken. person: None where none is registered."""

    user: User
    code: str
    person: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """A registered person who gets no log-in, and why."""

    person: str
    refused: Refused = field(compare=False)


Step = Provision | Change | Disable | LeftOut


def may_log_in(person: Person | None, today: date) -> Decision:
    """May this person have a log-in now? Whoever may act, under an id that Keycloak leaves as it is.

    Who lacks nothing but what ran out, or the acknowledgement, logs in to see it, and may do nothing else until then.
    """
    if person is None:
        return may_act(person, today)
    kept_out = [one for one in all_refusals(person, today) if one.code not in LAPSES | UNACKNOWLEDGED]
    if kept_out:
        return kept_out[0]
    if not FORM_OF_NAMES.fullmatch(person.id):
        return Refused(
            "person.id_form",
            "This person's id cannot be a log-in's name.",
            "Register them under an id of small letters, digits, dots and hyphens.",
        )
    return Allowed()


def steps_between(people: Iterable[Person], users: Iterable[User], today: date) -> list[Step]:
    """What must be done so that exactly those log in who may, with their roles; nothing where all is so."""
    known = {user.name: user for user in users}
    registered = {person.id: person for person in people}
    strangers = [known[name] for name in sorted(set(known) - set(registered))]
    return [
        *(step for person in registered.values() for step in _for_person(person, known, today)),
        *(Disable(user, "person.unknown") for user in strangers if _counts(user)),
    ]


def _for_person(person: Person, known: Mapping[str, User], today: date) -> Iterator[Step]:
    user = known.get(person.id)
    decision = may_log_in(person, today)
    roles = frozenset(role.value for role in person.roles)
    if isinstance(decision, Refused):
        if user is not None and _counts(user):
            yield Disable(user, decision.code, person.id)
        elif user is None:
            yield LeftOut(person.id, decision)
    elif user is None:
        yield Provision(person.id, roles)
    elif not user.enabled or user.groups != roles or user.others:
        yield Change(user, roles)


def _counts(user: User) -> bool:
    return user.enabled or bool(user.groups) or bool(user.others)
