"""A delivery whose time is over, with real zones and files: it serves nobody, is destroyed, and scopes go on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from access.decisions import Refused, RefusedError
from access.people.model import Role
from audit.clock import FixedClock
from audit.model import person
from environments.gateway.model import ScopeFile
from infra.demo.people import make_deliveries
from infra.housekeeping import keep_house
from infra.published import scopes_of
from infra.retention import HOUSEKEEPING, certificate_of, destroy_delivery
from infra.settings import load_settings
from infra.wiring.haven import Haven
from linkage.contracts.registry import find_contract
from linkage.intake.pack import pack
from tests.fakes.havens import HOUSE, PROJECT, make_live, project_file
from tests.fakes.people import assessed, invented_person
from tests.fakes.registers import agreement

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ENGINEER = person("engineer")
TERMS = {"notice": "https://gp.example/how", "retention_days": 100, "destruction": "Files are removed."}


class Played:
    """Two deliveries of 400 people, linked, and a live project over the GP's whose scope is published."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.clock = FixedClock(START)
        self.haven = Haven(load_settings(top / "h"), self.clock)
        for folder in (self.haven.settings.run_folder, self.haven.settings.home / "records"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        access, today = self.haven.access, START.date()
        for name in ("haven", "university", "gp", "hospital"):
            access.register_organisation(assessed(name, today=today), by=HOUSE)
        for name, employer, role in (("engineer", "haven", Role.DATA_ENGINEER), ("lena", "haven", Role.GOVERNANCE_LEAD),
                                     ("greta", "haven", Role.CALDICOTT_GUARDIAN),
                                     ("asha", "university", Role.RESEARCHER)):  # fmt: skip
            access.register_person(invented_person(name, employer, {role}, today=today), by=HOUSE)
        make_deliveries(top / "made", people=400, seed=3)
        self.receive("gp", "gp-first")
        self.receive("hospital", "hospital-first")
        self.haven.linker.link(by=ENGINEER)
        datasets = {"gp": PROJECT["datasets"]["gp"]}  # type: ignore[index]
        access.apply(project_file(people=["asha"], datasets=datasets), applicant="asha", by=person("asha"))
        make_live(access, controllers=("gp",))
        self.haven.publish_scope("admissions")

    def receive(self, dataset: str, name: str) -> None:
        """Deliver what was made."""
        pack(self.top / "made" / dataset, find_contract(dataset), name=name)
        self.haven.delivery_intake.receive(self.top / "made" / dataset, by=ENGINEER)

    def on(self, days: int) -> None:
        """So many days after the receipt; Asha has used her account."""
        self.clock.at = START + timedelta(days=days)
        self.haven.access.saw("asha")

    def served(self) -> str:
        """What the gateway would answer from: the scope's rows of events, or the refusal's code."""
        found = scopes_of(self.haven).current("admissions")
        return found.code if isinstance(found, Refused) else "served"


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    """A fresh one."""
    made = Played(tmp_path)
    yield made
    made.haven.records.engine.dispose()
    made.haven.audit_log.close()
    for folder in made.haven.settings.scopes_folder.glob("*"):
        folder.chmod(0o700)


def test_from_the_day_after_it_serves_nobody_until_a_person_destroys_it(played: Played) -> None:
    """On its last day it is served; the day after neither scope nor ingest; destroyed, only what is built anew."""
    access = played.haven.access
    access.register_agreement(agreement(), by=HOUSE)  # a hundred days, and a governance lead destroys
    played.on(100)
    assert played.served() == "served"
    played.clock.at += timedelta(days=1)
    assert played.served() == "retention.over"
    found = access.may_query("asha", "admissions")
    assert isinstance(found, Refused)
    assert "gp-first of gp could be kept until 2027-02-10, as the agreement gp-2026 says" in found.reason
    with pytest.raises(RefusedError, match="until 2027-02-10"):
        played.haven.publish_scope("admissions")
    with pytest.raises(RefusedError, match="until 2027-02-10"):
        played.receive("gp", "gp-second")
    assert access.may_ingest("hospital", {"nhs_number"})
    done = keep_house(played.haven, by=HOUSEKEEPING)
    assert [one.subject for one in done if one.kind == "retention"] == ["gp-first"]
    with pytest.raises(RefusedError, match="No agreement lets the haven destroy"):
        destroy_delivery(played.haven, "gp-first", by=HOUSEKEEPING)
    played.clock.at += timedelta(hours=1)
    destroy_delivery(played.haven, "gp-first", by=HOUSE)
    assert played.served() == "scope.destroyed"
    played.clock.at += timedelta(hours=1)
    played.haven.publish_scope("admissions")
    assert played.served() == "served"
    scope = scopes_of(played.haven).current("admissions")
    assert isinstance(scope, ScopeFile)
    assert access.may_ingest("gp", {"nhs_number"})


def test_housekeeping_destroys_what_is_agreed_to_end_by_itself(played: Played) -> None:
    """Where the agreement says so: destroyed and certified by housekeeping on the day after, once."""
    terms = {"gp": TERMS | {"destroyed_by": "housekeeping"}}
    played.haven.access.register_agreement(agreement(datasets=terms), by=HOUSE)
    played.on(100)
    assert "delivery-destroyed" not in {one.kind for one in keep_house(played.haven, by=HOUSEKEEPING)}
    played.clock.at += timedelta(days=1)
    done = keep_house(played.haven, by=HOUSEKEEPING)
    assert [one.subject for one in done if one.kind == "delivery-destroyed"] == ["gp-first"]
    assert "retention" not in {one.kind for one in done}
    statement = certificate_of(played.haven, "gp-first")["statement"]
    assert (statement["destroyed_by"], statement["kept_until"]) == ("service:housekeeping", "2027-02-10")
    assert keep_house(played.haven, by=HOUSEKEEPING) == []
    assert played.served() == "scope.destroyed"


def test_a_project_that_never_saw_it_goes_on_when_it_is_published_anew(played: Played) -> None:
    """A delivery that was never linked is destroyed: the same file stands, and is found to hold none of it."""
    played.haven.access.register_agreement(agreement(), by=HOUSE)
    make_deliveries(played.top / "made", people=50, seed=9)
    played.receive("gp", "gp-unlinked")
    played.clock.at += timedelta(hours=1)
    destroy_delivery(played.haven, "gp-unlinked", early="It was sent by mistake.", by=HOUSE)
    assert played.served() == "scope.destroyed"
    played.clock.at += timedelta(hours=1)
    played.haven.publish_scope("admissions")
    assert played.served() == "served"
