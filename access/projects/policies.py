"""May this be done with this project? Pure questions over people and versions; a refusal names its rule and its mend.

Rules: Caldicott 2-4 (only when necessary, the minimum, need to know); National Data Guardian 4 (recertification);
nobody decides on their own application.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from access.decisions import Allowed, Decision, Refused, as_sentence
from access.organisations.model import DatasetEntry
from access.people.model import Person, Role
from access.people.policies import may_act, may_take_back
from access.projects.file import ProjectFile
from access.projects.model import ProjectVersion
from access.projects.narrowing import Narrowing, coarser
from access.projects.states import ProjectState, state_of

RECERTIFY_EVERY = timedelta(days=92)  # quarterly
RECERTIFY_GRACE = timedelta(days=14)
ONE_OFFICE = "This person has decided on the version already, for another; one person decides once."
APPLY_AGAIN = "A changed project is applied for again, as a new version."
RELEASE_TEST: Mapping[str, str] = {
    "purpose_and_benefit": "What is the purpose, and who gains?",
    "data_protection": "How are the data protection principles met?",
    "jigsaw": "Could anybody be identified by putting this together with what else can be had?",
    "format_and_detail": "Is the form right, and the level of detail the least that serves?",
    "cost": "What does it cost, and who pays?",
    "commercial": "Which commercial interests are there, and what do they mean for people's trust?",
    "transparency": "How will people learn of it?",
}
"""What the Guardian answers case by case before data are released (2013 review)."""

Standing = Callable[[Person | None, date], Decision]


def is_live(project: ProjectVersion | None, today: date) -> Decision:
    """Is the project live on this day? If not, which part is missing and who can give it."""
    if project is None:
        return unknown()
    state = state_of(project, today)
    return Allowed() if state is ProjectState.LIVE else _not_live(project, state)


def unknown() -> Refused:
    """There is no such project."""
    return Refused("project.unknown", "There is no such project.", "`haven project list` shows the projects.")


def _not_live(project: ProjectVersion, state: ProjectState) -> Refused:
    match state:
        case ProjectState.DRAFT:
            return Refused("project.draft", "The project has not been submitted.", "Its applicant submits it.")
        case ProjectState.CLOSED:
            day = project.closed_on or "an earlier day"
            return Refused("project.closed", f"The project was closed on {day}.", "Apply for a new project.")
        case ProjectState.EXPIRED:
            return Refused(
                "project.expired", f"The project ended on {project.last_day}.", "Apply again with a new end date."
            )
        case ProjectState.WITHDRAWN:
            who = [name for name, one in project.approvals.items() if one.withdrawn]
            guardian = ["the Caldicott Guardian"] if project.endorsement and project.endorsement.withdrawn else []
            return Refused(
                "project.withdrawn",
                f"Withdrawn by: {', '.join(sorted(who) + guardian)}.",
                "Apply again; they decide anew.",
            )
        case ProjectState.REFUSED:
            return _refused(project)
        case ProjectState.SUBMITTED:
            who = sorted(project.controllers - set(project.approvals))
            named = ", ".join(who) or "no controller is concerned"
            return Refused(
                "project.not_approved", f"Not yet approved by: {named}.", "Each controller approves its part."
            )
        case ProjectState.WITH_GUARDIAN:
            return Refused(
                "project.not_endorsed",
                "Every controller has approved; the Caldicott Guardian has not decided yet.",
                f"The Guardian decides: haven project endorse {project.project} --as GUARDIAN --answers FILE.",
            )
        case _:
            return _stopped(project)


def _refused(project: ProjectVersion) -> Refused:
    who = [name for name, one in project.approvals.items() if not one.in_force]
    reasons = [one.reason for one in project.approvals.values() if not one.in_force and one.reason]
    if project.endorsement and not who:
        who, reasons = ["the Caldicott Guardian"], [project.endorsement.reason or ""]
    why = f" ({'; '.join(filter(None, reasons))})" if any(reasons) else ""
    return Refused("project.refused", f"Refused by: {', '.join(sorted(who))}{why}.", APPLY_AGAIN)


def _stopped(project: ProjectVersion) -> Refused:
    if project.suspension is not None:
        return Refused(
            "project.suspended",
            f"The project was suspended on {project.suspension.at.date()}: {as_sentence(project.suspension.reason)}",
            f"A governance lead resumes it: haven project resume {project.project}.",
        )
    first = project.lapsed[0]
    return Refused(first.code, f"A part of the approval is not in force: {first.reason}", first.mend)


def may_see(person: Person | None, project: ProjectVersion | None, today: date) -> Decision:
    """May this person query the project's data or work in its workspace?"""
    acting = may_act(person, today)
    return may_work_on(person, project, today) if acting else acting


