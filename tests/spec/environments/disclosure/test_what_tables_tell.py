"""Microdata, hierarchies, linked tables and amounts: what is looked at, and what gets a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from environments.disclosure.audit import Audit, audit, is_recovered
from environments.disclosure.check import check_counts_table
from environments.disclosure.errors import TableUnfit
from environments.disclosure.hierarchy import read_hierarchy
from environments.disclosure.methods import made_fit
from environments.disclosure.microdata import Question, read_microdata, tabulate
from environments.disclosure.model import CheckResult, Stage, TableContext, context_from
from environments.disclosure.profile import criteria
from environments.disclosure.tables import read_table

ACRO = criteria("acro_default")


def of_text(text: str, tmp_path: Path, question: Question) -> tuple[pl.DataFrame, TableContext]:
    """The table made of microdata written as CSV."""
    path = tmp_path / "microdata.csv"
    path.write_text(text, encoding="utf-8")
    with duckdb.connect(":memory:") as connection:
        read_microdata(connection, path).create_view("rows")
        return tabulate(connection, "rows", question)


def counts(table: pl.DataFrame) -> dict[Any, int]:
    """Categories to people."""
    return {row[0] if len(row) == 2 else tuple(row[:-1]): row[-1] for row in table.rows()}


def attacked(*texts: str, by: str = "", **context: Any) -> Audit:
    """The audit of finished tables whose counts stand in `n`."""
    read = [(read_table(text.encode()), context_from({"count_column": "n", **context})) for text in texts]
    return audit(read)


def ends(found: Audit) -> dict[tuple[str, ...], tuple[float | None, float | None] | None]:
    """The intervals of the hidden cells."""
    return {tuple(one.categories.values()): one.interval for one in found.cells if one.status.value != "ok"}


class TestMicrodata:
    """Codes are text, people are counted."""

    def test_codes_stay_as_they_are(self, tmp_path: Path) -> None:
        """01 is 01, NA is NA, and a missing one is a category of its own."""
        table, _ = of_text('g\n01\n1\nNA\n""\nnull\n', tmp_path, Question(("g",)))
        assert counts(table) == {"": 1, "01": 1, "1": 1, "NA": 1, "null": 1, "Total": 5}

    def test_rows_of_nobody_are_one_person(self, tmp_path: Path) -> None:
        """Where it is missing whose row it is, nobody can say how many: the fewest are counted."""
        text = "g,who,paid\na,1,5\na,,7\na,,8\nb,,9\n"
        table, _ = of_text(text, tmp_path, Question(("g",), person="who", value="paid"))
        assert dict(table.select("g", "people").rows()) == {"a": 2, "b": 1, "Total": 2}
        assert dict(table.select("g", "largest_1").rows()) == {"a": 15, "b": 9, "Total": 24}

    def test_a_person_in_several_categories_is_one_in_the_total(self, tmp_path: Path) -> None:
        """Totals are of people, and no sums; the context says along which columns."""
        text = "g,sex,who\na,F,1\nb,F,1\na,M,2\nb,M,3\n"
        table, context = of_text(text, tmp_path, Question(("g", "sex"), person="who"))
        assert counts(table)["Total", "F"] == 1
        assert counts(table)["Total", "Total"] == 3
        assert context.overlapping == ("g",)
        assert not [cell for cell in check_counts_table(table, context, ACRO, Stage.TRUE).cells
                    if cell.status.value == "does_not_add_up"]  # fmt: skip

    def test_who_has_no_amount_contributes_nothing(self, tmp_path: Path) -> None:
        """A missing amount is nobody's contribution; zero is one."""
        table, _ = of_text("g,v\na,\na,0\na,3\nb,\nb,\n", tmp_path, Question(("g",), value="v"))
        assert dict(table.select("g", "contributors").rows()) == {"a": 2, "b": 0, "Total": 2}

    @pytest.mark.parametrize(
        ("text", "said"),
        [("g,v\na,x\n", "not a number"), ("g,v\na,inf\n", "not a number"), ("g,v\n", "no rows"),
         ("g,v\na,1,2\n", "cannot be read"), ("h,v\na,1\n", "There is no column 'g'"),
         ("g,v\nTotal,1\n", "one of the categories")],
    )  # fmt: skip
    def test_what_cannot_be_counted_gets_a_sentence(self, text: str, said: str, tmp_path: Path) -> None:
        """Without the value that was wrong."""
        with pytest.raises(TableUnfit, match=said):
            of_text(text, tmp_path, Question(("g",), value="v"))


