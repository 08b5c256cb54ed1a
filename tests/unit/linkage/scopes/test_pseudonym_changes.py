"""Who turns out to be somebody else: the payload follows, and each project is told of its own people's pseudonyms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from access.projects.scope import ColumnScope, Scope, TableScope
from audit.events import EventName
from audit.model import service
from linkage.scopes.service import ScopePublisher
from linkage.scopes.store import current_scope
from tests.fakes.deliveries import nhs_number
from tests.fakes.gates import OpenGate
from tests.fakes.zones import LinkageBench

BY = service("test")
COLUMNS = {"code": "VARCHAR"}
GP = {"local_id": "g", "surname": "Okafor", "forenames": "Ada", "sex": "F", "date_of_birth": "1961-04-05"}
HOSPITAL = {
    "local_id": "h",
    "nhs_number": "9990000018",
    "sex": "F",
    "date_of_birth": "1961-04-05",
    "postcode": "LS9 9ZZ",
}
BOTH = {**GP, "local_id": "b", "nhs_number": "9990000018", "postcode": "LS1 1AA"}
OTHER = {"local_id": "o", "surname": "Brown", "forenames": "Ben", "date_of_birth": "1990-01-02", "sex": "M"}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[LinkageBench]:
    """A GP's and a hospital's record of one woman that nothing joins yet, and a man's; all linked."""
    bench = LinkageBench(tmp_path)
    bench.deliver("gp", "gp_rows", [{**GP, "postcode": "LS1 1AA", "code": "g"}, {**OTHER, "code": "o"}], COLUMNS)
    bench.deliver("hospital", "hospital_rows", [{**HOSPITAL, "code": "h"}], COLUMNS)
    bench.linker.link(by=BY)
    yield bench
    for folder in (tmp_path / "scopes").glob("*"):
        folder.chmod(0o700)


def _scope(project: str, *tables: str) -> Scope:
    return Scope(
        project,
        1,
        tuple(TableScope(name, name, f"{name}_rows", (ColumnScope("code"),)) for name in tables),
        (),
        date(2030, 1, 1),
        "p",
    )


def _publish(bench: LinkageBench, scope: Scope, left_out: Iterable[str] = ()) -> dict[str, str]:
    """The pseudonym of each code in the project's tables."""
    publisher = ScopePublisher(
        bench.zones, bench.keyring, bench.records, bench.home / "scopes", gate=OpenGate(left_out)
    )
    publisher.publish(scope, by=BY)
    with _opened(bench, scope.project) as connection:
        tables = " UNION ".join(f"FROM scope.main.{table.table}" for table in scope.tables)
        rows = connection.execute(f"SELECT code, pseudonym::TEXT FROM ({tables})").fetchall()
    return {str(code): str(pseudonym) for code, pseudonym in rows}


def _changes(bench: LinkageBench, project: str) -> set[tuple[str, str, str]]:
    with _opened(bench, project) as connection:
        rows = connection.execute(
            "SELECT old_pseudonym::TEXT, new_pseudonym::TEXT, kind FROM scope.main.pseudonym_changes"
        ).fetchall()
    return {(str(old), str(new), str(kind)) for old, new, kind in rows}


def _opened(bench: LinkageBench, project: str) -> duckdb.DuckDBPyConnection:
    with bench.records.read() as session:
        row = current_scope(session, project)
    assert row is not None
    connection = duckdb.connect()
    key = bench.keyring.scope_file_key(project, row.version)
    connection.execute("ATTACH ? AS scope (ENCRYPTION_KEY ?, READ_ONLY)", [str(bench.home / "scopes" / row.file), key])
    return connection


def test_a_merge_is_carried_to_payload_log_and_every_project(bench: LinkageBench) -> None:
    """A record that fits both makes them one: no row keeps the old number, and who had seen it is told, no one else."""
    wide, narrow = _scope("wide", "gp", "hospital"), _scope("narrow", "gp")
    before, before_narrow = _publish(bench, wide), _publish(bench, narrow)
    assert len(set(before.values())) == 3
    bench.deliver("council", "council_rows", [{**BOTH, "code": "c"}], COLUMNS)
    bench.linker.link(by=BY)
    assert len({bench.persons()[name] for name in "ghb"}) == 1
    after, after_narrow = _publish(bench, wide), _publish(bench, narrow)
    assert after["g"] == after["h"] != after["o"] == before["o"]
    assert after["g"] in (before["g"], before["h"])
    moved = before["h"] if after["g"] == before["g"] else before["g"]
    assert _changes(bench, "wide") == {(moved, after["g"], "merge")}
    if before_narrow == after_narrow:
        assert "pseudonym_changes" not in _tables(bench, "narrow")
    else:
        assert _changes(bench, "narrow") == {(before_narrow["g"], after_narrow["g"], "merge")}
    told = [event for event in bench.records.log.events if event.name is EventName.PERSONS_CHANGED]  # type: ignore[attr-defined]
    assert len(told) == 1


