"""May this person act today? Each refusal names the evidence that is missing or has lapsed, and who can mend it.

National Data Guardian 3 and 4 (training with a test, access promptly removed); Caldicott 5 (responsibilities
acknowledged, renewed yearly); the definition's penalties for abuse. The gravest reason is told first.
"""

from __future__ import annotations

import re
from collections.abc import Container
from datetime import date, timedelta

from access.decisions import Allowed, Decision, Refused
from access.organisations.policies import may_act_for_itself, may_be_shown, may_take_part, sanction_in_force
from access.people.model import (
    ACCREDITED_ROLES,
    ACKNOWLEDGEMENT_HOLDS,
    PASS_MARK,
    TRAINING_NEEDED,
    Person,
    Role,
    Training,
    TrainingKind,
)
from audit.model import Actor, service

PERSON_ID = re.compile(r"[a-z][a-z0-9-]{1,59}")
"""As project files name people; it stands in paths, logs and on screens."""

INBOX_SWEEP = service("inbox-sweep")
"""Takes in what lies in the haven's own inbox, on its schedule; no person starts it."""

UNACKNOWLEDGED = frozenset({"person.acknowledgement_missing", "person.acknowledgement_expired"})
"""Asked last: who is refused for one of these lacks nothing else, and mends it by logging in."""

LAPSES = frozenset(
    {
        "person.training_expired",
        "person.acknowledgement_expired",
        "person.accreditation_expired",
        "organisation.security_expired",
    }
)
"""What break-glass may bridge for some hours: evidence that was there and ran out. Never a sanction."""


def may_act(person: Person | None, today: date) -> Decision:
    """Is this person known, not barred, and is everything that shows that they may work here in force?"""
    if person is None:
        return Refused("person.unknown", "Nobody is registered under this name.", "An administrator registers people.")
    return next(iter(all_refusals(person, today)), Allowed())


def may_log_in(person: Person | None, today: date) -> Decision:
    """May this person be let in at all? Whose evidence has lapsed may: they must see what they lack."""
    if person is None:
        return Refused("person.unknown", "Nobody is registered under this name.", "An administrator registers people.")
    return _is_in(person, today)


def may_take_back(person: Person | None, today: date) -> Decision:
    """May this person stop what they let begin? Evidence that ran out keeps nobody from it; a bar does."""
    return may_log_in(person, today) and may_act_for_itself(person.employer if person else None, today)


def all_refusals(person: Person, today: date) -> list[Refused]:
    """Everything that keeps this person from acting, the gravest first; nothing when they may."""
    asked = [_is_in(person, today), may_take_part(person.employer, today), *_evidence(person, today)]
    return [decision for decision in asked if isinstance(decision, Refused)]


def _is_in(person: Person, today: date) -> Decision:
    barred = sanction_in_force(person.sanctions, today)
    if barred is not None:
        until = f"until {barred.until}" if barred.until else "for good"
        return Refused(
            "person.sanctioned", f"This person is barred {until}.", "A governance lead can lift the sanction."
        )
    if person.closed_on is not None:
        return Refused(
            "person.closed",
            f"This person's account was closed on {person.closed_on}.",
            f"An administrator registers them again: haven person add {person.id} ...",
        )
    if person.suspended:
        return Refused("person.suspended", "This person is suspended.", "An administrator can lift it.")
    return Allowed()


def _evidence(person: Person, today: date) -> list[Decision]:
    evidence, asked = person.evidence, list[Decision]()
    if evidence.proofing is None:
        asked.append(
            Refused(
                "person.not_proofed",
                "Nobody has recorded how this person's identity was proved.",
                f"An administrator records it: haven person prove {person.id} KIND.",
            )
        )
    asked += [
        _training(person, kind, evidence.training(kind), today)
        for kind, roles in TRAINING_NEEDED.items()
        if person.roles & roles
    ]
    return [*asked, _accredited(person, today), _acknowledged(person, today)]


def _training(person: Person, kind: TrainingKind, training: Training | None, today: date) -> Decision:
    mend = f"They take it; an administrator records the test: haven person train {person.id} {kind} --score N."
    if training is None:
        return Refused("person.training_missing", f"This person's training in {kind} is not recorded.", mend)
    if training.score < PASS_MARK:
        return Refused(
            "person.training_failed", f"The test in {kind} was not passed ({PASS_MARK} per cent is needed).", mend
        )
    if today > training.ends:
        return Refused("person.training_expired", f"This person's training in {kind} ended on {training.ends}.", mend)
    return Allowed()


def _accredited(person: Person, today: date) -> Decision:
    if not person.roles & ACCREDITED_ROLES:
        return Allowed()
    held = person.evidence.accreditation
    mend = f"An administrator records it: haven person accredit {person.id} NUMBER --ends DATE."
    if held is None:
        return Refused("person.accreditation_missing", "This researcher's accreditation is not recorded.", mend)
    if today > held.ends:
        return Refused("person.accreditation_expired", f"This researcher's accreditation ended on {held.ends}.", mend)
    return Allowed()


def is_accreditation(scheme: str, number: str) -> Decision:
    """Can somebody be accredited by this scheme under this number?"""
    if not scheme.strip() or not number.strip():
        return Refused(
            "person.accreditation_unnamed", "An accreditation has its scheme and its number.", "Give both as written."
        )
    return may_be_shown(scheme, "scheme", 120) and may_be_shown(number, "number", 60)


