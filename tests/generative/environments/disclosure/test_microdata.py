"""The table that DuckDB counts from microdata against one counted person by person in Python."""

from __future__ import annotations

from collections import defaultdict

import duckdb
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from environments.disclosure.hierarchy import ancestors
from environments.disclosure.microdata import Question, tabulate

AREAS = {"n1": "North", "n2": "North", "North": "All", "South": "All"}
rows = st.lists(
    st.tuples(
        st.sampled_from(["n1", "n2", "South"]),
        st.sampled_from(["F", "M", None]),
        st.one_of(st.none(), st.integers(-2, 5)),
        st.one_of(st.none(), st.integers(-5, 50)),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=120, deadline=None)
@given(given_rows=rows, by_person=st.booleans(), as_text=st.booleans())
def test_people_and_their_contributions(
    given_rows: list[tuple[str, str | None, int | None, int | None]], by_person: bool, as_text: bool
) -> None:
    """At every level of the hierarchy and in every total: people, contributors, sum, the two largest and the least."""
    cells: dict[tuple[str, str], dict[object, list[int]]] = defaultdict(lambda: defaultdict(list))
    places: dict[object, set[tuple[str, str | None]]] = defaultdict(set)
    for number, (area, sex, who, paid) in enumerate(given_rows):
        person = who if by_person else number  # a missing one is one and the same person
        places[person].add((area, sex))
        for one in (area, *ancestors(AREAS, area)):
            for two in (sex or "", "Total"):
                cells[one, two][person] += [] if paid is None else [paid]
    kind = pl.String if as_text else pl.Int64
    frame = pl.DataFrame(given_rows, schema={"area": pl.String, "sex": pl.String, "who": pl.Int64, "paid": pl.Int64},
                         orient="row").with_columns(pl.col("who", "paid").cast(kind))  # fmt: skip
    with duckdb.connect(":memory:") as connection:
        connection.register("rows", frame.to_arrow())
        question = Question(("area", "sex"), "who" if by_person else None, "paid", hierarchies={"area": AREAS})
        table, context = tabulate(connection, "rows", question)
    for area, sex, people, contributors, total, first, second, least in table.iter_rows():
        each = cells.get((area, sex), {})
        given_sums = sorted((sum(paid) for paid in each.values() if paid), reverse=True)
        assert (people, contributors, total) == (len(each), len(given_sums), sum(given_sums))
        assert (first, second) == tuple((*given_sums, None, None)[:2])
        assert least == (given_sums[-1] if given_sums else None)
    assert {(area, sex) for area, sex in cells} <= set(table.select("area", "sex").rows())
    assert ("area" in context.overlapping) == any(len({a for a, _ in found}) > 1 for found in places.values())
    assert ("sex" in context.overlapping) == any(len({s for _, s in found}) > 1 for found in places.values())
