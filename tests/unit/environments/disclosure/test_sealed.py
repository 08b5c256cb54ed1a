"""How do the cells of a file stand to what was counted behind its queries? Cell by cell, and what is told of it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from environments.disclosure.check import check_counts_table
from environments.disclosure.model import context_from
from environments.disclosure.profile import criteria
from environments.disclosure.sealed.comparing import compare
from environments.disclosure.sealed.laying import spellings
from environments.disclosure.sealed.model import CellMatch, EvidenceComparison, FigurePeople, QueryEvidence
from tests.fakes.query_evidence import OTHER, QUERY, TRUE_COUNTS, counted

M = CellMatch
BY = ("age", "sex")


def compared(
    rows: list[tuple[str, ...]],
    *evidence: QueryEvidence,
    profile: str = "hes",
    columns: tuple[str, ...] = (*BY, "people"),
    **context: Any,
) -> EvidenceComparison:
    """These rows beside this evidence, as the airlock compares them."""
    table = pl.DataFrame(rows, schema=list(columns), orient="row")
    said, rules = context_from({"count_column": "people", **context}), criteria(profile)
    return compare(check_counts_table(table, said, rules).cells, said, rules, evidence)


def matches(found: EvidenceComparison, column: str = "people") -> list[CellMatch]:
    """How the cells of a column stand, row by row."""
    return [one.match for one in found.cells if one.cell.column == column]


ROWS = [("0-39", "F", "120"), ("0-39", "M", "135"), ("40+", "F", "210"), ("40+", "M", "*")]


def test_a_table_that_says_what_the_query_gave() -> None:
    """Rounded as the owner asks, small ones hidden: every cell agrees, whichever way the rows stand."""
    found = compared(ROWS, counted(TRUE_COUNTS, *BY))
    assert matches(found) == [M.AGREES, M.AGREES, M.AGREES, M.HIDDEN]
    assert (found.whole, found.problems, found.left_out) == (True, (), 0)
    assert found.summary == f"Every cell agrees with the sealed evidence of query {QUERY} (4 cells)."
    assert compared(ROWS[::-1], counted(TRUE_COUNTS, *BY)).whole


@pytest.mark.parametrize("shown", ["125", "115", "0", "1300", "12"])
def test_another_number_differs_and_names_the_cell_only(shown: str) -> None:
    """The author reads which cell; the checker what it should say; nobody the true count."""
    found = compared([("0-39", "F", shown), *ROWS[1:]], counted(TRUE_COUNTS, *BY))
    assert matches(found)[0] is M.DIFFERS
    assert not found.whole
    (problem,) = found.problems
    assert problem.endswith("Cells: people [age=0-39, sex=F].")
    assert "Not what the query gave" in problem
    assert [one.should_say for one in found.cells if one.should_say] == ["120"]
    assert "121" not in repr(found) + str(found.as_data()) + found.summary


def test_what_must_be_hidden_and_is_shown_differs() -> None:
    """Nine people round to ten, which may be shown; nine may not: only true counts tell."""
    found = compared([("0-39", "F", "10")], counted({("0-39", "F"): 9}, *BY), profile="ons")
    assert matches(found) == [M.DIFFERS]
    assert [one.should_say for one in found.cells] == ["*"]
    assert "9" not in str([one.should_say for one in found.cells]) + str(found.problems).replace("0-39", "")


def test_hidden_though_large_is_told_to_checkers_alone() -> None:
    """To hide more is no mistake; who checks sees it."""
    found = compared([*ROWS[:2], ("40+", "F", "*"), ROWS[3]], counted(TRUE_COUNTS, *BY), secondary_suppression=True)
    assert matches(found)[2] is M.HIDDEN_LARGE
    assert (found.whole, found.problems) == (True, ())
    assert "1 hidden though large" in found.summary


@pytest.mark.parametrize(
    ("profile", "match"), [("hes", M.HIDDEN_LARGE), ("nhs_england_sde", M.HIDDEN), ("ons", M.HIDDEN)]
)
def test_nobody_hidden(profile: str, match: CellMatch) -> None:
    """A combination that no row has is nobody: hidden rightly where a mark may hide a zero."""
    rows = [*ROWS[:3], ("40+", "M", "*")]
    true = {key: people for key, people in (TRUE_COUNTS | {("80+", "M"): 30}).items() if key != ("40+", "M")}
    assert matches(compared(rows, counted(true, *BY), profile=profile))[3] is match


def test_a_zero_agrees_with_nobody_and_with_nobody_else() -> None:
    """Zero people behind a combination that the query's codes allow; a shown number there differs."""
    true = {("0-39", "F"): 121, ("40+", "M"): 44}
    assert matches(compared([("0-39", "M", "0")], counted(true, *BY))) == [M.AGREES]
    assert matches(compared([("0-39", "M", "10")], counted(true, *BY))) == [M.DIFFERS]
    assert matches(compared([("0-39", "F", "0")], counted(true, *BY))) == [M.DIFFERS]


