"""The rule book of opt-outs, whose wish it is: an objection is one person's, whatever number the letter has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from access.optouts.model import ObjectionTarget
from audit.events import EventName
from audit.model import organisation
from linkage.optouts.errors import ObjectorNamed, ObjectorUnknown
from linkage.references.tables import bring_into_force, prepare_references, put_rows
from tests.fakes.deliveries import nhs_number
from tests.fakes.optouts import BY, OptOutHaven, one

ADA, BEN = nhs_number(1), nhs_number(2)
TO_GP = ObjectionTarget("controller", "gp")


@pytest.fixture
def haven(tmp_path: Path) -> Iterator[OptOutHaven]:
    """Two people at the GP, one of them in hospital too; a live project, and nobody opted out."""
    haven = OptOutHaven(tmp_path)
    gp = [one("a", ADA, "Ada", code="a"), one("b", BEN, "Ben", code="b")]
    haven.people({"gp": gp, "hospital": [one("h", BEN, "Ben")]})
    haven.live()
    haven.refresh([])
    yield haven
    haven.close()


def _superseded(haven: OptOutHaven, old: str, new: str) -> None:
    """The table in force says that one number took the other's place."""
    with haven.bench.zones.linkage() as zone:
        prepare_references(zone)
        kind, at = "superseded-nhs-numbers", haven.clock.now().replace(tzinfo=None)
        version = put_rows(zone, kind, pa.table({"old": [old], "new": [new]}), "digest", at, None)
        bring_into_force(zone, kind, version)


def test_an_objection_under_a_superseded_number_is_heeded(haven: OptOutHaven) -> None:
    """The letter has the old number, the records have the new one: the person leaves all the same."""
    old = nhs_number(7)
    _superseded(haven, old, ADA)
    haven.publish()
    assert haven.codes()["gp_events"] == ["a", "b"]
    haven.name_objector(old, "o1")
    haven.optouts.record_objection("o1", TO_GP, "No", by=organisation("gp"))
    haven.publish()
    assert haven.codes()["gp_events"] == ["b"]


def test_an_objection_does_not_pass_to_another_person(haven: OptOutHaven) -> None:
    """Another number under a known id is refused; the same again changes nothing; the log says that one is named."""
    haven.name_objector(ADA, "o1")
    haven.name_objector(ADA, "o1")
    haven.optouts.record_objection("o1", TO_GP, "No", by=organisation("gp"))
    with pytest.raises(ObjectorNamed) as told:
        haven.name_objector(BEN, "o1")
    assert not {ADA, BEN} & set(str(told.value).split())
    haven.publish()
    assert haven.codes()["gp_events"] == ["b"]
    haven.lists.require_named("o1", by=BY)
    (event,) = [one for one in haven.records.log.events if one.name is EventName.OPTOUT_OBJECTOR_NAMED]  # type: ignore[attr-defined]
    assert event.details == {"objection": "o1", "named_at": "2026-03-01T09:00:00", "account": None}
    with pytest.raises(ObjectorUnknown):
        haven.lists.require_named("o2", by=BY)
