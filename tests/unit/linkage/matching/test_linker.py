"""The linker over time: deliveries one after another, again, corrected, killed, under another key."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest
from sqlalchemy.orm import Session

from access.keys import KeyRing
from audit.events import EventName
from audit.model import service
from linkage.errors import LinkageError
from linkage.matching.errors import TruthError, WrongKey
from linkage.matching.evaluate import evaluate, evaluate_groups
from linkage.matching.service import Linker
from linkage.matching.store import LinkageRun
from tests.fakes.zones import LinkageBench

BY = service("test")
COLUMNS = {"sex": "VARCHAR", "code": "VARCHAR"}


def _person(number: int, **changes: object) -> dict[str, object]:
    digits = f"999{number:06d}"
    total = sum(int(d) * w for d, w in zip(digits, range(10, 1, -1), strict=True))
    check = (11 - total % 11) % 11
    row: dict[str, object] = {
        "local_id": f"p{number}",
        "nhs_number": f"{digits}{check}" if check < 10 else None,
        "surname": f"Surname{chr(65 + number % 26)}{chr(65 + number // 26 % 26)}",
        "forenames": f"Forename{chr(65 + number % 23)}",
        "sex": "F" if number % 2 else "M",
        "date_of_birth": f"19{50 + number % 40}-0{1 + number % 9}-{10 + number % 18}",
        "postcode": f"LS{number % 9 + 1} {number % 9 + 1}AB",
        "code": f"c{number}",
    }
    return row | changes


@pytest.fixture
def bench(tmp_path: Path) -> LinkageBench:
    """One delivery of forty people."""
    bench = LinkageBench(tmp_path)
    bench.deliver("gp", "gp_patients", [_person(n) for n in range(40)], COLUMNS)
    return bench


def _research(bench: LinkageBench, table: str) -> list[tuple[str, str]]:
    with bench.zones.research() as zone:
        rows = zone.execute(f"SELECT code, person::TEXT FROM {table} ORDER BY code").fetchall()
    return [(str(code), str(person)) for code, person in rows]


def test_payload_goes_under_person_numbers_and_row_keys_go(bench: LinkageBench) -> None:
    """After linkage nothing joins the zones but the person: row keys are gone in both, no row is lost."""
    summary = bench.linker.link(by=BY)
    assert len(summary.deliveries) == 1
    persons = bench.persons()
    found = dict(_research(bench, "gp_patients"))
    assert found == {f"c{n}": persons[f"p{n}"] for n in range(40)}
    with bench.zones.linkage() as zone:
        assert zone.execute("SELECT count(*) FROM identity WHERE row_key IS NOT NULL").fetchall() == [(0,)]
    with bench.zones.research() as zone:
        assert zone.execute("SELECT count(*) FROM incoming_gp_patients").fetchall() == [(0,)]
        columns = zone.execute("SELECT column_name FROM duckdb_columns() WHERE table_name = 'gp_patients'").fetchall()
    assert {name for (name,) in columns} == {"delivery", "subject", "person", "linked", "sex", "code"}


def test_linking_again_changes_nothing(bench: LinkageBench) -> None:
    """With nothing new there is no run, no entry and no other person."""
    bench.linker.link(by=BY)
    before, entries = bench.persons(), len(bench.records.log.events)  # type: ignore[attr-defined]
    assert bench.linker.link(by=BY).nothing_new
    assert bench.persons() == before
    assert len(bench.records.log.events) == entries  # type: ignore[attr-defined]


def test_a_later_delivery_finds_the_persons_of_an_earlier_one(bench: LinkageBench) -> None:
    """Known people keep their person; new ones get new persons."""
    bench.linker.link(by=BY)
    before = bench.persons()
    later = [_person(n, local_id=f"h{n}", surname=None, forenames=None) for n in range(30, 50)]
    bench.deliver("hospital", "hospital_episodes", later, COLUMNS)
    bench.linker.link(by=BY)
    after = bench.persons()
    assert {name: after[name] for name in before} == before
    numbered = [n for n in range(30, 40) if _person(n)["nhs_number"]]
    assert all(after[f"h{n}"] == before[f"p{n}"] for n in numbered)
    assert not {after[f"h{n}"] for n in range(40, 50)} & set(before.values())


@pytest.mark.slow
def test_the_order_of_deliveries_does_not_change_who_is_together(tmp_path: Path) -> None:
    """Two orders, and both at once: the same records are together."""
    first = [_person(n) for n in range(25)]
    second = [_person(n, local_id=f"h{n}", forenames=None, postcode=None) for n in range(10, 35)]

    def together(name: str, *order: tuple[str, list[dict[str, object]]], at_once: bool) -> set[frozenset[str]]:
        bench = LinkageBench(tmp_path / name)
        for dataset, rows in order:
            bench.deliver(dataset, f"{dataset}_rows", rows, COLUMNS)
            if not at_once:
                bench.linker.link(by=BY)
        bench.linker.link(by=BY)
        groups: dict[str, set[str]] = {}
        for local, person in bench.persons().items():
            groups.setdefault(person, set()).add(local)
        return {frozenset(group) for group in groups.values()}

    one = together("one", ("gp", first), ("hospital", second), at_once=False)
    other = together("other", ("hospital", second), ("gp", first), at_once=False)
    both = together("both", ("gp", first), ("hospital", second), at_once=True)
    assert one == other == both


def test_a_corrected_delivery_replaces_the_rows_and_keeps_the_persons(bench: LinkageBench) -> None:
    """The superseded delivery's rows go in both zones; who was known stays the same person."""
    bench.linker.link(by=BY)
    before = bench.persons()
    with Session(bench.records.engine) as session:
        old = session.query(LinkageRun).one().deliveries[0]
    corrected = [_person(n, code=f"new{n}") for n in range(20)]
    bench.deliver("gp", "gp_patients", corrected, COLUMNS, supersedes=old)
    bench.linker.link(by=BY)
    rows = _research(bench, "gp_patients")
    assert {code for code, _ in rows} == {f"new{n}" for n in range(20)}
    after = bench.persons()
    assert set(after) == {f"p{n}" for n in range(20)}
    assert all(after[name] == before[name] for name in after)
    with bench.zones.linkage() as zone:
        assert zone.execute("SELECT count(*) FROM spine").fetchall() == [(20,)]