class TestHierarchies:
    """A parent is the sum of its children, in every crossing."""

    TREE = b"parent,child\nAll,North\nAll,South\nNorth,n1\nNorth,n2\n"

    def test_of_unequal_depth(self, tmp_path: Path) -> None:
        """South has no children; every level is counted, also with a column beside it."""
        tree = read_hierarchy(self.TREE, "area")
        rows = "area,sex\n" + "n1,F\n" * 12 + "n2,F\n" * 15 + "South,M\n" * 20
        table, context = of_text(rows, tmp_path, Question(("area", "sex"), hierarchies={"area": tree}))
        found = counts(table)
        assert (found["North", "F"], found["All", "F"], found["All", "Total"], found["n1", "M"]) == (27, 27, 47, 0)
        assert context.is_total("area", "All")

    def test_a_parent_tells_its_child(self) -> None:
        """North less n1 is n2, whatever the total of all hides."""
        tree = {"n1": "North", "n2": "North", "North": "All", "South": "All"}
        found = attacked("area,n\nn1,20\nn2,*\nNorth,24\nSouth,*\nAll,*\n", hierarchies={"area": tree})
        assert ends(found)["n2",] == (4, 4)
        assert [cell.categories["area"] for cell in found.recovered] == ["n2"]

    def test_a_level_that_is_left_out(self) -> None:
        """Without a row for North its children stand under All; a child without a row is told by its parent."""
        tree = {"n1": "North", "n2": "North", "North": "All", "South": "All"}
        assert ends(attacked("area,n\nn1,20\nn2,*\nSouth,30\nAll,57\n", hierarchies={"area": tree}))["n2",] == (7, 7)
        found = attacked("area,n\nn1,20\nNorth,24\nSouth,30\nAll,54\n", hierarchies={"area": tree})
        assert found.absent_hidden
        assert ends(found)["n2",] == (4, 4) if ("n2",) in ends(found) else ends(found)

    @pytest.mark.parametrize(
        ("text", "said"),
        [(b"parent,child\na,b\nc,b\n", "two parents"), (b"parent,child\na,b\nb,a\n", "above itself"),
         (b"up,down\na,b\n", "columns 'parent' and 'child'"), (b"parent,child\na,\n", "names no child")],
    )  # fmt: skip
    def test_what_is_no_hierarchy(self, text: bytes, said: str) -> None:
        """A code has one parent, and none is above itself."""
        with pytest.raises(TableUnfit, match=said):
            read_hierarchy(text, "area")

    def test_a_code_that_the_hierarchy_does_not_know(self) -> None:
        """Is an error, never a category beside it."""
        with pytest.raises(TableUnfit, match="'x' of column 'area' is not in its hierarchy"):
            attacked("area,n\nx,20\nAll,20\n", hierarchies={"area": {"n1": "All", "n2": "All"}})


class TestLinkedTables:
    """Tables that share a margin are one puzzle."""

    def test_what_one_shows_the_other_cannot_hide(self) -> None:
        """A margin hidden in one table stands in the other."""
        found = attacked("a,b,n\nx,p,20\nx,q,*\nx,Total,*\n", "a,c,n\nx,r,20\nx,s,5\nx,Total,25\n")
        told = {tuple(cell.categories.values()): cell.interval for cell in found.told}
        assert told == {("x", "q"): (5, 5), ("x", "Total"): (25, 25)}

    def test_one_cell_with_two_numbers(self) -> None:
        """Is refused, with the cell named."""
        with pytest.raises(TableUnfit, match=r"two numbers.*a=x"):
            attacked("a,b,n\nx,p,20\nx,Total,20\n", "a,c,n\nx,r,21\nx,Total,21\n")


class TestTotalsAndGaps:
    """Totals that do not add up, combinations without a row, tables of one row or of nobody."""

    def test_a_total_that_does_not_add_up_is_named(self) -> None:
        """Whether the table is checked, attacked or to be suppressed."""
        text = "g,n\na,20\nb,30\nTotal,51\n"
        with pytest.raises(TableUnfit, match="g=Total"):
            attacked(text)
        table, context = read_table(text.encode()), context_from({"count_column": "n"})
        assert any("g=Total" in one for one in check_counts_table(table, context, ACRO).problems)
        with pytest.raises(TableUnfit, match="g=Total"):
            made_fit(table, context, ACRO)

    def test_totals_of_people_in_several_categories(self) -> None:
        """Named as overlapping they may be less than the sum, and not more."""
        assert attacked("g,n\na,20\nb,30\nTotal,45\n", overlapping=("g",)).cells
        with pytest.raises(TableUnfit, match="does not come from its parts"):
            attacked("g,n\na,20\nb,30\nTotal,55\n", overlapping=("g",))

    def test_without_totals_nothing_is_told(self) -> None:
        """A hidden cell that no total ties has no ends."""
        assert ends(attacked("g,n\na,20\nb,*\n")) == {("b",): None}

    def test_one_row_and_nobody(self) -> None:
        """A table of one row, and one of zeros, end with an answer."""
        assert made_fit(pl.DataFrame({"g": ["a"], "n": [50]}), context_from({"count_column": "n"}), ACRO).passed
        nobody = pl.DataFrame({"g": ["a", "b", "Total"], "n": [0, 0, 0]})
        made = made_fit(nobody, context_from({"count_column": "n"}), ACRO)
        assert set(made.table["n"]) == {"*"}

    def test_a_combination_without_a_row_is_hidden_like_a_zero(self) -> None:
        """Where the owner hides zeros: the row is written, hidden, and protected."""
        table = pl.DataFrame({"a": ["x", "x", "y", "Total", "Total", "x", "y", "Total"],
                              "b": ["p", "q", "p", "p", "q", "Total", "Total", "Total"],
                              "n": [20, 30, 40, 60, 30, 50, 40, 90]})  # fmt: skip
        made = made_fit(table, context_from({"count_column": "n"}), ACRO)
        shown = {(a, b): n for a, b, n in made.table.rows()}
        assert shown["y", "q"] == "*"
        assert made.passed

    def test_rows_that_repeat_are_refused(self) -> None:
        """The same categories twice: which is it?"""
        with pytest.raises(TableUnfit, match="repeat"):
            attacked("g,n\na,20\na,30\n")


