"""The functions: each of DuckDB's was reviewed, none is both allowed and refused, and refusals say what to write."""

from __future__ import annotations

import re

import duckdb
import pytest

from access.decisions import Refused
from environments.gateway.evidence.shape import UNREPEATABLE
from environments.gateway.functions import (
    AGGREGATES,
    ALLOWED_FUNCTIONS,
    NAMES_AN_AGGREGATE,
    SUBJECTS,
    TABLE_FUNCTIONS,
    WINDOWS,
)
from environments.gateway.functions_refused import REFUSED_FUNCTIONS, why_refused
from environments.gateway.gate import Gate

PINNED = "2.0.0"
# What no query may call, whatever the lists say: a second writing of the rule.
DANGEROUS = re.compile(
    r"(read_|write_|parquet_|duckdb_|pragma_|pg_|sniff_|glob|getenv|current_(setting|query|user|schema|role|database)|"
    r"query|json_(serialize|deserialize|execute)|sleep|error|assert|stats|nextval|setval|currval|setseed|getvariable|"
    r"in_search_path|which_secret|seq_scan|arrow_scan|pandas_scan|enum_|copy_|import_|export_|load|install|checkpoint)"
)


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    """DuckDB's functions with their sorts."""
    rows = duckdb.connect().execute(
        "select lower(function_name), list(distinct function_type) from duckdb_functions() group by 1"
    )
    return {name: set(sorts) for name, sorts in rows.fetchall()}


def test_the_review_is_of_this_duckdb() -> None:
    """Another version of DuckDB is another review."""
    assert duckdb.__version__ == PINNED


def test_every_function_was_reviewed(known: dict[str, set[str]]) -> None:
    """A function that is in neither list is new: read what it does, then put it where it belongs."""
    assert sorted(name for name in known if name not in ALLOWED_FUNCTIONS and why_refused(name) is None) == []


def test_no_function_is_in_both_lists() -> None:
    """Allowed or refused, never both."""
    assert sorted(name for name in ALLOWED_FUNCTIONS if why_refused(name)) == []


def test_no_list_names_what_is_not_there(known: dict[str, set[str]]) -> None:
    """A misspelt name in a list would refuse or allow nothing. getenv exists in DuckDB's shell only."""
    assert sorted(ALLOWED_FUNCTIONS - known.keys()) == []
    named = {name for refused in REFUSED_FUNCTIONS for name in refused.names}
    assert sorted(named - known.keys()) == ["getenv"]


def test_allowed_functions_compute(known: dict[str, set[str]]) -> None:
    """Scalars, aggregates, windows and macros of them; a table's function only where it is also a scalar."""
    tables = {name for name in ALLOWED_FUNCTIONS if known[name] <= {"table", "table_macro", "pragma"}}
    assert tables == {"unnest"}
    assert {name for name in AGGREGATES if not known[name] & {"aggregate", "macro"}} == set()
    assert {name for name in WINDOWS if "window" not in known[name]} == set()


def test_nothing_dangerous_is_allowed() -> None:
    """A second writing of what may never be called finds none of it among the allowed."""
    assert [name for name in ALLOWED_FUNCTIONS | TABLE_FUNCTIONS if DANGEROUS.match(name)] == []


def test_allowed_functions_have_no_side_effect(known: dict[str, set[str]]) -> None:
    """DuckDB's own mark of functions that do something: of the allowed, only those that draw numbers."""
    rows = duckdb.connect().execute(
        "select distinct lower(function_name) from duckdb_functions() where has_side_effects or stability = 'VOLATILE'"
    )
    volatile = {name for (name,) in rows.fetchall()} & ALLOWED_FUNCTIONS
    assert volatile <= {"random", "uuid", "uuidv4", "uuidv7", "gen_random_uuid"}


@pytest.mark.parametrize("refused", REFUSED_FUNCTIONS, ids=lambda refused: refused.reason)
def test_a_refused_function_says_why_and_what_to_write(refused: object) -> None:
    """The reason fits into a sentence, the advice is one."""
    assert hasattr(refused, "reason") and hasattr(refused, "mend")
    assert not refused.reason.endswith(".") and refused.mend.endswith(".")


def test_every_refused_function_is_refused(known: dict[str, set[str]]) -> None:
    """By call, as a table, with OVER, and through an alias of main: whatever DuckDB would make of it."""
    gate = Gate()
    for name in known:
        if name in ALLOWED_FUNCTIONS or not re.fullmatch(r"\w+", name):
            continue
        for statement in (f'select "{name}"()', f"select \"{name}\"('a')", f'select "{name}"(1) over ()'):
            assert isinstance(gate.judge(statement, ()), Refused), statement
        for statement in (f"select * from \"{name}\"('a')", f"select main.\"{name}\"('a')", f"select 'a'.\"{name}\"()"):
            assert isinstance(gate.judge(statement, ()), Refused), statement


def test_aggregates_named_in_text_are_judged() -> None:
    """list_aggregate and its kin take the name of a function: it must be a text in the statement, and reviewed."""
    gate = Gate()
    for name in NAMES_AN_AGGREGATE:
        assert gate.judge(f"select {name}([1], 'sum')", ())
        assert gate.judge(f"select {name}([1], 'quantile_cont', 0.5)", ())
        assert not gate.judge(f"select {name}([1], 'combine_aggr')", ())
        assert not gate.judge(f"select {name}([1], 'su' || 'm')", ())
        assert not gate.judge(f"select {name}([1], $1)", ())


def test_every_subject_has_names() -> None:
    """The reference page shows the functions by subject; none is empty, none is named twice in one."""
    for names in SUBJECTS.values():
        assert names.split()
        assert len(set(names.split())) == len(names.split())


def test_what_differs_when_asked_twice_has_no_evidence() -> None:
    """Each allowed function that DuckDB calls inconsistent between queries, or whose macro asks the clock, is known."""
    sql = """
        select distinct lower(function_name) from duckdb_functions()
        where stability in ('CONSISTENT_WITHIN_QUERY', 'VOLATILE')
            or macro_definition similar to '.*(current_|now|today|random|uuid|local).*'
    """
    found = {name for (name,) in duckdb.connect().execute(sql).fetchall()} & ALLOWED_FUNCTIONS
    assert len(found) > 10
    assert found - UNREPEATABLE == set()
