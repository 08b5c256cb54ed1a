"""The rule book of the query gate: what a researcher may ask, what is refused, and what the refusal says."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from access.decisions import Allowed, Decision, Refused
from environments.gateway.functions import ALLOWED_FUNCTIONS, SUBJECTS
from environments.gateway.functions_refused import REFUSED_FUNCTIONS
from environments.gateway.gate import Gate
from environments.gateway.gate_tree import TYPE_NAMES
from environments.gateway.gate_words import _ELSEWHERE_BY_NAME
from tests.fakes.canary import statements

GATE = Gate()
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "gate.md"
APPROVED = {"gp_patients", "gp_events"}


def judge(sql: str) -> Decision:
    """As the gateway judges for a project with two tables."""
    return GATE.judge(sql, APPROVED)


def refused(sql: str) -> Refused:
    """The refusal of a statement that must be refused."""
    decision = judge(sql)
    assert isinstance(decision, Refused)
    return decision


def test_the_approved_tables_may_be_asked() -> None:
    """Tables of the approval are there by name, in capitals or not, alone or after main."""
    for name in ("gp_patients", "GP_PATIENTS", '"gp_patients"', "main.gp_patients"):
        assert judge(f"select count(*) from {name}") == Allowed()


def test_no_other_table_may_be_asked() -> None:
    """A table that the approval does not give is not there, wherever in the statement it stands."""
    for statement in (
        "select * from deaths",
        "select * from gp_patients where pseudonym in (select pseudonym from deaths)",
        "select * from gp_patients order by (select count(*) from deaths)",
        "with d as (select * from deaths) select * from d",
    ):
        assert refused(statement).code == "gate.table"


def test_another_projects_approval_counts_for_nothing_here() -> None:
    """The same statement is judged by the asker's own tables."""
    assert GATE.judge("select * from deaths", {"deaths"}) == Allowed()
    assert not judge("select * from deaths")


def test_the_material_below_the_views_has_no_name() -> None:
    """Schemas and catalogues are not for statements, nor are older versions of a table."""
    for statement in (
        "select * from material.gp_patients",
        "select * from scope.main.gp_patients",
        "select * from gp_patients at (version => 1)",
        "select pg_catalog.upper('a')",
    ):
        assert refused(statement).code == "gate.schema"


def test_files_are_not_read() -> None:
    """Neither by a file's name in FROM nor by a function."""
    assert refused("select * from 'people.csv'").code == "gate.file"
    assert refused("select * from '/etc/passwd'").code == "gate.file"
    assert refused("select * from read_csv('people.csv')").code == "gate.function"


def test_only_reviewed_functions_are_called() -> None:
    """What reads settings, waits, writes, runs text, or is new to the review is refused with the reason."""
    assert "settings" in refused("select getenv('HOME')").reason
    assert "waits" in refused("select sleep_ms(1)").reason
    assert "text as SQL" in refused("select * from query('select 1')").reason
    assert "not on the reviewed list" in refused("select frobnicate(1)").reason


@pytest.mark.parametrize(("name", "said"), sorted(_ELSEWHERE_BY_NAME.items()))
def test_other_engines_functions_are_refused_with_duckdbs_own_way(name: str, said: str) -> None:
    """DuckDB has none of that name; what to write instead names functions that may be called."""
    assert not duckdb.connect().execute("select * from duckdb_functions() where function_name = ?", [name]).fetchall()
    assert refused(f"select {name}(value, 1) from gp_events").mend == f"Write {said}."
    called = {one for one in re.findall(r"(\w+)\(", said) if one not in ("cast", "coalesce", "INTERVAL", "try_cast")}
    assert called <= ALLOWED_FUNCTIONS


def test_errors_carry_nothing_out() -> None:
    """A statement may not put a value into the text of an error, nor ask for the engine's own statistics."""
    assert refused("select error(sex) from gp_patients").code == "gate.function"
    assert refused("select stats(sex) from gp_patients").code == "gate.function"


def test_one_select_is_asked() -> None:
    """One statement, and it reads."""
    assert refused("select 1; select 2").code == "gate.one_statement"
    assert refused("").code == "gate.one_statement"
    for statement in (
        "drop table gp_patients",
        "copy gp_patients to 'x'",
        "attach 'x'",
        "set threads = 1",
        "explain from t",
    ):
        assert refused(statement).code == "gate.select_only"


def test_a_pivot_names_its_values() -> None:
    """A PIVOT that looks up its values by itself is two statements in one; with its values named it is one."""
    found = refused("pivot gp_patients on sex using count(*)")
    assert found.code == "gate.select_only"
    assert "PIVOT t ON column IN" in (found.mend or "")
    assert judge("pivot gp_patients on sex in ('F', 'M') using count(*)") == Allowed()


def test_a_refusal_says_where_and_what_to_write() -> None:
    """Line and column, and the nearest approved name; never a value of the statement."""
    found = refused("select *\nfrom gp_event\nwhere code = 'SMITH'")
    assert "line 2, column 6" in found.reason
    assert "Did you mean gp_events?" in (found.mend or "")
    assert "SMITH" not in found.reason + (found.mend or "")


def test_with_names_stand_where_sql_lets_them() -> None:
    """After their definition, in their query; a WITH name may hide an approved table, never open another."""
    assert judge("with old as (select * from gp_patients where year_of_birth < 1950) select count(*) from old")
    assert judge("with gp_events as (select * from gp_events where linked) select count(*) from gp_events")
    assert not judge("with deaths as (select * from deaths) select * from deaths")
    assert not judge("select (with d as (select 1 as n) select n from d), n from d")


def test_parameters_carry_values() -> None:
    """Values may be given beside the statement, by place or by name."""
    assert judge("select * from gp_events where code = ? and event_date > ?") == Allowed()
    assert judge("select * from gp_events where code in (select unnest($codes))") == Allowed()


@pytest.mark.parametrize(
    "code",
    sorted({code for code, _ in statements("hostile.sql")} | {"gate.not_text", "gate.too_long", "gate.too_deep"}),
)
def test_every_rule_is_on_the_page(code: str) -> None:
    """The reference lists each code with what to do."""
    assert f"`{code}`" in PAGE.read_text(encoding="utf-8")


def test_the_page_lists_what_may_be_called() -> None:
    """Functions by subject, reasons of refusal and types stand in the reference as they are in force."""
    page = PAGE.read_text(encoding="utf-8")
    for subject, names in SUBJECTS.items():
        assert f"**{subject}**" in page
        assert [name for name in names.split() if f"`{name}`" not in page and f"`` {name} ``" not in page] == []
    for group in REFUSED_FUNCTIONS:
        assert f"| {group.reason} | {group.mend} |" in page
    assert [name for name in TYPE_NAMES if f"`{name}`" not in page] == []