def test_the_other_roundings() -> None:
    """Midpoint-6 where every owner accepts it; exact where none asks for rounding."""
    true = counted({("0-39", "F"): 121, ("0-39", "M"): 5, ("40+", "F"): 120}, *BY)
    rows = [("0-39", "F", "123"), ("0-39", "M", "3"), ("40+", "F", "117")]
    found = compared(rows, true, profile="opensafely", rounding="midpoint_6")
    assert matches(found) == [M.AGREES] * 3
    exact = [("0-39", "F", "121"), ("0-39", "M", "*"), ("40+", "F", "121")]
    assert matches(compared(exact, true, profile="acro_default")) == [M.AGREES, M.HIDDEN, M.DIFFERS]


def test_codes_that_the_query_knows_not_have_no_evidence() -> None:
    """A category that was renamed is neither agreeing nor differing, nor is a hidden one; shown, it is a problem."""
    found = compared([("young", "F", "120"), ("0-39", "M", "135"), ("young", "M", "*")], counted(TRUE_COUNTS, *BY))
    assert matches(found) == [M.NONE, M.AGREES, M.NONE]
    assert (found.whole, found.left_out) == (False, 3)
    (problem,) = found.problems
    assert "name one that counts them by itself" in problem
    assert "people [age=young, sex=F]" in problem
    assert compared([("young", "F", "*"), ("0-39", "M", "135")], counted(TRUE_COUNTS, *BY)).problems == ()


def test_columns_are_found_by_their_codes_when_renamed() -> None:
    """The one column with the key's codes; where two could be it, the query says nothing of the file."""
    renamed = compared(ROWS, counted(TRUE_COUNTS, "band", "gender"))
    assert renamed.whole
    alike = {("1", "1"): 50, ("1", "2"): 60, ("2", "1"): 70, ("2", "2"): 80}
    rows = [("1", "1", "50"), ("1", "2", "60"), ("2", "1", "70"), ("2", "2", "80")]
    assert compared(rows, counted(alike, *BY)).whole
    unclear = compared(rows, counted(alike, "smokes", "drinks"))
    assert matches(unclear) == [M.NONE] * 4
    assert "No row has the categories of query" in unclear.problems[0]


def test_a_key_that_the_result_does_not_show() -> None:
    """Rows of different groups look alike then: there is no evidence."""
    true = counted(TRUE_COUNTS, *BY)
    hidden_key = QueryEvidence(true.query, 1, true.columns, (0, None), true.figures, true.groups)
    assert matches(compared(ROWS, hidden_key)) == [M.NONE] * 4


def test_two_groups_that_are_written_alike() -> None:
    """NULL and an empty text are one in CSV: it is not clear which is meant."""
    true = counted({(None, "F"): 40, ("", "F"): 60, ("40+", "F"): 90}, *BY)
    assert matches(compared([("", "F", "40"), ("40+", "F", "90")], true)) == [M.NONE, M.AGREES]


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (None, [""]),
        (True, ["true", "True", "TRUE"]),
        (7, ["7", "7.0"]),
        (2.0, ["2.0", "2"]),
        (0.5, ["0.5"]),
        (Decimal("1.50"), ["1.50", "1.5"]),
        (Decimal(20), ["20"]),
        (date(2025, 1, 1), ["2025-01-01"]),
        (datetime(2025, 1, 1), ["2025-01-01 00:00:00", "2025-01-01", "2025-01-01T00:00:00"]),  # noqa: DTZ001
        (datetime(2025, 1, 1, 9), ["2025-01-01 09:00:00"]),  # noqa: DTZ001
        (" 01 ", ["01"]),
    ],
)
def test_how_a_code_is_written(value: object, texts: list[str]) -> None:
    """As pandas, polars, Arrow and R write it."""
    assert set(texts) <= set(spellings(value))


def test_totals_by_themselves_and_added_up() -> None:
    """A query without the key counts a total; else the groups add up, unless people are in several of them."""
    rows = [*ROWS, ("40+", "Total", "215"), ("Total", "Total", "470")]
    found = compared(rows, counted(TRUE_COUNTS, *BY))
    assert matches(found)[4:] == [M.AGREES, M.AGREES]
    assert matches(compared([*rows[:5], ("Total", "Total", "465")], counted(TRUE_COUNTS, *BY)))[5] is M.DIFFERS
    overlapping = compared(rows, counted(TRUE_COUNTS, *BY), overlapping=["age", "sex"])
    assert matches(overlapping)[4:] == [M.NONE, M.NONE]
    assert "people [age=Total, sex=Total]" in overlapping.problems[0]
    twice = compared(rows, counted(TRUE_COUNTS, *BY), counted(TRUE_COUNTS, *BY, query=OTHER))
    assert twice.whole
    assert twice.cells[5].behind
    everybody = counted({(): 468}, query=OTHER)
    by_itself = compared(rows, counted(TRUE_COUNTS, *BY), everybody, overlapping=["age", "sex"])
    assert matches(by_itself)[4:] == [M.NONE, M.AGREES]
    assert by_itself.queries == (QUERY, OTHER)


