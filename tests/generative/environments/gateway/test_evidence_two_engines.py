"""People behind figures, counted twice: by the question that the gateway asks, and in Python over the rows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from environments.gateway.evidence.asking import AskedEvidence
from environments.gateway.gate import Gate

GATE = Gate()
VIEWS = {"visits", "stays"}


@dataclass(frozen=True)
class Asked:
    """A query in parts. source: FROM and WHERE. keys and values: expressions over it."""

    source: str
    keys: tuple[str, ...]
    figures: tuple[str, ...]
    grouped_by: str
    after: str

    @property
    def sql(self) -> str:
        """The aggregate query."""
        shown = [f"{key} as k{place}" for place, key in enumerate(self.keys)] + list(self.figures)
        groups = {
            "place": ", ".join(str(place) for place in range(1, len(self.keys) + 1)),
            "name": ", ".join(f"k{place}" for place in range(len(self.keys))),
            "text": ", ".join(self.keys),
            "all": "all",
        }[self.grouped_by]
        with_, source = self.source.split(";")
        group = f"group by {groups}" if self.keys else ""
        return f"{with_} select {', '.join(shown)} {source} {group} {self.after}"

    def rows(self, person: str) -> str:
        """The rows behind it: keys, person, and the value of each figure, null where it does not count the row."""
        with_, source = self.source.split(";")
        return f"{with_} select {', '.join([*self.keys, person, *(VALUES[one] for one in self.figures)])} {source}"


SOURCES = {
    ";from visits v": "v.pseudonym",
    ";from visits as v where code <> 'b' or amount is null": "v.pseudonym",
    ";from visits v join stays s using (pseudonym)": "v.pseudonym",
    ";from visits v left join stays s on v.pseudonym = s.pseudonym and days > 1": "v.pseudonym",
    ";from stays s full join visits v on s.pseudonym = v.pseudonym": "coalesce(s.pseudonym, v.pseudonym)",
    ";from visits v, stays s where v.pseudonym = s.pseudonym and days < 4": "v.pseudonym",
    ";from visits v semi join stays s using (pseudonym)": "v.pseudonym",
    ";from (select * from visits where amount > 0) v": "v.pseudonym",
    ";from (select pseudonym, code, amount from visits union all select pseudonym, 's', days from stays) v": (
        "v.pseudonym"
    ),
    "with v as (select pseudonym, min(code) as code, sum(amount) as amount from visits group by pseudonym); from v": (
        "v.pseudonym"
    ),
    ";from visits v cross join (values (1), (2)) w(x)": "v.pseudonym",
}
KEYS = ("v.code", "upper(v.code)", "v.amount > 2")
VALUES = {
    "count(*)": "1",
    "count(v.amount)": "case when v.amount is not null then 1 end",
    "sum(v.amount)": "v.amount",
    "avg(v.amount) filter (where v.amount < 3)": "case when v.amount < 3 then v.amount end",
    "max(v.amount)": "v.amount",
    "count(distinct v.code)": "v.code",
}
ADDING = ("sum(v.amount)", "avg(v.amount) filter (where v.amount < 3)")

people = st.sampled_from("pqrstu")
visits = st.lists(
    st.tuples(people, st.sampled_from(["a", "b", "c", None]), st.integers(-3, 6) | st.none()), max_size=12
)
stays = st.lists(st.tuples(people, st.integers(0, 5)), max_size=8)


@st.composite
def queries(draw: st.DrawFn) -> Asked:
    """Any query of these parts."""
    keys = tuple(draw(st.lists(st.sampled_from(KEYS), max_size=2, unique=True)))
    figures = tuple(draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3, unique=True)))
    after = draw(st.sampled_from(["", "having count(*) > 1", "order by 1 limit 2"]))
    way = draw(st.sampled_from(["place", "name", "text", "all"]))
    return Asked(draw(st.sampled_from(sorted(SOURCES))), keys, figures, way, after)


def _counted(asked: Asked, connection: duckdb.DuckDBPyConnection, unlinked: set[str]) -> dict[Any, list[Any]]:
    """In Python: for each group the people, the rows, and of each figure its people, largest shares and total."""
    groups: dict[Any, list[Any]] = defaultdict(list)
    width = len(asked.keys)
    for row in connection.execute(asked.rows(SOURCES[asked.source])).fetchall():
        who, *values = row[width:]
        groups[row[:width]].append(("unlinked" if who in unlinked else who, *values))
    found = {}
    for key, rows in groups.items():
        told: list[Any] = [len({row[0] for row in rows}), len(rows)]
        for place, figure in enumerate(asked.figures, 1):
            shares: dict[str, float] = defaultdict(float)
            for row in rows:
                if row[place] is not None:
                    shares[row[0]] += abs(row[place]) if figure in ADDING else 0
            adding = figure in ADDING
            largest = sorted(shares.values(), reverse=True)[:2]
            told += [
                sum(1 for share in shares.values() if share or figure != "sum(v.amount)"),
                largest or None if adding else None,
                sum(shares.values()) if adding and shares else None,
            ]
        found[key] = told
    return found


@given(visits, stays, queries(), st.sets(people))
@settings(max_examples=250, deadline=None)
def test_the_people_are_those_of_the_rows(
    seen: list[tuple[Any, ...]], stayed: list[tuple[Any, ...]], asked: Asked, unlinked: set[str]
) -> None:
    """For every group of the result: as many people, and as large shares, as its rows say; the unlinked are one."""
    with duckdb.connect() as connection:
        connection.execute("create schema house; create table house.unlinked (pseudonym varchar)")
        connection.execute("insert into house.unlinked select unnest(?::varchar[])", [sorted(unlinked)])
        connection.execute("create table visits (pseudonym varchar, code varchar, amount integer)")
        connection.execute("create table stays (pseudonym varchar, days integer)")
        for table, rows in (("visits", seen), ("stays", stayed)):
            for row in rows:
                connection.execute(f"insert into {table} values ({', '.join('?' * len(row))})", row)
        evidence: AskedEvidence = GATE.evidence_of(asked.sql, VIEWS)
        shown = {
            tuple(row[: len(asked.keys)]): list(row[len(asked.keys) :])
            for row in connection.execute(evidence.sql).fetchall()
        }
        expected = _counted(asked, connection, unlinked)
        if not asked.keys and not expected:
            expected = {(): [0, None, *[0, None, None] * len(asked.figures)]}
        assert shown == expected
        results = connection.execute(asked.sql).fetchall()
        assert {row[: len(asked.keys)] for row in results} <= shown.keys()
