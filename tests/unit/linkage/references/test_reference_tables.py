"""Superseded NHS numbers and recoded postcodes: what is loaded, what is followed, and whom it brings together."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest

from access.decisions import RefusedError
from access.optouts.linkages import under_way_since
from audit.events import EventName
from audit.model import service
from linkage.matching import evidence, renewal
from linkage.references.door import LoadedReference
from linkage.references.errors import ReferenceRefused, UnknownReference
from linkage.references.service import ReferenceTables
from linkage.standardise.nhs_numbers import nhs_numbers
from linkage.standardise.references import resolve
from tests.fakes.deliveries import nhs_number
from tests.fakes.linkage_models import ENGINEER, REVIEWER, TRAINER, reviewers
from tests.fakes.zones import LinkageBench

BY = service("test")
NUMBERS, POSTCODES = "superseded-nhs-numbers", "postcode-history"
OLD, NEW = nhs_number(100), nhs_number(200)


def _person(**changes: object) -> dict[str, object]:
    row = {"local_id": "a", "nhs_number": OLD, "surname": "Hale", "forenames": "Zara", "sex": "F", "code": "g"}
    return row | {"date_of_birth": "1961-07-04", "postcode": "LS1 4AP"} | changes


@pytest.fixture
def bench(tmp_path: Path) -> LinkageBench:
    """One woman, at her practice under a number that was superseded, in hospital married and under the new one."""
    bench = LinkageBench(tmp_path)
    bench.deliver("gp", "gp_patients", [_person()], {"code": "VARCHAR"})
    changed = _person(nhs_number=NEW, surname="Brook", postcode="M1 1AE", code="h")
    bench.deliver("hospital", "episodes", [changed], {"code": "VARCHAR"})
    return bench


@pytest.fixture
def tables(bench: LinkageBench) -> ReferenceTables:
    """The reference tables of the same haven."""
    return ReferenceTables(bench.zones, bench.records, reviewers(bench.records))


def _file(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def _superseded(folder: Path, *pairs: tuple[str, str]) -> Path:
    rows = "".join(f"{old},{new}\n" for old, new in pairs)
    return _file(folder, f"old_nhs_number,new_nhs_number\n{rows}")


def _persons(bench: LinkageBench) -> dict[str, str]:
    """Each payload row's person, in the research zone."""
    with bench.zones.research(read_only=True) as zone:
        rows = zone.execute(
            "SELECT code, person::TEXT FROM gp_patients UNION ALL SELECT code, person::TEXT FROM episodes"
        )
        return dict(rows.fetchall())


def _put_in_force(tables: ReferenceTables, kind: str, path: Path) -> LoadedReference:
    """Load and approve, by two people."""
    tables.load(kind, path, by=ENGINEER)
    return tables.approve(kind, by=REVIEWER)


def _held(bench: LinkageBench) -> bool:
    with bench.records.read() as session:
        return under_way_since(session) is not None


def _events(bench: LinkageBench, name: EventName) -> list[dict[str, Any]]:
    log = bench.records.log
    return [dict(event.details) for event in log.events if event.name == name]  # type: ignore[attr-defined]


def test_a_new_table_moves_who_was_linked_before(bench: LinkageBench, tables: ReferenceTables, tmp_path: Path) -> None:
    """With the table she is one person, payload included, without any new delivery; without it she is two again."""
    bench.linker.link(by=BY)
    assert len(set(_persons(bench).values())) == 2
    tables.load(NUMBERS, _superseded(tmp_path, (OLD, NEW)), by=ENGINEER)
    assert bench.linker.link(by=BY).nothing_new, "followed before anybody approved it"
    tables.approve(NUMBERS, by=REVIEWER)
    assert _held(bench), "it changes whose wish a number is"
    assert not bench.linker.link(by=BY).nothing_new
    assert len(set(_persons(bench).values())) == 1
    assert _events(bench, EventName.LINKAGE_COMPLETED)[-1]["references"] == [f"{NUMBERS} 1"]
    assert bench.linker.link(by=BY).nothing_new
    assert not _held(bench)
    with pytest.raises(RefusedError):
        tables.remove(NUMBERS, by=ENGINEER)
    tables.remove(NUMBERS, by=REVIEWER)
    assert _held(bench)
    bench.linker.link(by=BY)
    assert len(set(_persons(bench).values())) == 2


