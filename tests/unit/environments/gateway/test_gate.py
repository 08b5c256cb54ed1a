"""The gate: every hostile statement refused by its rule, every ordinary one allowed, run, and reading views only."""

from __future__ import annotations

import asyncio
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from access.decisions import Allowed, Refused
from environments.gateway.gate import LONGEST_STATEMENT, Gate
from environments.gateway.gate_walk import DEEPEST
from environments.gateway.gates import Gates
from environments.gateway.parser import SECONDS, parser
from environments.gateway.parsing import NotParsed
from tests.fakes.canary import CANARY, MATERIAL, VIEWS, canary_scope, statements, what_is_read

HOSTILE = statements("hostile.sql")
ORDINARY = [statement for _, statement in statements("ordinary.sql")]
PARAMETERS = {"from": "2020-01-01", "code": "44054006", "codes": ["44054006"], "most": 5}


def _parameters(statement: str) -> object:
    """Values for the markers of a statement, as DuckDB finds them."""
    names = duckdb.extract_statements(statement)[0].named_parameters
    if not names:
        return None
    return (
        {name: PARAMETERS[name] for name in names}
        if "from" in names or "codes" in names
        else ["2020-01-01", "44054006"]
    )


@pytest.fixture(scope="module")
def gate() -> Gate:
    """One gate."""
    return Gate()


