"""Whom does the airlock ask? Approval records, sealed evidence and file inspectors, each time anew, never a copy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from access.decisions import Decision
from audit.model import Actor
from audit.records import Change
from environments.airlock.ledger.model import GroupMarks
from environments.disclosure.sealed.model import QueryEvidence
from environments.inspection.model import Inspection


class Approvals(Protocol):
    """People and projects. Names are bare (`asha`), projects are slugs."""

    def may_submit(self, person: str, project: str) -> Decision:
        """May this person submit an output of the project now?"""
        ...

    def may_import(self, person: str, project: str) -> Decision:
        """May this person ask for files to be brought into the project now: of its people, or a data engineer?"""
        ...

    def may_mirror(self, person: str, project: str) -> Decision:
        """Is this person a data engineer who may act, outside the project?"""
        ...

    def may_check_output(self, person: str, project: str) -> Decision:
        """Does this person hold the checker's role, and stand outside the project?"""
        ...

    def standing(self, project: str) -> Decision:
        """Is the project live, with every controller's agreement in force?"""
        ...

    def members(self, project: str) -> frozenset[str]:
        """Everybody who is or was in the project."""
        ...

    def scope_version(self, project: str) -> int | None:
        """The approval version in force; None when the project is not live."""
        ...

    def profile(self, project: str) -> str:
        """The disclosure profiles of all owners concerned, joined by '+'."""
        ...

    def output_checkers(self) -> frozenset[str]:
        """Everybody who holds the checker's role now, and is not barred, closed or lapsed."""
        ...

    def vetoes(self, project: str) -> frozenset[str]:
        """The controllers that kept a veto over this project's releases."""
        ...

    def may_receive(self, recipient: str, project: str) -> Decision:
        """May what a commissioner is handed go to this organisation, or this person of one, from this project now?"""
        ...

    def may_acknowledge(self, by: Actor, recipient: str) -> Decision:
        """Does this actor speak for who was told of a recall?"""
        ...

    def certify_release(
        self, change: Change, project: str, version: int, request: str, *, offered: datetime
    ) -> str | None:
        """Keep what was done about opt-outs in what this is released from, within the change; the certificate's id.

        offered: when its files were; what was built later is not what they were made from. None where nothing was
        built for this version until then.
        """
        ...

    def may_decide_for(self, by: Actor, controller: str, project: str) -> Decision:
        """Does this actor decide for this controller?"""
        ...


class SealedEvidence(Protocol):
    """What was counted behind the queries of a project, and sealed then."""

    def of(self, project: str, query: str) -> QueryEvidence | None:
        """Of one query; None where this project has no such query with evidence. Raises EvidenceBroken."""
        ...


class PersonSets(Protocol):
    """Who stands behind the groups of a query, under marks that are the same in every project."""

    def of(self, project: str, query: str) -> Mapping[tuple[object, ...], GroupMarks]:
        """Of each group by its key. Raises PeopleUnknown with the way to mend it, EvidenceBroken."""
        ...


class Inspectors(Protocol):
    """Who looks into the files that are no tables of counts."""

    @property
    def rules(self) -> str:
        """By what they look, as a digest: where it is another one, files are looked into again."""
        ...

    def look(self, project: str, name: str, content: bytes) -> Inspection:
        """What is in these bytes, and does it hold pseudonyms of the project? Raises InspectionError: not looked at."""
        ...
