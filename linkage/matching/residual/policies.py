"""May this person do this with a model or a clerical pair? Pure questions; each refusal names its rule."""

from __future__ import annotations

from datetime import date

from access.decisions import Allowed, Decision, Refused
from access.model import Person, Role
from access.policies import may_act


def may_train(person: Person | None, today: date) -> Decision:
    """May this person train a model of linkage? The scheduled flow may too: nothing comes of it without approval."""
    return must_be(Role.DATA_ENGINEER, "a data engineer", person, today)


def may_approve(person: Person | None, trained_by: str | None, today: date) -> Decision:
    """May this person approve the model? Another linkage reviewer than who trained it."""
    decision = must_be(Role.LINKAGE_REVIEWER, "a linkage reviewer", person, today)
    if decision and person is not None and trained_by == f"person:{person.id}":
        return Refused("linkage.own_model", "Nobody approves the model they trained.", "Another reviewer decides.")
    return decision


def may_review(person: Person | None, today: date) -> Decision:
    """May this person see both records of a pair, and decide?"""
    return must_be(Role.LINKAGE_REVIEWER, "a linkage reviewer", person, today)


def must_be(role: Role, word: str, person: Person | None, today: date) -> Decision:
    """Is this person registered and active, and do they have the role, in these words?"""
    acting = may_act(person, today)
    if not acting:
        return acting
    if person is None or role not in person.roles:
        return Refused("linkage.wrong_role", f"This person is not {word}.", "An administrator sets roles.")
    return Allowed()
