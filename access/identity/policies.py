"""May whoever is logged in act as this person, or for this organisation?

A person is proven by their own login and nobody else's (SATRE 2.1: no shared accounts). An organisation acts through
its delegate: the login is the delegate's, and the records say whose delegate they are now.
"""

from __future__ import annotations

from datetime import date

from access.decisions import Allowed, Decision, Refused
from access.people.model import Person, Role
from access.people.policies import may_log_in
from audit.model import Actor

LOG_IN = "Log in as whom you name: haven login"


def may_act_as(actor: Actor, known: Person | None, logged_in: str, today: date) -> Decision:
    """May `logged_in`, whom the records know as `known`, act as `actor`? Nobody does who may not be let in."""
    if known is None or known.id != logged_in:
        return Refused("login.unknown_person", "The records know nobody by the name of this login.", LOG_IN)
    if not (let_in := may_log_in(known, today)):
        return let_in
    kind, _, name = actor.partition(":")
    if kind == "person":
        return Allowed() if name == known.id else Refused("login.another", "The login is another person's.", LOG_IN)
    if kind == "organisation":
        return _may_act_for(name, known)
    return Refused("login.no_person", "A service has no login.", LOG_IN)


def _may_act_for(organisation: str, known: Person) -> Decision:
    if known.organisation == organisation and Role.CONTROLLER_DELEGATE in known.roles:
        return Allowed()
    return Refused(
        "login.no_delegate", f"The person of this login is no delegate of {organisation}.", "Its delegate logs in."
    )
