"""People with all the evidence that anybody needs, and organisations whose security was assessed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from access.organisations.model import Organisation
from access.people.invented import invented_assessment, invented_evidence
from access.people.model import Person, Role

LONG_AGO = date(2026, 3, 1)


def assessed(name: str, title: str = "", today: date = LONG_AGO) -> Organisation:
    """An organisation whose security was assessed, for five years."""
    return Organisation(name, title or name.title(), replace(invented_assessment(today), ods_code="RX1"))


def invented_person(
    name: str, organisation: str, roles: Iterable[Role], training_ends: date | None = None, today: date = LONG_AGO
) -> Person:
    """A person who may act from `today` on, until their training ends; their employer stands beside them."""
    evidence = invented_evidence(today)
    if evidence.proofing is not None:  # as if somebody had looked: with real data invented evidence is none
        evidence = replace(evidence, proofing=replace(evidence.proofing, by="person:registrar"))
    if training_ends is not None:
        evidence = replace(evidence, trainings=tuple(replace(one, ends=training_ends) for one in evidence.trainings))
    return Person(name, name.title(), organisation, frozenset(roles), evidence, employer=assessed(organisation))
