"""May this person do this? Pure questions over people and projects; each refusal names its rule and who can change it.

Rules: Caldicott 2-4 (only when necessary, the minimum, need to know); National Data Guardian 3 and 4 (training with
an expiry, access promptly removed); nobody decides on their own application.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import date

from access.decisions import Allowed, Decision, Refused
from access.model import Person, ProjectVersion, Role
from access.states import ProjectState, state_of
from audit.model import Actor, service

INBOX_SWEEP = service("inbox-sweep")
"""Takes in what lies in the haven's own inbox, on its schedule; no person starts it."""


def may_act(person: Person | None, today: date) -> Decision:
    """Is this person known, not suspended, and trained?"""
    if person is None:
        return Refused("person.unknown", "Nobody is registered under this name.", "An administrator registers people.")
    if person.suspended:
        return Refused("person.suspended", "This person is suspended.", "An administrator can lift it.")
    if today > person.training_ends:
        return Refused(
            "person.training_expired",
            f"This person's training ended on {person.training_ends}.",
            "They take the training again; an administrator records its new end.",
        )
    return Allowed()


def may_register(person: Person, organisations: Container[str]) -> Decision:
    """May this person be registered? Only under an organisation that is."""
    if person.organisation in organisations:
        return Allowed()
    return Refused(
        "organisation.unknown",
        "The person's organisation is not registered.",
        "Register it first: `haven organisation add ID NAME`.",
    )


def may_suspend(person: Person | None) -> Decision:
    """May this person be suspended? Whoever is registered."""
    if person is None:
        return Refused("person.unknown", "Nobody is registered under this name.", "`haven person list` shows who is.")
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


def is_live(project: ProjectVersion | None, today: date) -> Decision:
    """Is the project live on this day? If not, which part is missing and who can give it."""
    if project is None:
        return Refused("project.unknown", "There is no such project.", "`haven project list` shows the projects.")
    match state_of(project, today):
        case ProjectState.LIVE:
            return Allowed()
        case ProjectState.CLOSED:
            return Refused("project.closed", "The project is closed.", "Apply for a new project.")
        case ProjectState.EXPIRED:
            return Refused(
                "project.expired", f"The project ended on {project.ends}.", "Apply again with a new end date."
            )
        case ProjectState.WITHDRAWN:
            who = ", ".join(sorted(name for name, one in project.approvals.items() if one.withdrawn))
            return Refused(
                "project.withdrawn", f"Withdrawn by the controller: {who}.", "Apply again; that controller decides."
            )
        case ProjectState.SUBMITTED:
            who = ", ".join(sorted(project.controllers - set(project.approvals))) or "no controller is concerned"
            return Refused("project.not_approved", f"Not yet approved by: {who}.", "Each controller approves its part.")


def may_see(person: Person | None, project: ProjectVersion | None, today: date) -> Decision:
    """May this person query the project's data or work in its workspace?"""
    for decision in (may_act(person, today), is_live(project, today)):
        if not decision:
            return decision
    if person is None or project is None or Role.RESEARCHER not in person.roles:
        return Refused("person.no_researcher", "This person is no approved researcher.", "An administrator sets roles.")
    if person.id not in project.people:
        return Refused(
            "project.not_a_member",
            "This person is not named in the project's approval.",
            "The project applies again with this person in it; every controller decides.",
        )
    return Allowed()


def exists(project: ProjectVersion | None) -> Decision:
    """Is there such a project?"""
    if project is None:
        return Refused("project.unknown", "There is no such project.", "`haven project list` shows the projects.")
    return Allowed()


def may_apply(person: Person | None, before: ProjectVersion | None, today: date) -> Decision:
    """May this person apply for a project, or for a new version of it (`before`: the newest so far)?"""
    acting = may_act(person, today)
    if not acting:
        return acting
    if person is None or not person.roles & {Role.RESEARCHER, Role.COMMISSIONER}:
        return Refused(
            "project.apply_role",
            "Only a researcher or a commissioner applies for a project.",
            "An administrator sets roles.",
        )
    if before is not None and person.id not in before.people | {before.applicant}:
        return Refused(
            "project.not_yours",
            "A project of this id exists, and this person is not in it.",
            "Its applicant or one of its people amends it; choose another id for another project.",
        )
    if before is not None and before.closed:
        return Refused("project.closed", "The project is closed.", "Apply for a new project under another id.")
    return Allowed()


def may_decide_for(controller: str, project: ProjectVersion | None, delegate: Person | None, today: date) -> Decision:
    """May a decision of this controller be taken, by this delegate (None: the organisation's own account)?"""
    if project is None:
        return is_live(None, today)
    if controller not in project.controllers:
        return Refused(
            "project.not_concerned",
            f"The project asks for no data of {controller}.",
            "Only controllers concerned decide.",
        )
    if project.closed:
        return Refused("project.closed", "The project is closed.", "Apply for a new project.")
    if delegate is None:
        return Allowed()
    acting = may_act(delegate, today)
    if not acting:
        return acting
    if Role.CONTROLLER_DELEGATE not in delegate.roles or delegate.organisation != controller:
        return Refused(
            "project.not_delegate", f"This person is no delegate of {controller}.", "The controller names one."
        )
    if delegate.id == project.applicant or delegate.id in project.people:
        return Refused(
            "project.own_application", "Nobody decides on their own application.", "Another delegate decides."
        )
    return Allowed()


def may_approve(controller: str, project: ProjectVersion | None, delegate: Person | None, today: date) -> Decision:
    """May this controller approve now? Once only, and not after a withdrawal."""
    deciding = may_decide_for(controller, project, delegate, today)
    if not deciding or project is None:
        return deciding
    if controller in project.approvals:
        return Refused(
            "project.already_decided",
            f"{controller} has decided on this version already.",
            "A changed project is applied for again, as a new version.",
        )
    if today > project.ends:
        return is_live(project, today)
    return Allowed()


def may_withdraw(controller: str, project: ProjectVersion | None, delegate: Person | None, today: date) -> Decision:
    """May this controller take its approval back? At any time, once."""
    deciding = may_decide_for(controller, project, delegate, today)
    if not deciding or project is None:
        return deciding
    given = project.approvals.get(controller)
    if given is None or given.withdrawn:
        return Refused("project.nothing_to_withdraw", f"{controller} has no approval in force to withdraw.")
    return Allowed()


def may_check_outputs(person: Person | None, project: ProjectVersion | None, today: date) -> Decision:
    """May this person check outputs of the project? Never its members or its applicant."""
    acting = may_act(person, today)
    if not acting:
        return acting
    if person is None or Role.OUTPUT_CHECKER not in person.roles:
        return Refused("release.no_checker", "This person is no output checker.", "An administrator sets roles.")
    if project is None:
        return is_live(None, today)
    if person.id in project.people or person.id == project.applicant:
        return Refused(
            "release.own_project", "Nobody checks the outputs of their own project.", "Another checker decides."
        )
    return Allowed()
