"""May this person change what a number or postcode stands for? It moves links: one loads, another approves."""

from __future__ import annotations

from datetime import date

from access.decisions import Decision, Refused
from access.people.model import Person, Role
from linkage.matching.residual.policies import must_be, must_be_another


def may_load(person: Person | None, today: date) -> Decision:
    """May this person load a reference table, or take back one that waits?"""
    return must_be(Role.DATA_ENGINEER, "a data engineer", person, today)


def may_approve(person: Person | None, loaded_by: str | None, today: date) -> Decision:
    """May this person bring the table into force? A linkage reviewer who did not load it."""
    own = Refused("reference.own_table", "Nobody approves the table they loaded.", "Another reviewer decides.")
    return must_be_another(person, loaded_by, today, own)


def may_remove(person: Person | None, loaded_by: str | None, today: date) -> Decision:
    """May this person end what is followed? As bringing it into force: a linkage reviewer who did not load it."""
    own = Refused("reference.own_table", "Nobody ends the table they loaded.", "Another reviewer decides.")
    return must_be_another(person, loaded_by, today, own)
