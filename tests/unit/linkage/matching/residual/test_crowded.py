"""By what more records agree than one person has nobody is weighed; how much that leaves out is counted."""

from __future__ import annotations

from linkage.matching.residual.candidates import LARGEST_BLOCK, crowded
from linkage.matching.residual.settling import ResidualPlan
from tests.fakes.linkage_models import made_model
from tests.fakes.linkage_zone import ADA, LinkageZone, Row

MODEL = ResidualPlan(made_model(), "model")
SIGNS = "abcdefghijklmnopqrstuvwxyz"


def _strangers(many: int) -> list[Row]:
    """People of the GP, all called Ada, all of one postcode; they agree on nothing else with each other."""
    return [
        {
            **ADA,
            "dataset": "gp",
            "local_id": f"g{n}",
            "surname": f"{SIGNS[n % 26]}o{SIGNS[n // 26]}ka".capitalize(),
            "date_of_birth": f"{1900 + n % 100}-{1 + n // 28 % 12:02}-{1 + n % 28:02}",
        }
        for n in range(many)
    ]


def _linked(plan: ResidualPlan, rows: list[Row]) -> LinkageZone:
    zone = LinkageZone(plan)
    zone.bring("first", rows)
    zone.link()
    return zone


OTHER: Row = {**ADA, "dataset": "hospital", "local_id": "h", "surname": "Quint", "date_of_birth": "1999-12-31"}
"""Of that postcode and forename too, and agreeing with nobody on anything else."""


def test_a_block_of_as_many_as_are_compared_leaves_nothing_out() -> None:
    """Two hundred are weighed with each other."""
    zone = _linked(MODEL, [*_strangers(LARGEST_BLOCK - 1), OTHER])
    assert crowded(zone.zone) == {}


def test_what_a_larger_block_leaves_out_is_counted() -> None:
    """By the key and over all; who meets somebody by another key is not among those who met nobody."""
    rows = [*_strangers(LARGEST_BLOCK), OTHER]
    found = crowded(_linked(MODEL, rows).zone)
    assert found["keys"] == [["p g", 1, LARGEST_BLOCK + 1]]
    assert (found["values"], found["records"]) == (1, LARGEST_BLOCK + 1)
    met = {**OTHER, "local_id": "m", "forenames": "Alice", "postcode": "YO1 9ZZ", "dataset": "deaths"}
    more = crowded(_linked(MODEL, [*rows, met]).zone)
    assert more["keys"] == found["keys"]
    assert more["with_nobody"] == found["with_nobody"] - 1


def test_each_weighing_counts_anew() -> None:
    """What the last one left out stands there; without a model nothing was weighed, and nothing is told."""
    zone = _linked(MODEL, [*_strangers(LARGEST_BLOCK), OTHER])
    first = crowded(zone.zone)
    zone.link(everybody=True)
    assert crowded(zone.zone) == first
    zone.plan = ResidualPlan()
    zone.link(everybody=True)
    assert crowded(zone.zone) == {}
