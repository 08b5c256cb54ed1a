"""Scopes: the approved columns, rows and precision and nothing else; built once, switched when complete."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from access.keys import KeyRing
from access.keys.store import ProjectKeyRow
from access.projects.scope import ColumnScope, Condition, Scope, TableScope
from audit.events import EventName
from audit.model import service
from linkage.optouts.people import runs_of_links
from linkage.scopes.errors import ScopeUnbuildable
from linkage.scopes.pseudonyms import pseudonyms_of
from linkage.scopes.service import ScopePublisher
from linkage.scopes.store import current_scope
from tests.fakes.gates import OpenGate
from tests.fakes.zones import LinkageBench

BY = service("test")
EVENTS = TableScope(
    "gp",
    "gp",
    "gp_events",
    (ColumnScope("code"), ColumnScope("event_date", "month")),
    "event_date",
    (date(2020, 1, 1), date(2020, 12, 31)),
)
SCOPE = Scope("study", 1, (EVENTS,), (Condition("gp_events", "code", "in", ("a", "b")),), date(2030, 1, 1), "p")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[LinkageBench]:
    """Six people: who has which code on which day."""
    bench = LinkageBench(tmp_path)
    days = ("2020-03-17", "2020-06-30", "2020-05-05", "2019-03-17", "2020-01-01", "2020-12-31")
    rows = list(zip("abcacb", days, strict=True))
    people = [
        {"local_id": f"p{n}", "surname": f"N{chr(65 + n)}me", "forenames": "Zara", "date_of_birth": "1960-02-03",
         "code": code, "event_date": day, "secret": "SECRET"} for n, (code, day) in enumerate(rows)
    ]  # fmt: skip
    bench.deliver("gp", "gp_events", people, {"code": "VARCHAR", "event_date": "DATE", "secret": "VARCHAR"})
    bench.linker.link(by=BY)
    yield bench
    for folder in (tmp_path / "scopes").glob("*"):
        folder.chmod(0o700)


def _publisher(bench: LinkageBench) -> ScopePublisher:
    return ScopePublisher(bench.zones, bench.keyring, bench.records, bench.home / "scopes", gate=OpenGate())


def _opened(bench: LinkageBench, project: str = "study") -> duckdb.DuckDBPyConnection:
    with bench.records.read() as session:
        row = current_scope(session, project)
    assert row is not None
    connection = duckdb.connect()
    key = bench.keyring.scope_file_key(project, row.version)
    connection.execute("ATTACH ? AS scope (ENCRYPTION_KEY ?, READ_ONLY)", [str(bench.home / "scopes" / row.file), key])
    return connection


def _pseudonyms_in(bench: LinkageBench) -> set[str]:
    with _opened(bench, SCOPE.project) as connection:
        return {str(one) for (one,) in connection.execute("SELECT DISTINCT pseudonym FROM scope.gp_events").fetchall()}


def test_only_the_cohort_in_the_period_at_the_precision(bench: LinkageBench) -> None:
    """People with a or b in 2020, their months, and no other column, row or day."""
    summary = _publisher(bench).publish(SCOPE, by=BY)
    with _opened(bench) as connection:
        rows = connection.execute("SELECT code, event_date::TEXT FROM scope.main.gp_events ORDER BY ALL").fetchall()
        columns = connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE database_name = 'scope'"
        ).fetchall()
    assert rows == [("a", "2020-03-01"), ("b", "2020-06-01"), ("b", "2020-12-01")]
    assert {name for (name,) in columns} == {"pseudonym", "linked", "code", "event_date"}
    assert (summary.people, summary.rows) == (3, {"gp_events": 3})


def test_rows_of_nobody_known_are_listed_for_the_gateway(bench: LinkageBench) -> None:
    """Evidence counts them as one person; a row without a birthday or a number has nobody to be joined to."""
    nobody = [
        {"local_id": f"u{n}", "surname": "Z", "forenames": "B", "code": "a", "event_date": "2020-04-04", "secret": "x"}
        for n in range(2)
    ]  # fmt: skip
    bench.deliver("gp", "gp_events", nobody, {"code": "VARCHAR", "event_date": "DATE", "secret": "VARCHAR"})
    bench.linker.link(by=BY)
    _publisher(bench).publish(SCOPE, by=BY)
    with _opened(bench) as connection:
        listed = connection.execute("SELECT pseudonym FROM scope.house.unlinked").fetchall()
        without = connection.execute(
            "SELECT pseudonym FROM scope.main.gp_events WHERE NOT linked ORDER BY 1"
        ).fetchall()
    assert listed == without
    assert len(listed) == 2


def test_a_cohort_asks_only_of_rows_that_the_project_may_see(bench: LinkageBench) -> None:
    """Whose only `a` lies outside the period is not in the cohort: membership would tell of a row not approved."""
    only_a = replace(SCOPE, cohort=(Condition("gp_events", "code", "=", ("a",)),))
    assert _publisher(bench).publish(only_a, by=BY).people == 1


def test_without_a_cohort_everybody_in_the_tables_is_in(bench: LinkageBench) -> None:
    """Everybody with a row in the period."""
    assert _publisher(bench).publish(replace(SCOPE, cohort=()), by=BY).people == 5


@pytest.mark.parametrize(
    ("condition", "people"),
    [
        (Condition("gp_events", "code", "not_in", ("a",)), 4),
        (Condition("gp_events", "code", ">=", ("b",)), 4),
        (Condition("gp_events", "code", "<=", ("a",)), 1),
        (Condition("gp_events", "code", "between", ("a", "b")), 3),
        (Condition("gp_events", "event_date", ">=", ("2020-06-01",)), 2),
        (Condition("gp_events", "event_date", "=", ("2020-06-30",)), 0),
        (Condition("gp_events", "code", "=", ("' OR true --",)), 0),
    ],
)
def test_each_operator_of_a_cohort(bench: LinkageBench, condition: Condition, people: int) -> None:
    """Dates are compared at the precision that the project sees; a value is never SQL."""
    assert _publisher(bench).publish(replace(SCOPE, cohort=(condition,)), by=BY).people == people


def test_nobody_of_the_spine_and_no_other_value_stands_in_the_file(bench: LinkageBench) -> None:
    """Neither a person number nor a value that was not approved is among the file's values or its bytes."""
    _publisher(bench).publish(SCOPE, by=BY)
    persons = set(bench.persons().values())
    with _opened(bench) as connection:
        found = {str(p) for (p,) in connection.execute("SELECT pseudonym FROM scope.main.gp_events").fetchall()}
    assert not found & persons
    content = next((bench.home / "scopes" / "study").glob("*.duckdb")).read_bytes()
    assert b"SECRET" not in content
    assert all(uuid.UUID(person).bytes not in content for person in persons)