def may_work_on(person: Person | None, project: ProjectVersion | None, today: date) -> Decision:
    """Is this person, whose evidence is in force, a researcher of a project that is live and recertified?"""
    if not (live := is_live(project, today)):
        return live
    if person is None or project is None or Role.RESEARCHER not in person.roles:
        return Refused("person.no_researcher", "This person is no approved researcher.", "An administrator sets roles.")
    if person.id not in project.people:
        return Refused(
            "project.not_a_member",
            "This person is not named in the project's approval, or its lead did not keep them.",
            "The project applies again with this person in it, or the lead recertifies them.",
        )
    return was_kept(person, project) and is_recertified(project, today)


def was_kept(person: Person, project: ProjectVersion) -> Decision:
    """Whoever moved, or came back, is let in anew: by everybody who decided since, or by the lead, never themselves."""
    since = person.anew_at
    by_lead = project.recertified_at if person.id != project.lead else None
    if since is None or (by_lead and by_lead > since) or all(one.at > since for one in project.decisions):
        return Allowed()
    return Refused(
        "project.not_kept_since_move",
        f"On {since.date()} they came to another employer, or back after a closing; nobody has kept them since.",
        f"The lead keeps others: haven project recertify {project.project}; or everybody decides on an amendment.",
    )


def is_recertified(project: ProjectVersion, today: date) -> Decision:
    """Has the lead said within the quarter who still needs access? The days of grace are over when this refuses."""
    began = project.went_live_at or (project.endorsement.at if project.endorsement else None)
    since = project.recertified_on or (began.date() if began else None)
    if since is not None and today <= since + RECERTIFY_EVERY + RECERTIFY_GRACE:
        return Allowed()
    return Refused(
        "project.not_recertified",
        f"The project's lead last said on {since} who needs access; that holds for a quarter.",
        f"The lead says it anew: haven project recertify {project.project} --as {project.lead or 'LEAD'}.",
    )


def may_recertify(person: Person | None, project: ProjectVersion | None, today: date) -> Decision:
    """Only the project's lead says who still needs access."""
    if not (acting := may_act(person, today)) or project is None or person is None:
        return acting and unknown()
    if person.id != project.lead:
        return Refused("project.not_lead", "Only the project's lead recertifies its people.", "The lead does it.")
    return was_kept(person, project) and is_live(project, today)


def may_close(person: Person | None, project: ProjectVersion | None, office: Decision, today: date) -> Decision:
    """May the project be ended for good? By its own lead and applicant, or by whoever holds the office."""
    if project is None:
        return unknown()
    acting = office or may_act(person, today)
    if office or not acting or person is None:
        return acting
    if person.id in (project.lead, project.applicant):
        return Allowed()
    return Refused(
        "project.not_yours_to_close",
        "A project is closed by its lead, its applicant or a governance lead.",
        "Ask one of them; a controller withdraws its approval instead.",
    )


def exists(project: ProjectVersion | None) -> Decision:
    """Is there such a project?"""
    return unknown() if project is None else Allowed()


def may_apply(person: Person | None, before: ProjectVersion | None, today: date) -> Decision:
    """May this person apply for a project, or for a new version of it (`before`: the newest that was submitted)?"""
    acting = may_act(person, today)
    if not acting:
        return acting
    if person is None or not person.roles & {Role.RESEARCHER, Role.COMMISSIONER}:
        return Refused(
            "project.apply_role",
            "Only a researcher or a commissioner applies for a project.",
            "An administrator sets roles.",
        )
    if before is not None and person.id not in before.people | {before.applicant, before.lead}:
        return Refused(
            "project.not_yours",
            "A project of this id exists, and this person is not in it.",
            "Its applicant, lead or one of its people amends it; choose another id for another project.",
        )
    if before is not None and before.closed:
        return Refused("project.closed", "The project is closed.", "Apply for a new project under another id.")
    return Allowed()


