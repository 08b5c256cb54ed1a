"""May this person change what a number or postcode stands for? It moves links, so a registered data engineer does."""

from __future__ import annotations

from datetime import date

from access.decisions import Allowed, Decision, Refused
from access.model import Person, Role
from access.policies import may_act


def may_load(person: Person | None, today: date) -> Decision:
    """May this person load or remove a reference table?"""
    acting = may_act(person, today)
    if not acting:
        return acting
    if person is None or Role.DATA_ENGINEER not in person.roles:
        return Refused("reference.wrong_role", "This person is not a data engineer.", "An administrator sets roles.")
    return Allowed()
