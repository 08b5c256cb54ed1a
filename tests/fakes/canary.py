"""A small scope with secrets beside it, opened as the gateway's worker opens it: what may a statement not reach?

The plan tells what a statement reads: that is the second oracle, which knows nothing of the gate.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

CANARY = "9990000018"
VIEWS = frozenset({"gp_patients", "gp_events", "hospital_episodes", "care_events", "deaths"})
MATERIAL = frozenset(f"scope.material.{view}" for view in VIEWS)
STATEMENTS = Path(__file__).parent.parent / "unit" / "environments" / "gateway"

_SCOPE = f"""
attach ':memory:' as scope;
use scope;
create schema material;
create schema other;
create table material.gp_patients as select md5('p' || i)::uuid as pseudonym, i % 9 <> 0 as linked,
    case when i % 2 = 0 then 'F' else 'M' end as sex, (1930 + i % 70)::integer as year_of_birth,
    'A8' || (i % 5) as practice_code from range(200) r(i);
create table material.gp_events as select p.pseudonym, true as linked,
    date '2019-03-01' + (i * 97)::integer as event_date, ['44054006', '38341003', '195967001'][1 + i % 3] as code,
    40 + i * 1.5::double as value
    from material.gp_patients p, range(6) r(i);
create table material.hospital_episodes as select pseudonym, true as linked, date '2021-02-03' as ADMIDATE,
    'E11' || (year_of_birth % 10) as DIAG_01, '2' || (year_of_birth % 4) as ADMIMETH from material.gp_patients limit 80;
create table material.care_events as select pseudonym, true as linked, date '2021-05-01' as EVENT_START_DATE,
    'Long Term Support: Home Support' as SERVICE_TYPE from material.gp_patients limit 30;
create table material.deaths as select pseudonym, true as linked, date '2022-02-03' as date_of_death,
    'I21' || (year_of_birth % 9) as cause_code from material.gp_patients limit 12;
create table secret as select uuid() as pseudonym, '{CANARY}' as nhs_number, 'F' as sex, 1 as n;
create table material.hidden as from secret;
create table other.secret as from secret;
create table memory.main.outside as from secret;
create sequence numbers;
create macro spill() as table select * from secret;
create macro spy() as (select max(nhs_number) from secret);
create type colour as enum ('red');
"""


def canary_scope(folder: Path | None = None, *, optimised: bool = True) -> duckdb.DuckDBPyConnection:
    """The scope, its views, and beside them what no statement may reach, also as a file in `folder`."""
    connection = duckdb.connect(config={"python_enable_replacements": False, "threads": 1})
    connection.execute(_SCOPE)
    for view in sorted(VIEWS):
        connection.execute(f"create view {view} as select * from material.{view}")
    if folder is not None:
        (folder / "secret.csv").write_text(f"nhs_number\n{CANARY}\n", encoding="utf-8")
    if not optimised:  # the optimiser drops what it need not read; the second oracle wants it all
        connection.execute("pragma disable_optimizer")
    return connection


def what_is_read(connection: duckdb.DuckDBPyConnection, sql: str) -> set[str]:
    """The tables, and the operators that read anything else, in DuckDB's own plan. Raises what binding raises."""
    plan = json.loads(connection.execute(f"explain (format json) {sql}").fetchall()[0][1])
    found: set[str] = set()
    _collect(plan, found)
    return found


# Operators that read nothing but what stands below them or in the statement itself.
_HARMLESS = {"CTE_SCAN", "REC_CTE_SCAN", "COLUMN_DATA_SCAN", "DUMMY_SCAN", "POSITIONAL_SCAN", "DELIM_SCAN", "RANGE"}
_HARMLESS |= {"UNNEST", "INOUT_FUNCTION", "GENERATE_SERIES", "EMPTY_RESULT", "CHUNK_SCAN", "RECURSIVE_CTE_SCAN"}


def _collect(node: Any, found: set[str]) -> None:
    if isinstance(node, list):
        for item in node:
            _collect(item, found)
        return
    name, extra = str(node.get("name", "")).strip(), node.get("extra_info") or {}
    table = extra.get("Table") if isinstance(extra, dict) else None
    if table is not None:
        found.add(str(table).replace('"', ""))
    elif not node.get("children") and name not in _HARMLESS:
        found.add(f"operator {name}")
    _collect(node.get("children", []), found)


def statements(name: str) -> list[tuple[str, str]]:
    """The statements of a list, a blank line between them, with the code under which each stands."""
    found, code = [], ""
    for part in (STATEMENTS / name).read_text(encoding="utf-8").strip("\n").split("\n\n"):
        if part.startswith("-- refused: "):
            code = part.removeprefix("-- refused: ").split(" ")[0]
        else:
            found.append((code, part))
    return found