def was_stopped(project: ProjectVersion, today: date) -> bool:
    """Is it over, or about data that have changed? Then it can be asked for again as it is, and is decided on anew."""
    over = (ProjectState.REFUSED, ProjectState.WITHDRAWN, ProjectState.EXPIRED)
    return state_of(project, today) in over or any(one.code == "dataset.changed" for one in project.lapsed)


def may_decide_for(
    controller: str, project: ProjectVersion | None, delegate: Person | None, today: date, stands: Standing = may_act
) -> Decision:
    """May a decision of this controller be taken, by this delegate (None: the organisation's own account)?"""
    if project is None:
        return unknown()
    if controller not in project.controllers:
        return Refused(
            "project.not_concerned",
            f"The project asks for no data of {controller}.",
            "Only the controllers of its data decide; a governance lead stops a project with `haven project suspend`.",
        )
    if project.closed:
        return Refused("project.closed", "The project is closed.", "Apply for a new project.")
    if project.submitted_at is None:
        return Refused("project.draft", "The project has not been submitted.", "Its applicant submits it.")
    if delegate is None:
        return Allowed()
    if not (acting := stands(delegate, today)):
        return acting
    if Role.CONTROLLER_DELEGATE not in delegate.roles or delegate.organisation != controller:
        return Refused(
            "project.not_delegate", f"This person is no delegate of {controller}.", "The controller names one."
        )
    return is_outsider(delegate, project)


def is_outsider(person: Person, project: ProjectVersion) -> Decision:
    """Nobody decides on their own application: whoever has or had to do with any version of it."""
    if person.id in project.insiders | project.people | {project.applicant, project.lead}:
        return own_application()
    return Allowed()


def own_application() -> Refused:
    """Whoever has or had to do with a project decides nothing about it, and puts nothing in force for it."""
    return Refused("project.own_application", "Nobody decides on their own application.", "Somebody else decides.")


def may_approve(controller: str, project: ProjectVersion | None, delegate: Person | None, today: date) -> Decision:
    """May this controller approve or refuse now? Once only, and not after the project's end."""
    deciding = may_decide_for(controller, project, delegate, today)
    if not deciding or project is None:
        return deciding
    if controller in project.approvals:
        return Refused("project.already_decided", f"{controller} has decided on this version already.", APPLY_AGAIN)
    if delegate is not None and has_decided(delegate, project):
        return Refused("project.decided_in_another_office", ONE_OFFICE, "Another delegate decides.")
    return is_live(project, today) if today > project.last_day else Allowed()


def has_decided(person: Person, project: ProjectVersion) -> bool:
    """Has this person taken a decision on the version already, for whomever?"""
    return any(one.by == f"person:{person.id}" for one in project.approvals.values())


def may_withdraw(controller: str, project: ProjectVersion | None, delegate: Person | None, today: date) -> Decision:
    """May this controller take its approval back? At any time, once, also by a delegate whose evidence ran out."""
    deciding = may_decide_for(controller, project, delegate, today, may_take_back)
    if not deciding or project is None:
        return deciding
    given = project.approvals.get(controller)
    if given is None or not given.in_force:
        return Refused("project.nothing_to_withdraw", f"{controller} has no approval in force to withdraw.")
    return Allowed()


def may_endorse(guardian: Person | None, project: ProjectVersion | None, today: date) -> Decision:
    """May this person decide as Caldicott Guardian? After the controllers, once, and never on their own project."""
    if project is None:
        return unknown()
    acting = is_guardian(guardian, project, today)
    if not acting:
        return acting
    if guardian is not None and has_decided(guardian, project):
        return Refused("project.decided_in_another_office", ONE_OFFICE, "Another Guardian decides.")
    if project.endorsement is not None:
        return Refused("project.already_endorsed", "The Guardian has decided on this version already.", APPLY_AGAIN)
    if state_of(project, today) is not ProjectState.WITH_GUARDIAN:
        return is_live(project, today)
    return Allowed()


def may_withdraw_endorsement(guardian: Person | None, project: ProjectVersion | None, today: date) -> Decision:
    """May the Guardian take an approval back? At any time, once, also when the Guardian's evidence ran out."""
    if project is None:
        return unknown()
    acting = is_guardian(guardian, project, today, may_take_back)
    if acting and (project.endorsement is None or not project.endorsement.in_force):
        return Refused("project.nothing_to_withdraw", "The Guardian has no approval in force to withdraw.")
    return acting


