"""Two oracles: what the gate allows reads, in DuckDB's own plan, nothing but the tables under the approved views.

A grammar invents queries out of approved names, hostile names and WITH names that hide either; ordinary queries get
hostile words at any place. The second oracle knows nothing of the gate; a control shows that it sees the secrets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from threading import Timer

import duckdb
from hypothesis import example, given, settings
from hypothesis import strategies as st

from environments.gateway.gate import Gate
from tests.fakes.canary import CANARY, MATERIAL, VIEWS, canary_scope, statements, what_is_read

GATE = Gate()
SCOPE = canary_scope(optimised=False)
SCOPE.execute("set enable_external_access = false; set memory_limit = '300MB'; set max_temp_directory_size = '0GB'")
ORDINARY = [one for _, one in statements("ordinary.sql") if not duckdb.extract_statements(one)[0].named_parameters]

APPROVED = ("gp_patients", "main.gp_patients", "GP_Patients", '"gp_patients"', "gp_events", "deaths", "Main.Deaths")
HOSTILE_TABLES = (
    "secret", "main.secret", "scope.secret", "scope.main.secret", "material.hidden", "scope.material.hidden",
    "material.gp_events", "other.secret", "memory.main.outside", "outside", "hidden", "duckdb_tables()",
    "duckdb_views", "information_schema.tables", "sqlite_master", "pg_catalog.pg_class", "query('from secret')",
    "query_table('secret')", "spill()", "main.spill()", "summary(secret)", "glob('*')", "(describe secret)",
    "(show tables)", "pragma_table_info('secret')", "scope.gp_events", "recurring.secret", "secret at (version => 1)",
    "(pivot secret on sex in ('F') using count(*))", "(from secret)", "(table secret)",
    "unnest((select list(nhs_number) from secret))", "'secret.csv'", "read_csv('secret.csv')", "read_text('*')",
)  # fmt: skip
HOSTILE_EXPRESSIONS = (
    "spy()", "main.spy()", "scope.main.spy()", "getenv('HOME')", "current_setting('threads')", "stats(sex)",
    "error(sex)", "(select max(nhs_number) from secret)", "nextval('numbers')", "getvariable('x')", "version()",
    "json_serialize_sql('select 1')", "list_aggregate([1], 'stats')", "exists (from secret)", "current_user",
    "array(select nhs_number from secret)", "'x'::colour", "sex.error()", "sleep_ms(1)", "secret.nhs_number",
)  # fmt: skip
SEEDS = st.integers(0, 2**64)
WITH_NAMES = ("a", "b", "secret", "SECRET", "gp_events", "hidden", "outside", '"S P"', "deaths", "material")


WORDS = HOSTILE_TABLES + HOSTILE_EXPRESSIONS
WORDS += ("secret", "with", "as", "(", ")", ",", "from", "union", "material.", ".", ";")
TABLES = (
    "(<query>) <alias>", "(<table> cross join <table>)", "(<table> left join <table> on true)", "range(3) <alias>(n)",
    "unnest([1, 2]) <alias>(n)", "(values (1, 'F')) <alias>(n, sex)", "<approved> tablesample 50%",
    "(pivot (from <table>) on sex in ('F') using count(*)) <alias>",
    "(<table> join lateral (from <table>) <alias> on true)",
)  # fmt: skip
EXPRESSIONS = (
    "(<query>)", "exists (<query>)", "array(<query>)", "case when <expression> is null then <expression> end",
    "coalesce((<expression>)::varchar, '')", "[<expression>, <expression>]", "{'a': <expression>}",
    "list_transform([1], lambda x: <expression>)", "sex in (<query>)", "try(<expression>)",
    "max(<expression>) filter ((<expression>) is null)",
    "sum(1) over (partition by exists (<query>) order by array(<query>))",
    "columns(lambda c: (<expression>) is not null)",
)  # fmt: skip
PLAIN = ("sex", "linked", "1", "'x'", "null", "upper(sex)", "pseudonym", "[1, 2]", "{'a': sex}")


@dataclass
class Writer:
    """Writes a query; `hostility` is the chance that a place holds something hostile."""

    random: Random
    hostility: float
    made: int = 0

    def chance(self, of: float) -> bool:
        return self.random.random() < of

    def fill(self, template: str, depth: int, names: tuple[str, ...]) -> str:
        """A template with its places written."""
        write: dict[str, Callable[[], str]] = {
            "query": lambda: self.query(depth - 1, names),
            "table": lambda: self.table(depth - 1, names),
            "expression": lambda: self.expression(depth - 1, names),
            "alias": self.alias,
            "approved": lambda: self.random.choice(APPROVED),
        }
        return re.sub(r"<(\w+)>", lambda found: write[found[1]](), template)

    def alias(self) -> str:
        self.made += 1
        return f"t{self.made}"

    def table(self, depth: int, names: tuple[str, ...]) -> str:
        """Something to stand in FROM."""
        if self.chance(self.hostility):
            return self.random.choice(HOSTILE_TABLES)
        if self.hostility and self.chance(0.15):
            return self.random.choice(WITH_NAMES)
        if names and self.chance(0.4):
            return f"{self.random.choice(names)} {self.alias()}"
        if depth <= 0 or self.chance(0.3):
            return f"{self.random.choice(APPROVED)} {self.alias()}"
        return self.fill(self.random.choice(TABLES), depth, names)

    def expression(self, depth: int, names: tuple[str, ...]) -> str:
        if self.chance(self.hostility):
            return self.random.choice(HOSTILE_EXPRESSIONS)
        return self.fill(self.random.choice(PLAIN if depth <= 0 or self.chance(0.4) else EXPRESSIONS), depth, names)

    def select(self, depth: int, names: tuple[str, ...]) -> str:
        what = self.random.choice(("*", "1", "sex", "count(*)", "columns('sex')", "* exclude (sex)", "<expression>"))
        where = " where (<expression>) is not null" if self.chance(0.25) else ""
        group = " group by all" if self.chance(0.1) else ""
        qualify = " qualify (<expression>) is null" if self.chance(0.1) else ""
        return self.fill(f"select {what} from {self.table(depth, names)}{where}{group}{qualify}", depth, names)

    def query(self, depth: int, names: tuple[str, ...] = ()) -> str:
        before, names = self.named(depth, names) if depth > 0 and self.chance(0.45) else ("", names)
        both = " union all (<query>)", " union by name (<query>)", " except (<query>)", " intersect (<query>)"
        after = self.random.choice(both) if depth > 0 and self.chance(0.2) else ""
        after += self.random.choice((" order by 1", " order by all", " order by <expression>")) * self.chance(0.15)
        if depth > 0 and self.chance(0.15):
            after += self.random.choice((" limit 3", " limit 10%", " limit (<query>)"))
        return before + self.select(depth, names) + self.fill(after, depth, names)

    def named(self, depth: int, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """WITH, some of it recursive, some of it naming what stands later, or itself."""
        recursive, parts = self.chance(0.3), []
        for name in self.random.sample([one for one in WITH_NAMES if one != "SECRET"], self.random.randint(1, 3)):
            seen = (*names, name) if self.hostility and self.chance(0.2) else names
            body = f"select * from ({self.query(depth - 1, seen)}) {self.alias()}"
            if recursive and self.chance(0.6):
                body = f"{self.select(depth - 1, seen)} union all {self.select(depth - 1, (*names, name))}"
            parts.append(f"{name} as {self.random.choice(('', 'materialized ', 'not materialized '))}({body})")
            names = (*names, name)
        return f"with {'recursive ' if recursive else ''}{', '.join(parts)} ", names


def _reads_only_views(statement: str) -> None:
    """The second oracle: binds it, and looks at what the plan reads; then runs it and looks for the canary."""
    try:
        assert what_is_read(SCOPE, statement) <= MATERIAL
    except duckdb.Error:
        return  # it does not bind: it reads nothing
    if "recursive" in statement:
        return  # it may never end
    stop = Timer(0.25, SCOPE.interrupt)
    stop.start()
    try:
        rows = SCOPE.sql(f"from ({statement.strip().rstrip(';')}\n) limit 50").fetchall()
    except duckdb.Error:
        return
    finally:
        stop.cancel()
        stop.join()
    assert CANARY not in repr(rows)


@given(SEEDS, st.sampled_from([0.02, 0.05, 0.15]))
@settings(max_examples=600, deadline=None)
def test_what_passes_reads_only_the_views(seed: int, hostility: float) -> None:
    """Whatever the grammar invents out of hostile and honest parts: what the gate allows reads the views only."""
    statement = Writer(Random(seed), hostility).query(3)  # noqa: S311 - words, no secrets
    if GATE.judge(statement, VIEWS):
        _reads_only_views(statement)


@given(SEEDS)
@settings(max_examples=400, deadline=None)
def test_what_holds_nothing_hostile_passes(seed: int) -> None:
    """The same grammar without hostile parts: nothing of it is refused, except for its depth."""
    statement = Writer(Random(seed), 0.0).query(3)  # noqa: S311 - words, no secrets
    decision = GATE.judge(statement, VIEWS)
    assert decision or getattr(decision, "code", "") == "gate.too_deep", (statement, decision)


@given(
    st.sampled_from(ORDINARY),
    st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from(["put", "insert", "drop"]), st.sampled_from(WORDS)),
        min_size=1,
        max_size=3,
    ),
)
@example("select * from gp_events", [(6, "put", "secret")])
@settings(max_examples=600, deadline=None)
def test_hostile_words_in_an_ordinary_statement(base: str, changes: list[tuple[int, str, str]]) -> None:
    """Words of ordinary statements replaced, added and left out: what still passes reads the views only."""
    words = re.findall(r"\w+|\s+|[^\w\s]", base)
    for place, how, word in changes:
        at = place % len(words)
        words[at : at + (how != "insert")] = [] if how == "drop" else [f" {word} "]
        words = words or [" "]
    statement = "".join(words)
    if GATE.judge(statement, VIEWS):
        _reads_only_views(statement)


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_gets_an_answer(text: str) -> None:
    """The gate raises nothing, whatever it is given."""
    GATE.judge(text, VIEWS)
    GATE.judge(f"select {text} from gp_events", VIEWS)


def test_the_second_oracle_sees_the_secrets() -> None:
    """The control: every hostile table that binds at all is seen in the plan, so a passing one would be found."""
    seen = set()
    for table in HOSTILE_TABLES:
        try:
            seen |= what_is_read(SCOPE, f"select * from {table}")
        except duckdb.Error:
            continue
    assert {"scope.main.secret", "scope.material.hidden", "scope.other.secret", "memory.main.outside"} <= seen
    assert any(one.startswith("operator") for one in seen)