def test_two_projects_cannot_be_joined(bench: LinkageBench) -> None:
    """The same people under two projects: no pseudonym in common, and no order in common either."""
    publisher = _publisher(bench)
    publisher.publish(replace(SCOPE, cohort=()), by=BY)
    publisher.publish(replace(SCOPE, project="other", cohort=()), by=BY)
    with _opened(bench) as one, _opened(bench, "other") as other:
        query = "SELECT pseudonym, code, event_date FROM scope.main.gp_events"
        first, second = one.execute(query).fetchall(), other.execute(query).fetchall()
    assert not {row[0] for row in first} & {row[0] for row in second}
    assert [row[0] for row in first] == sorted(row[0] for row in first)


def test_the_same_again_builds_nothing_and_a_change_builds_anew(bench: LinkageBench) -> None:
    """Idempotent on approval and linked deliveries; a new delivery or version makes a new file and removes the old."""
    publisher = _publisher(bench)
    publisher.publish(SCOPE, by=BY)
    (first,) = (bench.home / "scopes" / "study").glob("*.duckdb")
    entries = len(bench.records.log.events)  # type: ignore[attr-defined]
    assert publisher.publish(SCOPE, by=BY).unchanged
    assert len(bench.records.log.events) == entries  # type: ignore[attr-defined]
    assert not publisher.publish(replace(SCOPE, version=2), by=BY).unchanged
    (second,) = (bench.home / "scopes" / "study").glob("*.duckdb")
    assert second != first
    names = [event.name for event in bench.records.log.events]  # type: ignore[attr-defined]
    assert names.count(EventName.SCOPE_PUBLISHED) == 2