def is_guardian(person: Person | None, project: ProjectVersion, today: date, stands: Standing = may_act) -> Decision:
    """Is this a Caldicott Guardian who may act, and is not of the project?"""
    acting = stands(person, today)
    if not acting or person is None:
        return acting
    if Role.CALDICOTT_GUARDIAN not in person.roles:
        return Refused("project.no_guardian", "This person is no Caldicott Guardian.", "An administrator sets roles.")
    return is_outsider(person, project)


def may_suspend(project: ProjectVersion | None, officer: Person | None, *, lift: bool) -> Decision:
    """May the project be suspended, or its suspension be lifted? Nobody lifts their own project's."""
    if project is None:
        return unknown()
    if lift and officer is not None and not is_outsider(officer, project):
        return is_outsider(officer, project)
    if project.closed:
        return Refused("project.closed", "The project is closed.", "Nothing is left to stop.")
    if lift and project.suspension is None:
        return Refused(
            "project.not_suspended", "Nobody suspended the project.", "`haven project show` says why it stands still."
        )
    if not lift and project.suspension is not None:
        return Refused("project.suspended", "The project is suspended already.")
    return Allowed()


def may_check_outputs(person: Person | None, project: ProjectVersion | None, today: date) -> Decision:
    """May this person check outputs of the project? Never its members, its lead or its applicant."""
    acting = may_act(person, today)
    if not acting:
        return acting
    if person is None or Role.OUTPUT_CHECKER not in person.roles:
        return Refused("release.no_checker", "This person is no output checker.", "An administrator sets roles.")
    if project is None:
        return unknown()
    if not is_outsider(person, project):
        return Refused(
            "release.own_project", "Nobody checks the outputs of their own project.", "Another checker decides."
        )
    return Allowed()


def problems_of_narrowing(
    narrowing: Narrowing, file: ProjectFile, controller: str, catalogue: Mapping[str, DatasetEntry]
) -> list[str]:
    """What is wrong with a narrowing of this controller's part: a sentence each."""
    mine = {
        table: (part, catalogue[name])
        for name, dataset in file.datasets.items()
        if name in catalogue and catalogue[name].controller == controller
        for table, part in dataset.tables.items()
        if table in catalogue[name].tables
    }
    problems = [
        f"{key}: the project asks for no table {table} of yours"
        for key, tables in (
            ("without", narrowing.without),
            ("dates", narrowing.dates),
            ("periods", narrowing.periods),
            ("cohort", {one.table: one for one in narrowing.cohort}),
        )
        for table in tables
        if table not in mine
    ]
    for table, columns in narrowing.without.items():
        asked = mine[table][0].columns if table in mine else dict.fromkeys(columns, "")
        problems += [f"without: {table}.{name} is not asked for" for name in columns if name not in asked]
    problems += [
        f"dates: the project asks for {table} by the {mine[table][0].dates} already"
        for table, precision in narrowing.dates.items()
        if table in mine and coarser(mine[table][0].dates, precision) == mine[table][0].dates
    ]
    for table, period in narrowing.periods.items():
        if table in mine and mine[table][1].tables[table].get(period.column) != "date":
            problems.append(f"periods.{table}.column: must be a date column of the table")
        if period.start > period.end:
            problems.append(f"periods.{table}: ends before it begins")
    for one in narrowing.cohort:
        if one.table in mine and one.column not in mine[one.table][1].tables[one.table]:
            problems.append(f"cohort: {one.table}.{one.column} is no column of yours")
        if len(one.values) != {"between": 2, "=": 1, ">=": 1, "<=": 1}.get(one.op, len(one.values)):
            problems.append(f"cohort: {one.op} takes another number of values")
    return problems + _cohort_untold(narrowing, file)


def _cohort_untold(narrowing: Narrowing, file: ProjectFile) -> list[str]:
    """What would leave nobody in the cohort: columns that the project's own cohort asks about."""
    return [
        f"without: the project's cohort is defined by {one.table}.{one.column}; refuse the project instead"
        for one in file.cohort
        if one.column in narrowing.without.get(one.table, ())
    ]