def test_totals_as_sums_of_what_is_shown() -> None:
    """Under owners who ask for that a total agrees when its parts do and it adds them up."""
    rows = [*ROWS, ("Total", "Total", "465")]
    assert compared(rows, counted(TRUE_COUNTS, *BY), profile="opensafely").whole
    wrong = compared([*ROWS, ("Total", "Total", "470")], counted(TRUE_COUNTS, *BY), profile="opensafely")
    assert matches(wrong)[4] is M.DIFFERS


def test_two_queries_behind_one_table() -> None:
    """Each for its own rows; where both have a row's categories it must agree with both."""
    first = {key: people for key, people in TRUE_COUNTS.items() if key[0] == "0-39"}
    second = {key: people for key, people in TRUE_COUNTS.items() if key[0] == "40+"}
    assert compared(ROWS, counted(first, *BY), counted(second, *BY, query=OTHER)).whole
    both = compared(ROWS, counted(TRUE_COUNTS, *BY), counted(TRUE_COUNTS | {("0-39", "F"): 300}, *BY, query=OTHER))
    assert matches(both) == [M.DIFFERS, M.AGREES, M.AGREES, M.HIDDEN]


def test_a_query_that_no_row_comes_from_is_told() -> None:
    """Who names it must have meant something else."""
    found = compared(ROWS, counted(TRUE_COUNTS, *BY), counted({("N",): 50}, "region", query=OTHER))
    assert [problem for problem in found.problems if OTHER in problem] == list(found.problems)
    assert not found.whole


def test_parts_and_events() -> None:
    """A further count by the people of its figure; events by rows, and only where it is all of them."""
    figures = {"people": ("count", False), "smokers": ("count", False), "visits": ("count_star", False)}
    behind = {("F",): (FigurePeople(120), FigurePeople(60), FigurePeople(120))}
    true = counted({("F",): 120}, "sex", figures=figures, behind=behind)
    columns = ("sex", "people", "smokers", "visits")
    said: dict[str, Any] = {"columns": columns, "further_counts": ["smokers"], "event_counts": ["visits"]}
    assert compared([("F", "120", "60", "360")], true, **said).whole
    found = compared([("F", "120", "65", "300")], true, **said)
    assert [matches(found, column) for column in columns[1:]] == [[M.AGREES], [M.DIFFERS], [M.NONE]]


def _mean(people: int, largest: tuple[float, ...], total: float, shown: str, **more: Any) -> EvidenceComparison:
    figures = {"people": ("count", False), "cost": (more.pop("function", "avg"), more.pop("adding", True))}
    behind = {("F",): (FigurePeople(120), FigurePeople(people, largest, total))}
    true = counted({("F",): 120}, "sex", figures=figures, behind=behind)
    return compared([("F", "120", shown)], true, columns=("sex", "people", "cost"), figures=["cost"], **more)


def test_figures_are_judged_by_their_people_and_shares() -> None:
    """Within the rules: the checker sees that, and that the value itself is not in the evidence."""
    found = _mean(100, (50.0, 40.0), 2000.0, "20.5")
    assert matches(found, "cost") == [M.JUDGED]
    assert (found.whole, found.problems) == (False, ())
    assert "1 are figures within the rules" in found.summary


@pytest.mark.parametrize(
    ("people", "largest", "total", "shown", "rule"),
    [
        (100, (900.0, 50.0), 1000.0, "10", "2 largest contributors make more than 90%"),
        (5, (10.0, 9.0), 40.0, "8", "Fewer than 8 people have an amount"),
        (10, (10.0, 10.0), 100.0, "10", "Everybody here has the same amount"),
        (100, (50.0, 40.0), 2000.0, "-3.5", "contribution is below zero"),
    ],
)
def test_a_figure_that_breaks_a_rule(
    people: int, largest: tuple[float, float], total: float, shown: str, rule: str
) -> None:
    """The problem names the cell and the rule, no value."""
    found = _mean(people, largest, total, shown)
    assert matches(found, "cost") == [M.BREAKS]
    assert any(rule in problem and "cost [sex=F]" in problem for problem in found.problems)
    assert str(total) not in str(found.problems)
    assert matches(_mean(people, largest, total, "*" if shown != "-3.5" else shown), "cost")[0] in (M.HIDDEN, M.BREAKS)


def test_a_figure_to_which_nobody_adds_needs_its_people() -> None:
    """Of a median too few people are too few; its shares mean nothing."""
    assert matches(_mean(100, (), 0.0, "4", function="median", adding=False), "cost") == [M.JUDGED]
    assert matches(_mean(7, (), 0.0, "4", function="median", adding=False), "cost") == [M.BREAKS]


def test_a_figure_that_the_query_does_not_have() -> None:
    """No evidence: it stays as it is without any."""
    columns = ("sex", "people", "rate")
    found = compared([("F", "120", "12.5")], counted({("F",): 120}, "sex"), columns=columns, figures=["rate"])
    assert matches(found, "rate") == [M.NONE]
    assert not found.problems