def test_a_build_that_dies_leaves_the_old_one_in_use(bench: LinkageBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while it builds: the records still name the old file, which is there; the next build clears the debris."""
    publisher = _publisher(bench)
    publisher.publish(SCOPE, by=BY)
    with monkeypatch.context() as patched:
        patched.setattr(ScopePublisher, "_switch", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            publisher.publish(replace(SCOPE, version=2), by=BY)
    with _opened(bench) as connection:
        assert connection.execute("SELECT count(*) FROM scope.main.gp_events").fetchall() == [(3,)]
    publisher.publish(replace(SCOPE, version=2), by=BY)
    assert len(list((bench.home / "scopes" / "study").iterdir())) == 1


def test_what_is_not_there_is_told_and_nothing_is_published(bench: LinkageBench) -> None:
    """A table or column that has not been delivered: an error that names it, never a scope that lacks it."""
    for table, named in (
        (replace(EVENTS, table="gp_visits", date_column=None, period=None), "gp_visits"),
        (replace(EVENTS, columns=(*EVENTS.columns, ColumnScope("height"))), "gp_events.height"),
    ):
        with pytest.raises(ScopeUnbuildable, match=named):
            _publisher(bench).publish(replace(SCOPE, tables=(table,), cohort=()), by=BY)
    with pytest.raises(ScopeUnbuildable):
        _publisher(bench).publish(replace(SCOPE, tables=(), cohort=()), by=BY)


def test_a_rotated_project_key_makes_new_pseudonyms_and_touches_no_identifier(bench: LinkageBench) -> None:
    """After a rotation the next publication uses the new key: other pseudonyms, the same person numbers and tokens."""
    publisher = _publisher(bench)
    publisher.publish(SCOPE, by=BY)
    zones = {path: path.read_bytes() for path in bench.home.glob("zones/*/*.duckdb")}
    before = _pseudonyms_in(bench)
    with bench.records.change(by=BY) as change:
        held = bench.keyring.project_key(SCOPE.project, 2)
        change.session.add(
            ProjectKeyRow(
                project=SCOPE.project, version=2, check_value=held.check_value, reason="r", at=change.at, by=BY
            )
        )
        change.record(EventName.KEY_PROJECT_ROTATED, project=SCOPE.project)
    again = publisher.publish(SCOPE, by=BY)
    assert not again.unchanged
    assert publisher.publish(SCOPE, by=BY).unchanged
    after = _pseudonyms_in(bench)
    assert len(after) == len(before) > 0
    assert not after & before
    assert {path: path.read_bytes() for path in bench.home.glob("zones/*/*.duckdb")} == zones
    with bench.records.read() as session:
        row = current_scope(session, SCOPE.project)
    assert row is not None
    assert row.key_check == held.check_value
    published = bench.records.log.events[-1]  # type: ignore[attr-defined]
    assert published.details["key_version"] == 2


def test_pseudonyms_are_a_permutation(tmp_path: Path) -> None:
    """As many pseudonyms as people, the same for the same key, others for another, also from the middle of an array."""
    ring = KeyRing.open(tmp_path)
    ids = pa.array([uuid.uuid4().bytes for _ in range(1000)], pa.binary(16))
    once = pseudonyms_of(ids, ring.project_key("a")).to_pylist()
    assert len(set(once)) == 1000
    assert pseudonyms_of(ids, ring.project_key("a")).to_pylist() == once
    assert not set(pseudonyms_of(ids, ring.project_key("b")).to_pylist()) & set(once)
    assert pseudonyms_of(ids.slice(10, 5), ring.project_key("a")).to_pylist() == once[10:15]
    assert len(pseudonyms_of(ids.slice(0, 0), ring.project_key("a"))) == 0


def test_whom_the_gate_leaves_out_is_not_in_the_file(bench: LinkageBench) -> None:
    """Their rows are gone, both counts are told to the gate, and other people left out are another build."""
    gate, gone = OpenGate(), bench.persons()["p0"]
    publisher = ScopePublisher(bench.zones, bench.keyring, bench.records, bench.home / "scopes", gate=gate)
    everybody = publisher.publish(replace(SCOPE, cohort=()), by=BY)
    gate.left_out = [gone]
    without = publisher.publish(replace(SCOPE, cohort=()), by=BY)
    assert (everybody.people, without.people, without.unchanged) == (5, 4, False)
    assert without.rows["gp_events"] < everybody.rows["gp_events"]
    assert gate.facts[-1]["before"] == {"people": 5, "rows": everybody.rows}
    assert publisher.publish(replace(SCOPE, cohort=()), by=BY).unchanged


def test_payload_that_has_not_followed_the_last_linkage_is_not_built(bench: LinkageBench) -> None:
    """It could stand under a number that its person had, and whom to leave out is said by the new ones."""
    gate = OpenGate()
    publisher = ScopePublisher(bench.zones, bench.keyring, bench.records, bench.home / "scopes", gate=gate)
    with bench.zones.linkage(read_only=True) as zone:
        gate.runs = runs_of_links(zone)
    publisher.publish(SCOPE, by=BY)
    gate.runs = [*gate.runs, str(uuid.uuid4())]
    with pytest.raises(ScopeUnbuildable, match="last linkage"):
        publisher.publish(replace(SCOPE, version=2), by=BY)


@pytest.mark.parametrize(
    ("table", "column"),
    [("gp_events", "person"), ("gp_events", "Row_Key"), ("gp_events", "subject"), ("incoming_gp_events", "code"),
     ("person_changes", "kind"), ("linked_deliveries", "delivery")],
)  # fmt: skip
def test_what_the_zone_keeps_for_linkage_is_in_no_scope(bench: LinkageBench, table: str, column: str) -> None:
    """An approval that names persons, row keys or the zone's own tables is refused before anything is built."""
    scope = replace(SCOPE, tables=(TableScope("gp", "gp", table, (ColumnScope(column),)),), cohort=())
    with pytest.raises(ScopeUnbuildable, match="research zone's own"):
        _publisher(bench).publish(scope, by=BY)
