"""How does the airlock ask access? This adapter stands behind the port `Approvals`."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from access.decisions import Decision, Refused
from access.optouts.disclosures import Disclosures
from access.organisations.model import Organisation
from access.organisations.policies import may_take_part
from access.people.model import Role
from access.people.policies import UNACKNOWLEDGED, may_act, may_hold_office
from access.projects.purposes import needs_agreement
from access.service import Access
from audit.model import Actor
from audit.records import Change


class AccessApprovals:
    """The approval records of access, as the airlock asks them."""

    def __init__(self, access: Access, disclosures: Disclosures) -> None:
        self._access = access
        self._disclosures = disclosures

    def may_submit(self, person: str, project: str) -> Decision:
        """May this person submit an output of the project now?"""
        return self._access.may_submit(person, project)

    def may_import(self, person: str, project: str) -> Decision:
        """Who may submit outputs; and a data engineer who may act, while the project is live."""
        found = self._access.person(person)
        if found is not None and Role.DATA_ENGINEER in found.roles and person not in self.members(project):
            return may_act(found, self._today()) and self.standing(project)
        return self._access.may_submit(person, project)

    def may_mirror(self, person: str, project: str) -> Decision:
        """A data engineer who may act, of no version of the project."""
        if person in self.members(project):
            return Refused("package.own_project", "Nobody mirrors packages for their own project.", "Another does.")
        return may_hold_office(self._access.person(person), Role.DATA_ENGINEER, self._today())

    def may_check_output(self, person: str, project: str) -> Decision:
        """Does this person hold the checker's role, and stand outside every version of the project?"""
        return self._access.may_check_output(person, project)

    def standing(self, project: str) -> Decision:
        """Is the project live, with every controller's agreement in force?"""
        return self._access.standing(project)

    def members(self, project: str) -> frozenset[str]:
        """Everybody who is or was in the project."""
        return self._access.members(project)

    def scope_version(self, project: str) -> int | None:
        """The approval version in force; None when the project is not live."""
        return self._access.scope_version(project)

    def profile(self, project: str) -> str:
        """The project's own profile and those of the owners of its datasets: the strictest of them applies."""
        file = self._access.project(project).file
        entries = self._access.datasets()
        owners = {entries[name].disclosure_profile for name in file.datasets if name in entries}
        return "+".join(sorted(owners | {file.disclosure_profile}))

    def output_checkers(self) -> frozenset[str]:
        """Who holds the checker's role now and may act; the yearly acknowledgement is asked at the verdict itself."""
        holders = [one for one in self._access.people() if Role.OUTPUT_CHECKER in one.roles]
        return frozenset(one.id for one in holders if _at_hand(may_act(one, self._today())))

    def vetoes(self, project: str) -> frozenset[str]:
        """The approval records know no veto over releases yet: no controller can have kept one."""
        return frozenset()

    def may_receive(self, recipient: str, project: str) -> Decision:
        """An organisation that may take part, or a person of one who may act; of those that the file lists.

        Of real people's data nothing goes to whom no file names: no decision on opt-outs was taken for that flow.
        """
        organisation, person = self._organisation(recipient), None
        if organisation is None and (person := self._access.person(recipient)) is not None:
            organisation = person.employer
        if organisation is None:
            return _unregistered()
        file = self._access.project(project).file
        if organisation.id not in file.recipients and (file.recipients or needs_agreement(file.legal_basis)):
            return _unlisted()
        return may_act(person, self._today()) if person else may_take_part(organisation, self._today())

    def may_acknowledge(self, by: Actor, recipient: str) -> Decision:
        """The recipient themselves, the organisation's account, or somebody of it who may act."""
        kind, _, name = by.partition(":")
        organisation = self._organisation(recipient)
        themselves = kind == "person" and organisation is None and name == recipient
        if themselves or (organisation is not None and by == f"organisation:{organisation.id}"):
            return self._access.own_account(by)
        person = self._access.person(name) if kind == "person" else None
        if person is not None and organisation is not None and person.organisation == organisation.id:
            return may_act(person, self._today())
        return Refused(
            "release.not_the_recipient",
            "Only who was told of a recall, or somebody of that organisation, acknowledges it.",
            "They do; an organisation that is not registered is registered first.",
        )

    def _organisation(self, name: str) -> Organisation | None:
        """By its id, or by its registered name where no other bears it."""
        named = [one for one in self._access.organisations() if one.name == name]
        return self._access.organisation(name) or (named[0] if len(named) == 1 else None)

    def certify_release(
        self, change: Change, project: str, version: int, request: str, *, offered: datetime
    ) -> str | None:
        """As the certificate says that the version's scope had when the output was offered: it was made from that."""
        made_from = self._disclosures.of_version(project, version, until=offered)
        if made_from is None:
            return None
        plan = replace(made_from.plan, cuts=())  # a table that passed is no cut of persons' rows
        return self._disclosures.certify(change, plan, "release", request, made_from.people, made_from.rows).id

    def may_decide_for(self, by: Actor, controller: str, project: str) -> Decision:
        """The controller's own account, or its delegate who may act; never a member of the project."""
        kind, _, name = by.partition(":")
        if kind == "organisation" and name == controller:
            return self._access.own_account(by)
        delegate = self._access.person(name) if kind == "person" else None
        if delegate and delegate.organisation == controller:
            return may_hold_office(delegate, Role.CONTROLLER_DELEGATE, self._today())
        return Refused("release.not_delegate", f"Only {controller}'s delegate decides here.", "That delegate decides.")

    def _today(self) -> date:
        return self._access.records.clock.now().date()


def _at_hand(acting: Decision) -> bool:
    """May they act, or as soon as they log in?"""
    return not isinstance(acting, Refused) or acting.code in UNACKNOWLEDGED


def _unregistered() -> Refused:
    return Refused(
        "release.recipient_unknown",
        "The recipient is no registered organisation, and no person of one.",
        "Write its id under recipient; an administrator registers it: haven organisation add ID NAME",
    )


def _unlisted() -> Refused:
    return Refused(
        "release.recipient_not_listed",
        "The project's approval does not name this recipient.",
        "Apply for a version of the project that lists it under recipients.",
    )