def test_who_became_somebody_that_became_somebody_else_is_told_of_as_that_one(bench: LinkageBench) -> None:
    """Two merges between two publications: the project learns the pseudonym that its rows have now."""
    later = {"local_id": "c", "surname": "Nwosu", "forenames": "Adaeze", "sex": "F", "date_of_birth": "1961-04-05"}
    later["postcode"] = "M1 1AB"

    def link() -> dict[str, str]:
        bench.clock.at += timedelta(hours=1)
        bench.linker.link(by=BY)
        return bench.persons()

    number = {"nhs_number": nhs_number(5)}
    bench.deliver("deaths", "deaths_rows", [{**HOSPITAL, **number, "local_id": "d", "code": "d"}], COLUMNS)
    link()
    bench.deliver("care", "care_rows", [{**later, "code": "c"}, {**OTHER, "forenames": "Bo", "code": "p"}], COLUMNS)
    persons, narrow = link(), _scope("narrow", "care")
    before = _publish(bench, narrow)
    bench.deliver("council", "council_rows", [{**later, **number, "local_id": "j", "code": "j"}], COLUMNS)
    assert link()["c"] == persons["d"] != persons["c"]
    bench.deliver("council", "more_rows", [{**BOTH, **number, "local_id": "k", "code": "k"}], COLUMNS)
    assert link()["c"] == persons["g"] != persons["d"]
    after = _publish(bench, narrow)
    assert _changes(bench, "narrow") == {(before["c"], after["c"], "merge")}


def test_of_whom_a_build_leaves_out_nothing_is_told(bench: LinkageBench) -> None:
    """Neither rows nor changes of them, also not those that the project was told of before; of the rest everything."""
    wide = _scope("wide", "gp", "hospital")
    _publish(bench, wide)
    bench.deliver("council", "council_rows", [{**BOTH, "code": "c"}], COLUMNS)
    bench.linker.link(by=BY)
    assert set(_publish(bench, wide)) == {"g", "h", "o"}
    assert len(_changes(bench, "wide")) == 1
    gone = bench.persons()["b"]
    assert set(_publish(bench, wide, [gone])) == {"o"}
    assert "pseudonym_changes" not in _tables(bench, "wide")
    other = bench.persons()["o"]
    assert set(_publish(bench, wide, [other])) == {"g", "h"}


def test_a_split_is_carried_too_and_earlier_changes_stay_told(bench: LinkageBench) -> None:
    """The record that joined them is withdrawn: they are two again, and the project reads the merge and the split."""
    wide = _scope("wide", "gp", "hospital")
    _publish(bench, wide)
    joining = bench.deliver("council", "council_rows", [{**BOTH, "code": "c"}], COLUMNS)
    bench.linker.link(by=BY)
    joined = _publish(bench, wide)
    bench.deliver("council", "council_rows", [{**OTHER, "local_id": "x", "code": "x"}], COLUMNS, supersedes=joining)
    bench.linker.link(by=BY)
    apart = _publish(bench, wide)
    assert apart["g"] != apart["h"]
    assert joined["g"] in (apart["g"], apart["h"])
    changes = _changes(bench, "wide")
    assert sorted(kind for _, _, kind in changes) == ["merge", "split"]
    new = apart["h"] if joined["g"] == apart["g"] else apart["g"]
    assert (joined["g"], new, "split") in changes


def test_a_run_killed_between_the_zones_is_carried_over_by_the_next(
    bench: LinkageBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The linkage zone knows of a merge and the research zone not yet: the next run brings it there."""
    bench.deliver("council", "council_rows", [{**BOTH, "code": "c"}], COLUMNS)
    with monkeypatch.context() as patched:
        patched.setattr(type(bench.linker), "_move_payload", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            bench.linker.link(by=BY)
    bench.linker.link(by=BY)
    with bench.zones.research(read_only=True) as zone:
        rows = zone.execute("SELECT code, person::TEXT FROM (FROM gp_rows UNION ALL BY NAME FROM hospital_rows)")
        persons = dict(rows.fetchall())
    assert persons["g"] == persons["h"] == bench.persons()["b"]
    assert [event.name for event in bench.records.log.events].count(EventName.PERSONS_CHANGED) == 1  # type: ignore[attr-defined]


def _tables(bench: LinkageBench, project: str) -> dict[str, object]:
    with bench.records.read() as session:
        row = current_scope(session, project)
    assert row is not None
    return row.tables
