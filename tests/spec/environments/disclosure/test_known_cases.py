"""Tables that others have judged before: ACRO's own test data, what it gets wrong, and that ours does not."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest

from environments.disclosure.audit import audit
from environments.disclosure.cellkey import PTable, perturb
from environments.disclosure.check import check_counts_table
from environments.disclosure.errors import TableUnfit
from environments.disclosure.methods import made_fit
from environments.disclosure.microdata import Question, read_microdata, tabulate
from environments.disclosure.model import CheckResult, Stage, TableContext
from environments.disclosure.profile import criteria

CHARITIES = Path(__file__).parent / "known" / "charities.csv"
ACRO = criteria("acro_default")
SMALL_CHARITY_CELLS = {(str(year), "R/G") for year in range(2010, 2016)}
NURSERY = {
    "not_recom": {"great_pret": 1440, "pretentious": 1440, "usual": 1440},
    "priority": {"great_pret": 858, "pretentious": 1484, "usual": 1924},
    "recommend": {"great_pret": 0, "pretentious": 0, "usual": 2},
    "spec_prior": {"great_pret": 2022, "pretentious": 1264, "usual": 758},
    "very_recom": {"great_pret": 0, "pretentious": 132, "usual": 196},
}


def of_frame(rows: pl.DataFrame, question: Question) -> tuple[pl.DataFrame, TableContext]:
    """The table that microdata in memory make."""
    with duckdb.connect(":memory:") as connection:
        connection.register("rows", rows.to_arrow())
        return tabulate(connection, "rows", question)


def charities(value: str | None = None) -> tuple[pl.DataFrame, TableContext]:
    """Year by type of grant."""
    with duckdb.connect(":memory:") as connection:
        read_microdata(connection, CHARITIES).create_view("charities")
        return tabulate(connection, "charities", Question(("year", "grant_type"), value=value))


def breaking(result: CheckResult, rule: str, column: str = "people") -> set[tuple[str, ...]]:
    """The inner cells that break a rule."""
    return {
        tuple(cell.categories.values())
        for cell in result.cells
        if cell.column == column and not cell.total and rule in {one.value for one in cell.rules}
    }


class TestAcroTestData:
    """What ACRO's tests expect, recomputed."""

    def test_charities_by_year_and_type(self) -> None:
        """Six cells of eight rows are small; the margins are right."""
        table, context = charities()
        counts = {(year, kind): people for year, kind, people in table.rows()}
        assert (counts["Total", "R/G"], counts["Total", "G"], counts["Total", "Total"]) == (48, 90, 918)
        result = check_counts_table(table, context, ACRO, Stage.TRUE)
        assert breaking(result, "small_count") == SMALL_CHARITY_CELLS

    def test_amounts_of_charities(self) -> None:
        """Dominance and p% name one cell; of the cell of zeros everybody's amount is told, but nobody dominates."""
        table, context = charities("inc_grants")
        result = check_counts_table(table, context, ACRO, Stage.TRUE)
        assert breaking(result, "dominance", "value") == {("2010", "R/G")}
        assert breaking(result, "p_percent", "value") == {("2010", "R/G")}
        assert breaking(result, "same_value", "value") == {("2010", "N")}
        assert breaking(result, "few_contributors", "value") == SMALL_CHARITY_CELLS | {("2010", "N")}
        evidence = table.filter(pl.col("year") == "2010", pl.col("grant_type") == "R/G").row(0, named=True)
        assert evidence["largest_1"] == pytest.approx(36645000)
        assert evidence["largest_1"] + evidence["largest_2"] == pytest.approx(44718000)

    def test_nursery_by_class_and_parents(self) -> None:
        """Four cells below ten: three of nobody among them, which a grouped query would leave out."""
        rows = pl.DataFrame(
            [(one, parents) for one, line in NURSERY.items() for parents, n in line.items() for _ in range(n)],
            schema=["class", "parents"], orient="row",
        )  # fmt: skip
        table, context = of_frame(rows, Question(("class", "parents")))
        result = check_counts_table(table, context, ACRO, Stage.TRUE)
        assert len(breaking(result, "zero")) == 3
        assert breaking(result, "small_count") == {("recommend", "usual")}