def _acknowledged(person: Person, today: date) -> Decision:
    on = person.evidence.acknowledged_on
    mend = f"They do it themselves: haven person acknowledge --as {person.id}."
    if on is None:
        return Refused(
            "person.acknowledgement_missing", "This person has not acknowledged their duty of confidence.", mend
        )
    if today > on + ACKNOWLEDGEMENT_HOLDS:
        return Refused(
            "person.acknowledgement_expired",
            f"This person's acknowledgement of their duty of confidence ended on {on + ACKNOWLEDGEMENT_HOLDS}.",
            mend,
        )
    return Allowed()


def may_receive(by: Actor, person: Person | None, today: date) -> Decision:
    """May a delivery be taken in by this actor? A data engineer takes one in; of the services only the inbox's sweep.

    person: whom the actor's name is registered for; None for nobody, an organisation or a service.
    """
    if by == INBOX_SWEEP:
        return Allowed()
    if not by.startswith("person:"):
        return Refused(
            "delivery.no_person",
            "An organisation or a service takes in no delivery; only the sweep of the inbox does.",
            "A data engineer takes it in: `haven delivery receive PATH --as NAME`.",
        )
    acting = may_act(person, today)
    if not acting:
        return acting
    if person is None or Role.DATA_ENGINEER not in person.roles:
        return Refused(
            "delivery.no_engineer",
            "Only a data engineer takes in a delivery.",
            "An administrator gives the role: `haven person add NAME --organisation ID --role data_engineer`.",
        )
    return Allowed()


def lapses_on(person: Person) -> date | None:
    """The first day on which something of this person's evidence no longer holds; None when it does not hold now."""
    evidence = person.evidence
    ends = [t.ends for t in evidence.trainings if person.roles & TRAINING_NEEDED[t.kind]]
    if evidence.acknowledged_on:
        ends.append(evidence.acknowledged_on + ACKNOWLEDGEMENT_HOLDS)
    if evidence.accreditation and person.roles & ACCREDITED_ROLES:
        ends.append(evidence.accreditation.ends)
    if person.employer and person.employer.security:
        ends.append(person.employer.security.ends)
    return min(ends) + timedelta(days=1) if ends else None


APART: tuple[tuple[Role, frozenset[Role]], ...] = (
    (
        Role.ADMINISTRATOR,
        frozenset(
            {
                Role.CALDICOTT_GUARDIAN,
                Role.GOVERNANCE_LEAD,
                Role.CONTROLLER_DELEGATE,
                Role.ANONYMISATION_AUTHORISER,
                Role.RESEARCHER,
                Role.COMMISSIONER,
            }
        ),
    ),
    (Role.CALDICOTT_GUARDIAN, frozenset({Role.CONTROLLER_DELEGATE, Role.GOVERNANCE_LEAD})),
    (Role.ANONYMISATION_AUTHORISER, frozenset({Role.GOVERNANCE_LEAD})),
    (Role.AUDITOR, frozenset({Role.ADMINISTRATOR, Role.GOVERNANCE_LEAD, Role.CALDICOTT_GUARDIAN})),
    (Role.LINKAGE_REVIEWER, frozenset({Role.RESEARCHER})),
    (Role.DATA_ENGINEER, frozenset({Role.RESEARCHER})),
)
"""Offices that one person does not hold together: who sets roles decides and applies for nothing, and each
looks at another's work. Who sees identifiers as a reviewer or engineer is no researcher, who sees what was linked of
the same people."""


def may_hold_together(person: Person) -> Decision:
    """Are all of this person's roles such as one person may hold?"""
    for role, others in APART:
        if role in person.roles and (together := person.roles & others):
            named = ", ".join(sorted(together))
            return Refused("person.offices_apart", f"One person is not {role} and {named}.", "Give one to another.")
    return Allowed()


def may_register(person: Person, organisations: Container[str]) -> Decision:
    """May this person be registered? Only under an organisation that is, and an id that no other can look like."""
    if not PERSON_ID.fullmatch(person.id):
        return Refused(
            "person.id_unfit",
            "An id of a person has small letters, digits and hyphens, and begins with a letter.",
            "Choose one of 2 to 60 signs; the name as people write it is told apart (--name).",
        )
    if not (readable := may_be_shown(person.name)):
        return readable
    if person.organisation in organisations:
        return may_hold_together(person)
    return Refused(
        "organisation.unknown",
        "The person's organisation is not registered.",
        "Register it first: `haven organisation add ID NAME`.",
    )


def is_unused(person: Person | None, since: date) -> bool:
    """Is the account open, and has nobody used it since this day?"""
    return person is not None and person.closed_on is None and bool(person.last_seen and person.last_seen < since)


def exists(person: Person | None) -> Decision:
    """Is anybody registered under this name?"""
    if person is None:
        return Refused("person.unknown", "Nobody is registered under this name.", "`haven person list` shows who is.")
    return Allowed()


def may_hold_office(person: Person | None, role: Role, today: date) -> Decision:
    """Does this person hold the role, and may they act?"""
    acting = may_act(person, today)
    if not acting or person is None:
        return acting
    if role in person.roles:
        return Allowed()
    return Refused(
        "person.other_role",
        f"This needs the role {role}, which {person.id} does not hold.",
        "An administrator sets roles.",
    )