@pytest.mark.parametrize("place", ["_link_records", "_move_payload", "_drop_row_keys", "_measured"])
def test_killed_in_any_phase_and_run_again_it_ends_alike(
    bench: LinkageBench, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that dies after any phase is finished by the next one: rows, togetherness, report, record and entry."""
    real = getattr(Linker, place)

    def dies_after(self: Linker, *arguments: object) -> None:
        real(self, *arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Linker, place, dies_after)
        with pytest.raises(KeyboardInterrupt):
            bench.linker.link(by=BY)
    done = bench.linker.link(by=BY)
    assert not done.nothing_new
    assert all(path.exists() for path in done.reports)
    newest = bench.linker.newest()
    assert newest is not None
    assert newest.id == done.run
    names = [event.name for event in bench.records.log.events]  # type: ignore[attr-defined]
    assert (names.count(EventName.LINKAGE_FAILED), names.count(EventName.LINKAGE_COMPLETED)) == (1, 1)
    assert bench.linker.link(by=BY).nothing_new
    persons = bench.persons()
    assert len(set(persons.values())) == 40
    assert dict(_research(bench, "gp_patients")) == {f"c{n}": persons[f"p{n}"] for n in range(40)}


def test_another_key_ring_is_told_also_where_the_first_run_died(
    bench: LinkageBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No record tells of the run that died; the zone itself knows under which key its tokens were made."""
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Linker, "_move_payload", Mock(side_effect=KeyboardInterrupt))
        bench.linker.link(by=BY)
    other = KeyRing.open(tmp_path / "other-keys")
    with pytest.raises(WrongKey):
        Linker(bench.zones, other, bench.records, tmp_path / "reports").link(by=BY)