class TestAmounts:
    """Sums over people, with the largest contributions as evidence."""

    def judged(self, total: float, x1: float, x2: float, people: int = 20, profile: str = "acro_default") -> set[str]:
        """The rules that one amount breaks."""
        table = pl.DataFrame({"g": ["a"], "n": [people], "v": [total], "x1": [x1], "x2": [x2]})
        context = context_from({"count_column": "n", "value_column": "v", "largest": ("x1", "x2")})
        result: CheckResult = check_counts_table(table, context, criteria(profile), Stage.TRUE)
        return {rule.value for cell in result.cells if cell.column == "v" for rule in cell.rules}

    def test_dominance_and_p_percent(self) -> None:
        """x1 + x2 > 0.9 T; T - x1 - x2 < 0.1 x1; at the bound neither is broken."""
        assert self.judged(100, 50, 40) == set()
        assert self.judged(100, 50, 41) == {"dominance"}
        assert self.judged(100, 90, 2) == {"dominance", "p_percent"}
        assert self.judged(99, 90, 0) == {"dominance"}  # T - x1 - x2 = 9 = 0.1 x1: still allowed

    def test_everybody_the_same(self) -> None:
        """The mean tells each one's amount; zeros too, of which nobody has the most."""
        assert self.judged(100, 5, 5) == {"same_value"}
        assert self.judged(0, 0, 0) == {"same_value"}

    def test_negative_contributions_are_refused(self) -> None:
        """Shares mean nothing then: also where only the sum shows that somebody is below zero."""
        assert self.judged(-5, 3, 1) == {"negative_contribution"}
        assert self.judged(10, 30, 1) == {"negative_contribution"}

    def test_without_the_largest_there_is_no_pass(self) -> None:
        """A sum whose contributions nobody names cannot be judged."""
        table = pl.DataFrame({"g": ["a"], "n": [20], "v": [100]})
        result = check_counts_table(table, context_from({"count_column": "n", "value_column": "v"}), ACRO)
        assert "--largest" in result.problems[0]

    def test_a_hidden_amount_under_exact_totals(self) -> None:
        """Is attacked as counts are; so close that a guess is within p% counts as told."""
        text = "g,n,v\na,20,100.5\nb,*,*\nc,*,*\nTotal,60,300\n"
        found = attacked(text, value_column="v")
        amounts = {cell.categories["g"]: cell.interval for cell in found.cells if cell.column == "v"}
        assert amounts["b"] == pytest.approx((0, 199.5))
        text = "g,n,v\na,20,100.1\nb,*,*\nc,9,0.2\nTotal,60,300.3\n"
        told = attacked("g,n,v\na,20,100.1\nb,*,*\nTotal,60,300.3\n", value_column="v").told
        assert all(is_recovered(cell) for cell in told)
        assert {cell.column for cell in told} == {"n", "v"}

    def test_amounts_below_zero_have_no_ends(self) -> None:
        """Where shown amounts are negative, hidden ones may be."""
        found = attacked("g,n,v\na,20,-5\nb,*,*\nc,*,*\nTotal,60,300\n", value_column="v")
        assert {cell.interval for cell in found.cells if cell.column == "v" and cell.shown == "*"} == {(None, None)}

    def test_a_table_with_losses(self) -> None:
        """What is hidden of it may be below zero, though nothing shown is: the reader may be told so."""
        cells = {("a", "p"): [20] * 5, ("a", "q"): [-10] * 5, ("b", "p"): [60, 20, 5, 4, 1], ("b", "q"): [10] * 30}
        rows = pl.DataFrame([(*key, paid) for key, each in cells.items() for paid in each * (20 // len(each) or 1)],
                            schema=["g", "h", "v"], orient="row")  # fmt: skip
        with duckdb.connect(":memory:") as connection:
            connection.register("rows", rows.to_arrow())
            table, context = tabulate(connection, "rows", Question(("g", "h"), value="v"))
        made = made_fit(table, context, ACRO)
        assert made.passed
        assert made.primary["a", "q"][0].value == "negative_contribution"
        found = audit([(made.table, made.context)], negative=True)
        low = {tuple(cell.categories.values()): cell.interval for cell in found.cells if cell.column == "value"}
        assert low["a", "q"] == (None, None)
