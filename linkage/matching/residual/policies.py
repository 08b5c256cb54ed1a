"""May this person do this with a model or a clerical pair? Pure questions; each refusal names its rule."""

from __future__ import annotations

from datetime import date

from access.decisions import Allowed, Decision, Refused
from access.people.model import Person, Role
from access.people.policies import may_act


def may_train(person: Person | None, today: date) -> Decision:
    """May this person train a model of linkage? The scheduled flow may too: nothing comes of it without approval."""
    return must_be(Role.DATA_ENGINEER, "a data engineer", person, today)


def may_approve(person: Person | None, trained_by: str | None, today: date) -> Decision:
    """May this person approve the model? Another linkage reviewer than who trained it."""
    own = Refused("linkage.own_model", "Nobody approves the model they trained.", "Another reviewer decides.")
    return must_be_another(person, trained_by, today, own)


def may_review(person: Person | None, today: date) -> Decision:
    """May this person see both records of a pair, and decide?"""
    return must_be(Role.LINKAGE_REVIEWER, "a linkage reviewer", person, today)


def must_be_another(person: Person | None, made_by: str | None, today: date, own: Refused) -> Decision:
    """Is this person a linkage reviewer, and not who made what is to be approved? own: said to who made it."""
    decision = may_review(person, today)
    return own if decision and person is not None and made_by == f"person:{person.id}" else decision


def must_be(role: Role, word: str, person: Person | None, today: date) -> Decision:
    """Is this person registered and active, and do they have the role, in these words?"""
    acting = may_act(person, today)
    if not acting:
        return acting
    if person is None or role not in person.roles:
        return Refused("linkage.wrong_role", f"This person is not {word}.", "An administrator sets roles.")
    return Allowed()