def test_another_key_ring_is_told_at_once(bench: LinkageBench, tmp_path: Path) -> None:
    """A wrong key is an error in a second, not a match rate of nought."""
    bench.linker.link(by=BY)
    other = KeyRing.open(tmp_path / "other-keys")
    with pytest.raises(WrongKey):
        Linker(bench.zones, other, bench.records, tmp_path / "r").link(by=BY)


def test_a_row_without_its_identity_stops_the_run(bench: LinkageBench) -> None:
    """Payload whose identity is missing is never dropped in silence: the run fails and says where."""
    with bench.zones.linkage() as zone:
        zone.execute("DELETE FROM identity WHERE local_id = 'p3'")
    with pytest.raises(LinkageError, match="no link"):
        bench.linker.link(by=BY)
    names = [event.name for event in bench.records.log.events]  # type: ignore[attr-defined]
    assert names[-1] is EventName.LINKAGE_FAILED


def test_no_identifier_stands_in_log_report_or_research_zone(bench: LinkageBench, tmp_path: Path) -> None:
    """Names, numbers and local ids are in no event, no report, and not in the research zone's rows."""
    summary = bench.linker.link(by=BY)
    number = str(_person(7)["nhs_number"])
    texts = [path.read_text(encoding="utf-8") for path in summary.reports]
    texts += [repr(event) for event in bench.records.log.events]  # type: ignore[attr-defined]
    with bench.zones.research() as zone:
        texts.append(repr(zone.execute("SELECT * FROM gp_patients").fetchall()))
    for canary in (number, "SurnameHA", "p7'", "LS8 8AB"):
        assert not any(canary in text for text in texts)


def test_quality_is_measured_in_pairs(bench: LinkageBench, tmp_path: Path) -> None:
    """Against a truth that says two linked records are two people, precision falls; a stranger's truth is refused."""
    bench.deliver("hospital", "hospital_episodes", [_person(n, local_id=f"h{n}") for n in range(40)], COLUMNS)
    bench.linker.link(by=BY)
    truth = tmp_path / "truth.csv"
    lines = [f"gp,p{n},t{n}" for n in range(40)] + [f"hospital,h{n},t{n if n else 99}" for n in range(40)]
    truth.write_text("dataset,record,person\n" + "\n".join(lines), encoding="utf-8")
    names = {"gp": "gp", "hospital": "hospital"}
    overall, *_ = evaluate(bench.zones, truth, names)
    assert (overall.found, overall.true, overall.right_ones) == (40, 39, 39)
    truth.write_text("dataset,record,person\ngp,zz,t1\n", encoding="utf-8")
    with pytest.raises(TruthError):
        evaluate(bench.zones, truth, names)
    truth.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(TruthError):
        evaluate(bench.zones, truth, names)


def test_quality_by_group_counts_wrong_pairs_where_they_touch(bench: LinkageBench, tmp_path: Path) -> None:
    """By sex: what is missed or wrong counts in the group of the people whom it concerns, and nowhere else."""
    bench.deliver("hospital", "hospital_episodes", [_person(n, local_id=f"h{n}") for n in range(40)], COLUMNS)
    bench.linker.link(by=BY)
    truth = tmp_path / "truth.csv"
    lines = [f"gp,p{n},t{n}" for n in range(40)] + [f"hospital,h{n},t{n if n else 99}" for n in range(40)]
    truth.write_text("dataset,record,person\n" + "\n".join(lines), encoding="utf-8")
    names = {"gp": "gp", "hospital": "hospital"}
    found = evaluate_groups(bench.zones, truth, names, "sex")
    assert [(q.right, q.true, q.found, q.right_ones) for q in found] == [("F", 20, 20, 20), ("M", 19, 20, 19)]
    with pytest.raises(TruthError):
        evaluate_groups(bench.zones, truth, names, "shoe_size")


def test_what_ended_a_run_is_told_where_its_record_fails_too(
    bench: LinkageBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk meets the run first and its record then: the first of them is raised."""

    def ended(*_: object) -> None:
        monkeypatch.setattr(bench.records, "change", Mock(side_effect=OSError("the record")))
        raise LinkageError("the run")

    monkeypatch.setattr(bench.linker, "_link_records", ended)
    with pytest.raises(LinkageError, match="the run"):
        bench.linker.link(by=BY)
