"""May this person do this with a key? Pure questions; each refusal names its rule and who can change it.

Two people for what opens pseudonyms (NIST SP 800-57 part 2, split knowledge and dual control): a data engineer asks,
a delegate of a controller whose data are concerned approves, and neither is of the project. A round's key is used once.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import date, datetime

from access.decisions import Allowed, Decision, Refused
from access.keys.model import RoundKey, RoundState, UnwrapRequest, UnwrapState
from access.people.model import Person, Role
from access.people.policies import may_act
from access.projects.model import ProjectVersion
from access.projects.policies import exists

KEEPERS = frozenset({Role.DATA_ENGINEER, Role.ADMINISTRATOR})


def may_keep_keys(person: Person | None, today: date) -> Decision:
    """May this person make, rotate and destroy keys?"""
    acting = may_act(person, today)
    if not acting:
        return acting
    if person is None or not person.roles & KEEPERS:
        return Refused(
            "keys.no_keeper",
            "Only a data engineer or an administrator works with keys.",
            "An administrator sets roles.",
        )
    return Allowed()


def may_rotate_project_key(
    person: Person | None, project: ProjectVersion | None, today: date, *, inside: Container[str]
) -> Decision:
    """May this person give the project a new key? Not its own people: pseudonyms are what they work under.

    inside: here and below, everybody who is or was of any version of the project.
    """
    return may_keep_keys(person, today) and _outside(person, project, inside)


def may_create_round(person: Person | None, today: date, *, known: bool) -> Decision:
    """May this person make a round of this name? Each name once."""
    keeping = may_keep_keys(person, today)
    if keeping and known:
        return Refused("keys.round_known", "A round of this name was there before.", "Give the new round a new name.")
    return keeping


def may_use_round(person: Person | None, found: RoundKey | None, today: date) -> Decision:
    """May this person take the round's key? Once."""
    keeping = may_keep_keys(person, today)
    if not keeping:
        return keeping
    if found is None:
        return _no_round()
    if found.state is not RoundState.CREATED:
        return Refused(
            "keys.round_used",
            "The key of this round was used or destroyed; a round's key is used once.",
            "Make a new round: haven keys new-round NAME",
        )
    return Allowed()


def may_destroy_round(person: Person | None, found: RoundKey | None, today: date, *, standing: bool) -> Decision:
    """May this person destroy the round's key? Not the standing round's: every further linkage needs it."""
    keeping = may_keep_keys(person, today)
    if not keeping:
        return keeping
    if standing:
        return Refused(
            "keys.round_standing",
            "This is the standing round of the spine: without its key nothing more can be linked to it.",
            "It ends with the haven: destroy the whole folder of keys.",
        )
    if found is None:
        return _no_round()
    if found.state is RoundState.DESTROYED:
        return Refused(
            "keys.round_destroyed",
            "The key of this round was destroyed before.",
            "`haven keys certificate NAME` shows its certificate.",
        )
    return Allowed()


def may_request_unwrap(
    person: Person | None, project: ProjectVersion | None, today: date, *, live: Decision, inside: Container[str]
) -> Decision:
    """May this person ask for the project's key? Somebody outside it, while it is live."""
    return may_keep_keys(person, today) and _outside(person, project, inside) and live


def may_approve_unwrap(
    person: Person | None,
    request: UnwrapRequest | None,
    project: ProjectVersion | None,
    now: datetime,
    *,
    live: Decision,
    inside: Container[str],
) -> Decision:
    """May this person approve? Another than who asked, a delegate of a controller concerned, and in time."""
    acting = may_act(person, now.date())
    if not acting:
        return acting
    if request is None or project is None or person is None:
        return _no_request()
    if person.id == request.requested_by:
        return Refused("keys.own_request", "Nobody approves their own request.", "A controller's delegate decides.")
    standing = _is_delegate(person, project) and _outside(person, project, inside) and live
    if not standing:
        return standing
    if request.state is not UnwrapState.REQUESTED:
        return _not_waiting(request)
    return Allowed()


def may_hand_out(
    person: Person | None,
    request: UnwrapRequest | None,
    approver: Person | None,
    project: ProjectVersion | None,
    now: datetime,
    *,
    live: Decision,
    inside: Container[str],
) -> Decision:
    """May the key be handed out to this person now? Once, to who asked, in time, if the approval still holds."""
    keeping = may_keep_keys(person, now.date())
    if not keeping:
        return keeping
    if request is None or project is None or person is None:
        return _no_request()
    if person.id != request.requested_by:
        return Refused("keys.not_yours", "Another person asked for this key.", "Who asked takes it.")
    if request.state is UnwrapState.REQUESTED:
        return Refused(
            "keys.not_approved",
            "Nobody has approved this request yet.",
            "A delegate of a controller concerned decides.",
        )
    if request.state is not UnwrapState.APPROVED:
        return _not_waiting(request)
    return _outside(person, project, inside) and live and _approval_holds(approver, project, now.date(), inside)


def _approval_holds(approver: Person | None, project: ProjectVersion, today: date, inside: Container[str]) -> Decision:
    """Could who approved do it today? A barred or dismissed delegate's word opens nothing."""
    holds = may_act(approver, today)
    if holds and approver is not None:
        holds = _is_delegate(approver, project) and _outside(approver, project, inside)
    if holds:
        return holds
    return Refused(
        "keys.approval_void",
        "Who approved this request could not approve it today.",
        "Ask again: haven keys unwrap request; another delegate decides.",
    )


def _is_delegate(person: Person, project: ProjectVersion) -> Decision:
    if Role.CONTROLLER_DELEGATE in person.roles and person.organisation in project.controllers:
        return Allowed()
    return Refused(
        "keys.no_delegate",
        "This person is no delegate of a controller whose data the project uses.",
        "A delegate of one of its controllers decides.",
    )


def _outside(person: Person | None, project: ProjectVersion | None, inside: Container[str]) -> Decision:
    there = exists(project)
    if there and person is not None and person.id in inside:
        return Refused(
            "keys.own_project", "Nobody has to do with the keys of their own project.", "Somebody outside it does."
        )
    return there


def _not_waiting(request: UnwrapRequest) -> Refused:
    if request.state is UnwrapState.LAPSED:
        return Refused("keys.lapsed", "The time of this request is over.", "Ask again: haven keys unwrap request")
    return Refused("keys.request_over", f"This request is {request.state.value.replace('_', ' ')}.", "Ask again.")


def _no_round() -> Refused:
    return Refused("keys.round_unknown", "There is no such round.", "`haven keys list` shows the rounds.")


def _no_request() -> Refused:
    return Refused("keys.request_unknown", "There is no such request.", "`haven keys unwrap list` shows them.")