@pytest.fixture(scope="module")
def scope(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """A scope with secrets beside it."""
    return canary_scope(tmp_path_factory.mktemp("files"))


def test_the_lists_are_long_enough() -> None:
    """The hostile list has at least 300 statements, the ordinary one at least 100, none twice."""
    assert len({statement for _, statement in HOSTILE}) == len(HOSTILE) >= 300
    assert len(set(ORDINARY)) == len(ORDINARY) >= 100


@pytest.mark.parametrize(("code", "statement"), HOSTILE)
def test_a_hostile_statement_is_refused_by_its_rule(gate: Gate, code: str, statement: str) -> None:
    """The code is the rule's; the reason is a sentence without the statement's values; there is a way to mend it."""
    decision = gate.judge(statement, VIEWS)
    assert isinstance(decision, Refused), statement
    assert decision.code == code
    assert decision.reason.endswith(".")
    assert decision.mend
    told = (decision.reason + decision.mend).replace("which_secret", "")
    assert "{at}" not in told
    for value in ("/etc/passwd", "secret", "HOME", "nhs_number", "example.org"):
        assert value not in told


@pytest.mark.parametrize("statement", ORDINARY)
def test_an_ordinary_statement_is_allowed_and_runs(
    gate: Gate, scope: duckdb.DuckDBPyConnection, statement: str
) -> None:
    """What researchers write passes and runs as the worker runs it, and no row holds what no view holds."""
    assert gate.judge(statement, VIEWS) == Allowed()
    cursor = scope.cursor()
    cursor.execute("use scope")
    rows = cursor.sql(statement, params=_parameters(statement)).fetchall()
    assert CANARY not in repr(rows)


@pytest.mark.parametrize("statement", [statement for statement in ORDINARY if not _parameters(statement)])
def test_an_ordinary_statement_reads_the_views_only(scope: duckdb.DuckDBPyConnection, statement: str) -> None:
    """DuckDB's own plan names no table but those under the approved views."""
    assert what_is_read(scope, statement) <= MATERIAL


def test_the_canary_can_be_read_without_the_gate(scope: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """The control: the same database gives its secrets to whoever asks it past the gate, so the tests see them."""
    assert CANARY in repr(scope.sql("select * from secret").fetchall())
    assert what_is_read(scope, "select * from secret") == {"scope.main.secret"}
    assert CANARY in repr(canary_scope(tmp_path).sql(f"select * from '{tmp_path}/secret.csv'").fetchall())


def test_names_are_of_their_scope(gate: Gate) -> None:
    """A WITH name stands after its definition, in its query and below, and for a recursive one in its second half."""
    allowed = (
        "with x as (select 1) select * from x",
        "with x as (select 1), y as (select * from x) select * from y",
        "with x as (select 1) select (select max(n) from (with y as (from x) select 1 as n from y))",
        "with recursive r(n) as (select 1 union all select n + 1 from r where n < 3) select * from r",
        "with GP_PATIENTS as (select 1 as a) select a from gp_patients",
        'with "Mixed Name" as (select 1) select * from "mixed name"',
        "with x as (select 1) select 1 limit (select count(*) from x)",
    )
    refused = (
        "with y as (select * from x), x as (select 1) select * from y",
        "select * from (with x as (select 1) select * from x) a, x",
        "(with x as (select 1) select * from x) union all select * from x",
        "with recursive r(n) as (select n from r union all select 1) select * from r",
        "with x as (select * from x) select * from x",
        "with x as (select 1) select * from main.x",
        "with ſecret as (select 1) select * from secret",
        "with \u212a as (select 1) select * from k",
    )
    assert [one for one in allowed if not gate.judge(one, VIEWS)] == []
    assert [one for one in refused if gate.judge(one, VIEWS)] == []


def test_a_project_without_tables_gets_none(gate: Gate) -> None:
    """What one project may name says nothing of another's; capitals make no difference."""
    assert not gate.judge("select * from gp_patients", set())
    assert not gate.judge("select * from gp_patients", {"deaths"})
    assert gate.judge("select * from GP_Patients", {"gp_patients"})
    assert gate.judge("select * from gp_patients", {"GP_PATIENTS"})
    assert gate.judge("select 1", set())


def test_what_is_too_long_too_deep_or_no_text_is_refused(gate: Gate) -> None:
    """Size, depth and signs that are no text have a rule each; none brings the gate down."""
    assert _code(gate, "select '" + "x" * LONGEST_STATEMENT + "'") == "gate.too_long"
    assert _code(gate, "select '" + "é" * (LONGEST_STATEMENT // 2) + "'") == "gate.too_long"
    assert _code(gate, "select '\x00'") == "gate.not_text"
    assert _code(gate, "select 1 \x00; drop table gp_patients") == "gate.not_text"
    assert _code(gate, "select '\ud800'") == "gate.not_text"
    assert _code(gate, "") == _code(gate, " \n\t") == "gate.one_statement"
    assert gate.judge("select " + " + ".join("1" * 80), VIEWS)
    assert gate.judge("select * from " + ", ".join(f"gp_patients p{i}" for i in range(60)), VIEWS)


DEEP = {
    "brackets": lambda n: "select " + "(" * n + "1" + ")" * n,
    "sum": lambda n: "select 1" + "+1" * n,
    "not": lambda n: "select " + "not " * n + "true",
    "casts": lambda n: "select 1" + "::int" * n,
    "subqueries": lambda n: "select " + "(select " * n + "1" + ")" * n,
    "from": lambda n: "select * from " + "(select * from " * n + "gp_patients" + ")" * n,
    "with": lambda n: "with a as (" * n + "select 1" + ") select 1" * n,
    "lists": lambda n: "select " + "[" * n + "1" + "]" * n,
    "types": lambda n: "select 1::int" + "[]" * n,
    "calls": lambda n: "select " + "abs(" * n + "1" + ")" * n,
    "chain": lambda n: "select 'a'" + ".upper()" * n,
    "case": lambda n: "select " + "case when true then " * n + "1" + " end" * n,
    "joins": lambda n: "select * from gp_patients" + ", gp_patients" * n,
    "in": lambda n: "select 1" + " in (1)" * n,
}


@pytest.mark.parametrize("shape", DEEP)
def test_a_deep_statement_is_refused_in_a_thread(gate: Gate, shape: str) -> None:
    """However deep, also in a thread of the server's: an answer, never a fallen process, and the gate goes on."""
    build = DEEP[shape]
    with ThreadPoolExecutor(1) as threads:
        for depth in (DEEPEST + 60, 3000, 90_000 // len(build(10)) * 10):
            decision = threads.submit(gate.judge, build(depth), VIEWS).result()
            assert isinstance(decision, Refused | Allowed)
            if shape != "brackets" or depth > 1000:
                assert not decision, (shape, depth)
    assert gate.judge("select 1", VIEWS)


def test_many_threads_ask_one_gate(gate: Gate) -> None:
    """Statements of several askers do not mix."""
    asked = [("select 1", True), ("select * from secret", False)] * 60
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda one: bool(gate.judge(one[0], VIEWS)), asked))
    assert answers == [expected for _, expected in asked]


def test_a_parser_that_has_ended_is_started_anew() -> None:
    """Whatever ended it: the next statement is judged."""
    gate = Gate()
    assert gate.judge("select 1", VIEWS)
    process = gate._parser._process
    assert process is not None
    process.kill()
    process.wait()
    assert gate.judge("select 1", VIEWS)
    gate.close()


def test_the_engines_own_error_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The statement is not understood, and the next one is judged."""
    gate = Gate()
    with pytest.raises(NotParsed):
        gate._parser.text("no tree")
    assert gate.judge("select 1", VIEWS)
    gate.close()


HARD = {
    "brackets": "select " + "(" * 20_000,
    "brackets in FROM": "select * from " + "(" * 10_000 + "gp_patients" + ")" * 10_000,
    "WITH in WITH": "with " + "a as (with " * 500 + "b as (select 1) select 1" + ") select 1" * 500,
}


@pytest.mark.parametrize("shape", HARD)
def test_what_takes_the_parser_hours_or_all_memory_is_refused(shape: str) -> None:
    """Its process is ended within seconds of processor time, and the gate goes on."""
    gate = Gate()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert _code(gate, HARD[shape]) == "gate.too_deep"
    gate.close()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < SECONDS + 3
    assert gate.judge("select 1", VIEWS)
    gate.close()


async def test_no_project_waits_for_anothers_statement() -> None:
    """One project's parser computes; another's statement is judged meanwhile, and threads are left for approvals."""
    gates = Gates()
    hard = [asyncio.create_task(gates.judged("other", HARD["brackets"], VIEWS)) for _ in range(8)]
    await asyncio.sleep(0.05)
    assert not isinstance(await gates.judged("ours", "select 1", VIEWS), Refused)
    assert await asyncio.to_thread(lambda: "at once") == "at once"
    assert not any(task.done() for task in hard[1:])
    for task in hard:
        task.cancel()
    gates.close()


def test_the_parser_reaches_nothing() -> None:
    """The connection that parses can open no file and change no setting."""
    connection = parser()
    with pytest.raises(duckdb.Error):
        connection.execute("select * from read_text('/etc/hostname')")
    with pytest.raises(duckdb.Error):
        connection.execute("set enable_external_access = true")


def test_a_refusal_tells_line_and_column(gate: Gate) -> None:
    """The place is counted as a person counts: lines, and signs rather than bytes."""
    decision = gate.judge("select 'éé',\n  sex, getenv('x')\nfrom gp_patients", VIEWS)
    assert isinstance(decision, Refused)
    assert "line 2, column 8" in decision.reason


def test_a_refusal_helps_with_spelling(gate: Gate) -> None:
    """A near miss of an approved table or an allowed function is named; an asker's own text never is."""
    table, function = gate.judge("from gp_event", VIEWS), gate.judge("select cuont(1)", VIEWS)
    assert isinstance(table, Refused) and "gp_events" in (table.mend or "")
    assert isinstance(function, Refused) and "Did you mean count?" in (function.mend or "")
    other = gate.judge('select pg_9990000018(1) from "9990000018"', VIEWS)
    assert isinstance(other, Refused) and CANARY not in other.reason + (other.mend or "")


def _code(gate: Gate, statement: str) -> str:
    decision = gate.judge(statement, VIEWS)
    assert isinstance(decision, Refused)
    return decision.code
