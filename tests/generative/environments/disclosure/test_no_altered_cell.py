"""No altered cell passes as agreeing: tables made from counts agree with them, and any change of a cell shows."""

from __future__ import annotations

from itertools import product

import polars as pl
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from environments.disclosure.check import check_counts_table
from environments.disclosure.mitigate import shown_count
from environments.disclosure.model import context_from
from environments.disclosure.profile import criteria
from environments.disclosure.sealed.comparing import compare
from environments.disclosure.sealed.model import FITTING, CellMatch, EvidenceComparison
from tests.fakes.query_evidence import counted

PROFILES = ("hes", "ons", "acro_default", "opensafely", "nhs_england_sde", "hes+ons")
KEYS = list(product(("a", "b", "c"), ("F", "M")))
Rows = dict[tuple[str, str], str]


def _compared(rows: Rows, true: dict[tuple[str, str], int], profile: str, midpoint: bool) -> EvidenceComparison:
    rules = criteria(profile)
    context = context_from({"count_column": "people", "rounding": "midpoint_6" if midpoint else "nearest"})
    table = pl.DataFrame([(*key, text) for key, text in rows.items()], schema=["area", "sex", "people"], orient="row")
    groups = {key: people for key, people in true.items() if people}  # a grouped query leaves empty groups out
    cells = check_counts_table(table, context, rules).cells
    return compare(cells, context, rules, [counted(groups, "area", "sex")])


@settings(max_examples=150, deadline=None)
@given(
    people=st.lists(st.one_of(st.integers(0, 30), st.integers(0, 3000)), min_size=6, max_size=6),
    profile=st.sampled_from(PROFILES),
    place=st.integers(0, 5),
    number=st.one_of(st.integers(0, 40), st.integers(0, 4000)),
)
def test_an_altered_cell_never_agrees(people: list[int], profile: str, place: int, number: int) -> None:
    """What may be shown of true counts agrees whole; any other number in any cell differs, alone."""
    midpoint, rules = profile == "opensafely", criteria(profile).counts
    true = dict(zip(KEYS, people, strict=True))
    codes = {key for key, count in true.items() if count}
    assume({key[0] for key in codes} == {"a", "b", "c"} and {key[1] for key in codes} == {"F", "M"})
    rows = {key: shown_count(count, rules, midpoint=midpoint) for key, count in true.items()}
    honest = _compared(rows, true, profile, midpoint)
    assert all(one.match in FITTING for one in honest.cells)
    assert not any("Not what the query gave" in problem for problem in honest.problems)
    altered = KEYS[place]
    assume(str(number) != rows[altered] and not (number == true[altered] == 0))
    found = _compared(rows | {altered: str(number)}, true, profile, midpoint)
    matches = {tuple(one.cell.categories.values()): one.match for one in found.cells}
    assert matches.pop(altered) is CellMatch.DIFFERS
    assert all(match in FITTING for match in matches.values())
    assert not found.whole
    assert any("Not what the query gave" in problem for problem in found.problems)


@settings(max_examples=80, deadline=None)
@given(people=st.lists(st.integers(10, 500), min_size=6, max_size=6), data=st.data())
def test_swapped_rows_never_agree(people: list[int], data: st.DataObject) -> None:
    """Two categories exchanged are two altered cells, unless what they show is the same."""
    rules = criteria("hes").counts
    true = dict(zip(KEYS, people, strict=True))
    rows = {key: shown_count(count, rules) for key, count in true.items()}
    one, other = data.draw(st.lists(st.sampled_from(KEYS), min_size=2, max_size=2, unique=True))
    assume(rows[one] != rows[other])
    found = _compared(rows | {one: rows[other], other: rows[one]}, true, "hes", False)
    differ = {tuple(cell.cell.categories.values()) for cell in found.cells if cell.match is CellMatch.DIFFERS}
    assert differ == {one, other}