def test_the_same_table_again_changes_nothing(bench: LinkageBench, tables: ReferenceTables, tmp_path: Path) -> None:
    """Loaded again it is a new version of one content, and nobody is looked at for it."""
    _put_in_force(tables, NUMBERS, _superseded(tmp_path, (OLD, NEW)))
    bench.linker.link(by=BY)
    assert _put_in_force(tables, NUMBERS, _superseded(tmp_path, (OLD, NEW))).version == 2
    assert bench.linker.link(by=BY).nothing_new
    assert [(one.kind, one.version, one.rows) for one in tables.all()] == [(NUMBERS, 2, 1)]


def test_a_home_linked_under_another_specification_is_linked_anew(bench: LinkageBench) -> None:
    """Its records get tokens of this one, keep their persons, and match what is delivered next."""
    with patch.object(evidence, "VERSION", "2026.1"), patch.object(renewal, "VERSION", "2026.1"):
        bench.linker.link(by=BY)
    before = _persons(bench)
    assert not bench.linker.link(by=BY).nothing_new
    assert _persons(bench) == before
    bench.deliver("care", "care", [_person(code="c")], {"code": "VARCHAR"})
    bench.linker.link(by=BY)
    with bench.zones.linkage(read_only=True) as zone:
        rows = zone.execute(
            "SELECT count(DISTINCT person) FROM links JOIN evidence USING (record) WHERE dataset <> 'hospital'"
        )
        assert rows.fetchall() == [(1,)]
    assert bench.linker.link(by=BY).nothing_new


def test_a_home_of_before_the_rules_were_kept_is_linked_anew(bench: LinkageBench) -> None:
    """Where no note says under which rules the evidence was made, it was under others."""
    bench.linker.link(by=BY)
    with bench.zones.linkage() as zone:
        zone.execute("DROP TABLE standardised")
    assert not bench.linker.link(by=BY).nothing_new
    assert bench.linker.link(by=BY).nothing_new


def test_postcodes_are_followed_too(bench: LinkageBench, tables: ReferenceTables, tmp_path: Path) -> None:
    """Of several successors the last by date counts; the old form links with the new one."""
    text = "old_postcode,new_postcode,from\nLS1 4AP,LS2 9JT,1999-01-01\nls14ap,M1 1AE,2004-05-01\n"
    _put_in_force(tables, POSTCODES, _file(tmp_path, text))
    bench.linker.link(by=BY)
    with bench.zones.linkage(read_only=True) as zone:
        assert zone.execute("SELECT count(DISTINCT p) FROM evidence").fetchall() == [(1,)]


def test_bad_rows_are_counted_and_too_many_refuse_the_table(
    bench: LinkageBench, tables: ReferenceTables, tmp_path: Path
) -> None:
    """Counts by reason, no number shown; what was loaded before stays."""
    good = [(nhs_number(n), nhs_number(n + 500)) for n in range(1000, 1200, 5)]
    loaded = tables.load(NUMBERS, _superseded(tmp_path, *good, (OLD, "123")), by=ENGINEER)
    assert loaded.bad == {"bad_new": 1}
    with pytest.raises(ReferenceRefused) as refused:
        tables.load(NUMBERS, _superseded(tmp_path, *good[:3], (OLD, "123"), ("9", NEW), (OLD, OLD)), by=ENGINEER)
    assert OLD not in str(refused.value)
    assert [one.version for one in tables.all()] == [1]
    (entry,) = _events(bench, EventName.LINKAGE_REFERENCE_LOADED)
    assert (entry["kind"], entry["rows_bad_new"]) == (NUMBERS, "fewer than 10")


def test_a_date_that_is_no_day_is_a_bad_row(tables: ReferenceTables, tmp_path: Path) -> None:
    """Which successor is the last cannot be told without it: the row is counted and left out."""
    good = "".join(f"LS{n} {d}AA,M{n} {d}AE,2004-05-01\n" for n in range(1, 10) for d in range(1, 10))
    bad = "YO1 1AA,M1 1AE,01/05/2004\nYO1 2AA,M1 1AE,\n"
    loaded = tables.load(POSTCODES, _file(tmp_path, f"old_postcode,new_postcode,from\n{good}{bad}"), by=ENGINEER)
    assert loaded.bad == {"bad_date": 2}


