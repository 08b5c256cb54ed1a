"""Every kind of damage thought of (tests/fakes/damaged_rows.py): refused whole, set aside by row, or harmless."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkage.errors import DeliveryRefused
from linkage.intake import gzipped, unpack
from linkage.intake.manifest import MANIFEST
from linkage.intake.reasons import REASONS
from linkage.intake.service import quarantined_rows
from linkage.store import all_deliveries, as_data
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.damage import Damage
from tests.fakes.damaged_rows import DAMAGES
from tests.fakes.deliveries import CANARY, IntakeBench, intact

QUICK = 8  # every eighth kind is in the quick part of the tests


def _kinds(outcome: str) -> pytest.MarkDecorator:
    """A test for each kind of damage with this outcome."""
    found = [damage for damage in DAMAGES if damage.expect == outcome]
    marks = [() if number % QUICK == 0 else pytest.mark.slow for number in range(len(found))]
    return pytest.mark.parametrize(
        "damage", [pytest.param(d, id=d.name, marks=mark) for d, mark in zip(found, marks, strict=True)]
    )


@pytest.fixture(scope="module", autouse=True)
def small_bombs() -> Iterator[None]:
    """What unpacks without end is refused from sixteen megabytes on, so that the test need not unpack hundreds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gzipped, "RATIO_APPLIES_FROM", 16 * 1024 * 1024)
        patch.setattr(unpack, "RATIO_APPLIES_FROM", 16 * 1024 * 1024)
        yield


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> IntakeBench:
    """A haven that has received one good delivery, called `first`."""
    folder = tmp_path_factory.mktemp("damage")
    bench = IntakeBench(folder / "home")
    bench.receive(intact(folder / "first", people=41))
    return bench


def _damaged(damage: Damage, folder: Path) -> Path:
    delivery = intact(folder / "delivery", damage.dataset, name=_name(damage), day=DAMAGES.index(damage))
    return damage.make(delivery) or delivery


def _name(damage: Damage) -> str:
    return f"damage-{DAMAGES.index(damage)}"


def _told(bench: IntakeBench) -> str:
    """All that is kept in words of every delivery: records, log, reports."""
    with bench.records.read() as session:
        records = [as_data(delivery) for delivery in all_deliveries(session)]
    log = bench.records.log
    events = log.events if isinstance(log, MemoryAuditLog) else []
    reports = [path.read_text(encoding="utf-8") for path in bench.intake.reports_folder.rglob("*") if path.is_file()]
    return "\n".join([repr(records), *map(repr, events), *reports])


def test_the_catalogue_is_wide_and_each_damage_has_its_own_name() -> None:
    """There are far more than forty kinds of damage, each named once, each code one that has a sentence."""
    assert len(DAMAGES) > 100
    assert max(Counter(damage.name for damage in DAMAGES).values()) == 1
    assert {damage.code for damage in DAMAGES} - {""} <= set(REASONS)
    assert all(bool(damage.code) == (damage.expect != "accepted") for damage in DAMAGES)


@_kinds("refused")
def test_a_refused_delivery_leaves_everything_as_it_was(damage: Damage, bench: IntakeBench, tmp_path: Path) -> None:
    """A delivery damaged as a whole is refused with its reason and how to mend it, and changes nothing."""
    path, before = _damaged(damage, tmp_path), bench.state()
    with pytest.raises(DeliveryRefused) as refusal:
        bench.receive(path)
    error = refusal.value
    assert error.reason == damage.code
    assert error.mend
    assert error.mend.endswith(".")
    assert CANARY not in repr(error.as_dict()).casefold()
    assert bench.state() == before
    assert not list((bench.home / "intake").glob("unpacked-*"))
    assert not list((bench.home / "intake").glob("scratch-*"))


@_kinds("quarantined")
def test_bad_rows_are_set_aside_and_every_row_is_accounted_for(
    damage: Damage, bench: IntakeBench, tmp_path: Path
) -> None:
    """Bad rows lie in quarantine with number and reason; with the rows taken in they are all rows of the files."""
    path = _damaged(damage, tmp_path)
    summary = bench.receive(path)
    packed = sum(file["rows"] for file in _manifest(path)["files"])
    assert damage.code in summary.quarantined
    assert sum(summary.rows.values()) + sum(summary.quarantined.values()) == packed
    lying = bench.rows_of(summary.delivery)
    assert {table: count for table, count in lying.items() if table in summary.rows} == summary.rows
    parents = next(iter(summary.rows)) if damage.dataset == "hospital" else "gp_patients"
    assert lying["identity"] == summary.rows[parents]
    assert lying["quarantine"] == sum(summary.quarantined.values())
    where = quarantined_rows(bench.zones, bench.records, summary.name)
    assert any(reason.startswith(damage.code) for row in where for reason in row["reasons"])
    report = json.loads(summary.reports[1].read_text(encoding="utf-8"))
    assert sum(file["rows"] for file in report["files"]) == packed
    assert REASONS[damage.code].mend.split("'")[0] in summary.reports[0].read_text(encoding="utf-8")


@_kinds("accepted")
def test_what_is_only_unusual_is_taken_in_whole(damage: Damage, bench: IntakeBench, tmp_path: Path) -> None:
    """What the contract allows and other tools stumble over is taken in to the last row."""
    path = _damaged(damage, tmp_path)
    summary = bench.receive(path)
    assert summary.quarantined == {}
    assert summary.rows == {"gp_patients": 40, "gp_events": 80}


def test_no_record_report_or_file_of_all_these_holds_a_row_value(bench: IntakeBench) -> None:
    """After all of them: no words and no byte on disk hold a value of any row; zones and quarantine are ciphered."""
    assert CANARY not in _told(bench).casefold()
    for path in bench.home.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes().lower(), path.name


def _manifest(path: Path) -> dict[str, Any]:
    return dict(json.loads((path / MANIFEST).read_text(encoding="utf-8")))
