"""A model of linkage made by hand, so that what a pair weighs can be told in a test; and who may approve one."""

from __future__ import annotations

from sqlalchemy.orm import Session

from access.people.model import Role
from access.service import Access
from audit.model import service
from audit.records import Records
from linkage.matching.residual.kept_models import keep_model, made_now
from linkage.matching.residual.store import LinkageModel
from linkage.matching.residual.weighing import people_specification
from linkage.specified.engine import VERSION
from linkage.specified.frozen import ComparisonModel, FrozenModel, LevelModel
from linkage.specified.levels import sql_levels
from linkage.standardise.specification import VERSION as STANDARDISATION
from linkage.store import held_deliveries
from tests.fakes.people import assessed, invented_person
from tests.fakes.zones import LinkageBench

AGREE, PARTLY, DISAGREE = 0.9, 0.06, 0.04
CHANCE, CHANCE_PARTLY = 0.001, 0.004
TRAINER, REVIEWER, SECOND_REVIEWER, ENGINEER = "person:tom", "person:rosa", "person:rhys", "person:eve"


def made_model(prior: float = 0.001) -> FrozenModel:
    """The first level of each column weighs +9.8, every other but disagreement about +4, disagreement about -4.6."""
    specification = people_specification()
    comparisons = []
    for comparison in specification.comparisons:
        labels = [level.label for level in sql_levels(comparison, specification)]
        between = len(labels) - 1
        ms = [AGREE, *[PARTLY / max(between, 1)] * between, DISAGREE if between else 1 - AGREE]
        us = [CHANCE, *[CHANCE_PARTLY / max(between, 1)] * between]
        levels = tuple(
            LevelModel(label=label, m=m, u=u)
            for label, m, u in zip([*labels, "differs"], ms, [*us, 1 - sum(us)], strict=True)
        )
        comparisons.append(ComparisonModel(of=comparison.of, levels=levels))
    return FrozenModel(
        engine="duckdb",
        splink=VERSION,
        specification=specification.digest,
        prior=prior,
        comparisons=tuple(comparisons),
        standardisation=STANDARDISATION,
    )


def approved_model(bench: LinkageBench) -> str:
    """The made model, kept in the bench's linkage zone and approved in its records; its digest."""
    at = bench.records.clock.now()
    with bench.zones.linkage() as zone:
        digest = keep_model(zone, made_model(), {}, at)
    specification, engine, standardisation = made_now()
    with Session(bench.records.engine) as session:
        session.add(
            LinkageModel(
                id=digest,
                specification=specification,
                engine=engine,
                standardisation=standardisation,
                card={},
                trained_at=at,
                trained_by=ENGINEER,
                approved_at=at,
                approved_by=REVIEWER,
            )
        )
        session.commit()
    return digest


def reviewers(records: Records) -> Access:
    """Tom and Eve (data engineers, Tom a reviewer too), Rosa and Rhys (linkage reviewers), registered."""
    access = Access(records, real_data=False, held=held_deliveries)
    house, today = service("administration"), records.clock.now().date()
    access.register_organisation(assessed("unit", today=today), by=house)
    for name, roles in (
        ("tom", {Role.DATA_ENGINEER, Role.LINKAGE_REVIEWER}),
        ("eve", {Role.DATA_ENGINEER}),
        ("rosa", {Role.LINKAGE_REVIEWER}),
        ("rhys", {Role.LINKAGE_REVIEWER}),
    ):
        access.register_person(invented_person(name, "unit", roles, today=today), by=house)
    return access