def test_forks_and_circles_are_counted(tables: ReferenceTables, tmp_path: Path) -> None:
    """An old number with two new ones is one bad row, one that leads back to itself is another kind."""
    chain = [nhs_number(n) for n in range(2000, 2200)]
    pairs = list(zip(chain[:100], chain[100:], strict=True))
    odd = [(OLD, chain[0]), (OLD, chain[1]), (NEW, nhs_number(300)), (nhs_number(300), NEW)]
    assert tables.load(NUMBERS, _superseded(tmp_path, *pairs, *odd), by=ENGINEER).bad == {
        "several_candidates": 1,
        "circle": 2,
    }


def test_too_many_numbers_of_one_person_are_followed_by_none(
    bench: LinkageBench, tables: ReferenceTables, tmp_path: Path
) -> None:
    """Eleven that lead to one, also through others, are bad rows: they would make one person of strangers."""
    good = [(nhs_number(n), nhs_number(n + 5_000)) for n in range(4_000, 4_300)]
    ten = [(nhs_number(n), NEW) for n in range(3_000, 3_010)]
    assert tables.load(NUMBERS, _superseded(tmp_path, *good, *ten), by=ENGINEER).bad == {}
    loaded = tables.load(NUMBERS, _superseded(tmp_path, *good, *ten, (OLD, ten[0][0])), by=ENGINEER)
    assert (loaded.bad, loaded.rows) == ({"too_many": 11}, 300)


def test_a_table_waits_for_another_person(bench: LinkageBench, tables: ReferenceTables, tmp_path: Path) -> None:
    """Who loaded it does not approve it; a table loaded again takes the waiting one's place; each step is recorded."""
    first = tables.load(NUMBERS, _superseded(tmp_path, (OLD, NEW)), by=TRAINER)
    with pytest.raises(RefusedError, match="they loaded"):
        tables.approve(NUMBERS, by=TRAINER)
    with pytest.raises(RefusedError):
        tables.approve(NUMBERS, by=ENGINEER)
    second = tables.load(NUMBERS, _superseded(tmp_path, (NEW, OLD)), by=TRAINER)
    assert [(one.version, one.in_force) for one in tables.all()] == [(second.version, False)]
    assert tables.approve(NUMBERS, by=REVIEWER).digest == second.digest != first.digest
    assert [(one.version, one.in_force) for one in tables.all()] == [(second.version, True)]
    with pytest.raises(UnknownReference):
        tables.approve(NUMBERS, by=REVIEWER)
    assert len(_events(bench, EventName.LINKAGE_REFERENCE_REFUSED)) == 2
    assert [one["version"] for one in _events(bench, EventName.LINKAGE_REFERENCE_APPROVED)] == [second.version]


def test_only_a_data_engineer_loads(bench: LinkageBench, tables: ReferenceTables, tmp_path: Path) -> None:
    """A reviewer's attempt is refused and recorded; an unknown kind is said to be one."""
    with pytest.raises(RefusedError):
        tables.load(NUMBERS, _superseded(tmp_path, (OLD, NEW)), by=REVIEWER)
    assert len(_events(bench, EventName.LINKAGE_REFERENCE_REFUSED)) == 1
    with pytest.raises(UnknownReference):
        tables.load("aliases", tmp_path / "none.csv", by=ENGINEER)
    with pytest.raises(UnknownReference):
        tables.remove(POSTCODES, by=ENGINEER)
    with pytest.raises(ReferenceRefused):
        tables.load(POSTCODES, _superseded(tmp_path, (OLD, NEW)), by=ENGINEER)


def test_chains_are_followed_to_their_end() -> None:
    """A chain of a hundred ends where it ends; what loops, forks, or runs into either has no end."""
    table = [(f"c{n}", f"c{n + 1}") for n in range(100)]
    table += [("x", "y"), ("y", "z"), ("z", "y"), ("f", "g"), ("f", "h"), ("e", "f")]
    found = dict(resolve(pl.DataFrame(table, schema=["old", "new"], orient="row")).iter_rows())
    assert {found[f"c{n}"] for n in range(100)} == {"c100"}
    assert {name: found[name] for name in "xyzfe"} == dict.fromkeys("xyzfe")


def test_the_numbers_of_this_test_are_valid() -> None:
    """Otherwise the tests above would refuse them for another reason."""
    assert nhs_numbers(pl.Series([OLD, NEW]), test_range=True).null_count() == 0