class TestWhatAcroGetsWrong:
    """Defects of the leading checker, and of their kind."""

    def test_an_integer_column_with_margins_is_suppressed_all_the_same(self) -> None:
        """Codes are text: the year hides what is small, and no shown number tells any of the six eights."""
        table, context = charities()
        made = made_fit(table, context, ACRO)
        shown = {(year, kind): text for year, kind, text in made.table.rows()}
        assert made.passed
        assert all(shown[cell] == "*" for cell in SMALL_CHARITY_CELLS)
        found = audit([(made.table, made.context)], ACRO)
        assert not found.told
        assert all(cell.interval is None or cell.interval[0] != cell.interval[1] for cell in found.cells
                   if tuple(cell.categories.values()) in SMALL_CHARITY_CELLS)  # fmt: skip

    def test_years_read_from_parquet_are_codes_as_well(self, tmp_path: Path) -> None:
        """Whatever the column's type: the same table."""
        path = tmp_path / "charities.parquet"
        pl.read_csv(CHARITIES).write_parquet(path)
        with duckdb.connect(":memory:") as connection:
            read_microdata(connection, path).create_view("charities")
            table, _ = tabulate(connection, "charities", Question(("year", "grant_type")))
        assert table.equals(charities()[0])

    def test_everybody_has_it(self) -> None:
        """A cell in which all of its line have the condition does not pass."""
        rows = pl.DataFrame({"ward": ["a"] * 50 + ["b"] * 60, "has": ["yes"] * 50 + ["yes", "no"] * 30})
        table, context = of_frame(rows, Question(("ward", "has")))
        assert ("a", "yes") in breaking(check_counts_table(table, context, ACRO, Stage.TRUE), "full_cell")
        made = made_fit(table, context, ACRO)
        shown = {(ward, has): text for ward, has, text in made.table.rows()}
        assert made.passed
        assert shown["a", "no"] == "*"
        assert shown["a", "yes"] == "*" or shown["a", "Total"] == "*"

    def test_people_are_counted_not_rows(self) -> None:
        """Forty rows of four people are four people, and one who gives often gives their sum."""
        rows = pl.DataFrame({"g": ["a"] * 40 + ["b"] * 40, "who": [n % 4 for n in range(40)] + list(range(40)),
                             "paid": [1.0] * 80})  # fmt: skip
        table, context = of_frame(rows, Question(("g",), person="who", value="paid"))
        assert dict(table.select("g", "people").rows())["a"] == 4
        assert dict(table.select("g", "largest_1").rows())["a"] == 10
        result = check_counts_table(table, context, ACRO, Stage.TRUE)
        assert breaking(result, "small_count") == {("a",)}

    def test_an_empty_table_is_not_a_pass(self) -> None:
        """Nothing that was looked at is nothing that passed."""
        assert not check_counts_table(pl.DataFrame({"g": [], "n": []}), TableContext(count_column="n"), ACRO).passed


class TestCellKeys:
    """The method of the Office for National Statistics: equal groups get equal noise, in whatever table."""

    PTABLE = PTable(
        {(pcv, ckey): (ckey % 3 - 1) if pcv > 1 else 0 for pcv in range(1, 751) for ckey in range(256)}, 256
    )

    def perturbed(
        self, rows: pl.DataFrame, by: tuple[str, ...], person: str | None = None
    ) -> dict[tuple[str, ...], str]:
        """The shown counts of rows that carry record keys."""
        with duckdb.connect(":memory:") as connection:
            connection.register("rows", rows.to_arrow())
            made = perturb(connection, "rows", Question(by, person), "key", self.PTABLE, criteria("ons"))
        assert made.passed
        return {tuple(row[:-1]): row[-1] for row in made.table.rows()}

    def test_by_hand(self) -> None:
        """Thirty people with keys 0 to 29: their sum 435 is 179 modulo 256, to which the p-table adds one."""
        rows = pl.DataFrame({"g": ["a"] * 30 + ["b"] * 4, "key": [*range(30), 1, 2, 3, 4], "half": ["x", "y"] * 17})
        assert 435 % 256 % 3 - 1 == 1
        assert self.perturbed(rows, ("g",))["a",] == "31"
        assert self.perturbed(rows, ("g",))["b",] == "*"  # fewer than ten afterwards

    def test_the_same_people_get_the_same_noise(self) -> None:
        """As a cell of a finer table, as a total, and with several rows for one person."""
        rows = pl.DataFrame({"g": ["a"] * 40 + ["b"] * 40, "h": ["x", "y"] * 40, "who": list(range(80)),
                             "key": [n * 37 % 256 for n in range(80)]})  # fmt: skip
        one, two = self.perturbed(rows, ("g",)), self.perturbed(rows, ("g", "h"))
        assert one["a",] == two["a", "Total"]
        assert self.perturbed(pl.concat([rows, rows]), ("g",), "who") == one

    def test_large_counts_take_turns(self) -> None:
        """751 is looked up as 501, 1000 as 750, 1001 as 501 again."""
        rows = {(501, 7): 2, (750, 7): -2}
        table = PTable(rows, 256)
        assert [table.perturbed(n, 7) for n in (501, 751, 1000, 1001)] == [503, 753, 998, 1003]
        with pytest.raises(TableUnfit, match="no row"):
            table.perturbed(502, 7)

    def test_exact_counts_are_not_passed_off_as_perturbed(self) -> None:
        """A finished table that says so is refused: only the haven's own run is believed."""
        table = pl.DataFrame({"g": ["a"], "n": ["31"]})
        context = TableContext(count_column="n", rounding="cell_key")
        assert "where the haven perturbs it" in check_counts_table(table, context, criteria("ons")).problems[0]
