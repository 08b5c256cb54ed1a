"""The demo's deliveries meet the real intake: all four are taken in, and what is bad is set aside for its reason."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from audit.clock import FixedClock
from infra.demo.people import make_deliveries
from linkage.contracts.registry import find_contract
from linkage.intake.pack import pack
from linkage.intake.service import ReceiptSummary
from tests.fakes.deliveries import IntakeBench
from tests.fakes.havens import memory_records

PEOPLE = 3_000
DATASETS = ("gp", "hospital", "social_care", "deaths")
THE_DAY_AFTER = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)
SPOILT = {
    "gp": {"date.unreadable", "value.missing", "join.parent_quarantined"},
    "hospital": {"value.not_allowed"},
    "social_care": {"date.unreadable"},
    "deaths": {"value.pattern"},
}
WRONG_BIRTHDAYS = {"date.order", "date.future"}  # a mistaken birthday can lie after what it should come before


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ReceiptSummary]:
    """All four deliveries, packed and received by a haven on the day after their last one."""
    folder = tmp_path_factory.mktemp("demo")
    make_deliveries(folder / "controllers", people=PEOPLE, seed=5)
    bench = IntakeBench(folder / "home", memory_records(FixedClock(THE_DAY_AFTER)))
    for dataset in DATASETS:
        pack(folder / "controllers" / dataset, find_contract(dataset), name=f"{dataset}-first")
    return {dataset: bench.receive(folder / "controllers" / dataset) for dataset in DATASETS}


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_delivery_is_taken_in(received: dict[str, ReceiptSummary], dataset: str) -> None:
    """Received, with every table of its contract in it."""
    summary = received[dataset]
    assert summary.state == "received"
    contract = find_contract(dataset)
    assert set(summary.rows) == {file.table for file in contract.files}
    assert all(rows > 0 for rows in summary.rows.values())


@pytest.mark.parametrize("dataset", DATASETS)
def test_bad_rows_are_set_aside_for_the_reason_they_were_given(
    received: dict[str, ReceiptSummary], dataset: str
) -> None:
    """Each reason that was put in is found, and none that was not; far fewer than the contract tolerates."""
    summary = received[dataset]
    assert SPOILT[dataset] <= set(summary.quarantined) <= SPOILT[dataset] | WRONG_BIRTHDAYS
    assert sum(summary.quarantined.values()) < max(6, 0.006 * sum(summary.rows.values()))
