"""Which counts may be shown: the rule book of disclosure control, cell by cell, under the owners' profiles."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from environments.disclosure.check import check_counts_table
from environments.disclosure.errors import ContextInvalid, TableUnfit
from environments.disclosure.mitigate import shown_count, suppress_and_round
from environments.disclosure.model import CellStatus, CheckResult, context_from
from environments.disclosure.profile import criteria
from environments.disclosure.tables import read_table

OK, MASKED = "ok", "masked"


def checked(text: str, profile: str = "hes", **context: Any) -> CheckResult:
    """The check of a table written as CSV, whose counts stand in `people`."""
    table = read_table(text.encode())
    return check_counts_table(table, context_from({"count_column": "people", **context}), criteria(profile))


def statuses(text: str, profile: str = "hes", **context: Any) -> list[str]:
    """The status of each cell, in the table's order."""
    return [cell.status.value for cell in checked(text, profile, **context).cells]


def column(*counts: object) -> str:
    """A table of one category column."""
    return "group,people\n" + "".join(f"g{number},{count}\n" for number, count in enumerate(counts))


class TestOneCount:
    """A cell by itself."""

    @pytest.mark.parametrize(
        ("count", "shown"),
        [(0, "0"), (2, "*"), (3, "*"), (5, "*"), (8, "10"), (16, "15"), (24, "25"), (57, "55"), (10023, "10025")],
    )
    def test_hospital_episode_statistics_as_published(self, count: int, shown: str) -> None:
        """The published vectors: 0 stays 0, 1 to 7 are hidden, others to the nearest 5."""
        assert shown_count(count, criteria("hes").counts) == shown

    @pytest.mark.parametrize("count", [-1, 100_000_001])
    def test_what_is_no_count_of_people_is_refused(self, count: int) -> None:
        """Negative, or more than the country has."""
        with pytest.raises(TableUnfit):
            shown_count(count, criteria("hes").counts)

    @pytest.mark.parametrize(
        ("count", "status"),
        [
            ("-5", "negative"),
            ("100000005", "too_large"),
            ("4.2", "not_a_count"),
            ("", "missing"),
            ("few", "not_a_count"),
            ("1,000", "not_a_count"),
        ],
    )
    def test_each_gets_its_name(self, count: str, status: str) -> None:
        """In a finished table each kind of wrong count has its own status."""
        cell = f'"{count}"'
        assert statuses(column(120, cell, 50)) == [OK, status, OK]

    @pytest.mark.parametrize(
        ("profile", "smallest"),
        [("hes", 8), ("nhs_england_sde", 10), ("uk_llc", 10), ("ons", 10), ("sensitive_health", 5),
         ("isb_1523_weak", 3), ("isb_1523_strong", 5), ("acro_default", 10), ("opensafely", 8)],
    )  # fmt: skip
    def test_the_threshold_is_the_owners(self, profile: str, smallest: int) -> None:
        """One fewer than the threshold is a small count; the threshold itself is not."""
        assert statuses(column(smallest - 1, 500, 600), profile)[0] == "small_count"
        assert statuses(column(smallest, 500, 600), profile)[0] != "small_count"

    def test_rounding_is_the_owners(self) -> None:
        """121 is not rounded to five; where no base is asked for, it may stand."""
        assert statuses(column(121, 50)) == ["unrounded", OK]
        assert statuses(column(121, 50), "acro_default") == [OK, OK]

    @pytest.mark.parametrize(
        ("profile", "status"),
        [("hes", OK), ("nhs_england_sde", OK), ("opensafely", OK), ("ons", "zero"), ("uk_llc", "zero"),
         ("acro_default", "zero"), ("sensitive_health", "zero")],
    )  # fmt: skip
    def test_zero_is_the_owners(self, profile: str, status: str) -> None:
        """Some show it, some hide it."""
        assert statuses(column(0, 50, 60), profile)[0] == status

    def test_a_structural_zero_is_declared(self) -> None:
        """Under the rules for sensitive topics a zero stands where it could not be otherwise, if it is declared."""
        table = "sex,event,people\nF,delivery,50\nM,delivery,0\nF,fall,50\nM,fall,55\n"
        zeros = ({"sex": "M", "event": "delivery"},)
        assert "zero" in statuses(table, "sensitive_health")
        assert statuses(table, "sensitive_health", structural_zeros=zeros) == [OK] * 4

    def test_a_hidden_count_is_written_with_the_owners_mark(self) -> None:
        """`*` is a mark of HES; the rules for sensitive topics know [c] and [k]."""
        assert statuses(column(50, "*", 60)) == [OK, MASKED, OK]
        assert statuses(column(50, "*", 60), "sensitive_health") == [OK, "not_a_count", OK]
        assert statuses(column(50, "[c]", 60), "sensitive_health") == [OK, MASKED, OK]

    def test_midpoint_6_where_the_owner_knows_it(self) -> None:
        """0, 3, 9, 15 ...: accepted by OpenSAFELY when declared, by HES never."""
        assert statuses(column(0, 3, 9, 15), "opensafely", rounding="midpoint_6") == [OK] * 4
        assert statuses(column(4, 9), "opensafely", rounding="midpoint_6") == ["unrounded", OK]
        assert "Midpoint-6 rounding is not accepted by hes" in checked(column(9, 15), rounding="midpoint_6").problems[0]

    def test_a_linked_table_gets_the_strictest(self) -> None:
        """8 people and a zero pass under HES, and not where ONS is an owner too."""
        table = column(0, 10, 50)
        assert statuses(table, "hes") == [OK, OK, OK]
        assert statuses(table, "hes+ons") == ["zero", OK, OK]


class TestFullCells:
    """All of a line in one cell tells the value of everybody in it."""

    def test_everybody_has_it(self) -> None:
        """Of one group all have the condition: a cell in which everyone has it does not pass."""
        table = "group,has_it,people\na,yes,50\na,no,0\nb,yes,30\nb,no,60\nc,yes,40\nc,no,70\n"
        assert statuses(table) == ["full_cell", OK, OK, OK, OK, OK]

    def test_in_either_direction(self) -> None:
        """All who do not have it are of one group: that is told as well."""
        table = "group,has_it,people\na,yes,50\na,no,0\nb,yes,30\nb,no,60\n"
        assert statuses(table) == ["full_cell", OK, OK, "full_cell"]

    def test_a_group_that_is_left_out_is_nobody(self) -> None:
        """A grouped query leaves empty combinations out; that tells the same."""
        assert statuses("group,has_it,people\na,yes,50\nb,yes,30\nb,no,60\nc,yes,40\nc,no,70\n")[0] == "full_cell"

    def test_a_zero_that_could_not_be_otherwise_tells_nothing(self) -> None:
        """Declared structural zeros make no cell full."""
        table = "sex,event,people\nF,delivery,50\nM,delivery,0\nF,fall,50\nM,fall,55\n"
        assert statuses(table)[0] == "full_cell"
        assert set(statuses(table, structural_zeros=({"sex": "M", "event": "delivery"},))) == {OK}

    def test_a_child_belongs_to_one_parent(self) -> None:
        """Every ward lies in one district: that is no disclosure, once it is said."""
        table = "district,ward,people\nn,n1,50\nn,n2,60\ns,s1,70\ns,s2,80\n"
        assert "full_cell" in statuses(table)
        assert statuses(table, nested=(("ward", "district"),)) == [OK] * 4

    def test_one_category_in_all_is_a_filter(self) -> None:
        """A column with one value throughout divides nobody."""
        assert statuses("year,group,people\n2025,a,50\n2025,b,60\n") == [OK, OK]


class TestPeopleNotRows:
    """Count people: a patient has many episodes."""

    def test_parts_of_the_people_are_looked_at_from_both_sides(self) -> None:
        """Nearly all of a row's people in a part: those left over are too few; all of them: it is told of each."""
        table = "group,people,admitted\na,100,40\nb,100,95\nc,100,100\n"
        found = {cell.categories["group"]: cell.status for cell in
                 checked(table, further_counts=("admitted",)).cells if cell.column == "admitted"}  # fmt: skip
        assert found == {"a": CellStatus.OK, "b": CellStatus.SMALL_REMAINDER, "c": CellStatus.FULL}

    def test_events_are_counts_too(self) -> None:
        """Few events tell of few people; they are hidden and rounded like people."""
        table = "group,people,episodes\na,100,3\nb,100,260\nc,100,261\n"
        found = [cell.status.value for cell in checked(table, event_counts=("episodes",)).cells
                 if cell.column == "episodes"]  # fmt: skip
        assert found == ["small_count", OK, "unrounded"]

    def test_a_figure_stands_beside_a_count_that_is_shown(self) -> None:
        """A mean over people whose count is hidden is hidden too."""
        table = "group,people,mean\na,100,3.4\nb,*,2.2\nc,*,*\nd,100,much\n"
        found = [cell.status.value for cell in checked(table, figures=("mean",)).cells if cell.column == "mean"]
        assert found == [OK, "figure_on_hidden_count", MASKED, "not_a_count"]

    def test_without_the_people_there_is_no_check(self) -> None:
        """A table without the count it names is not judged."""
        result = checked("group,mean\na,3.4\n", figures=("mean",))
        assert not result.passed
        assert "There is no column 'people'" in result.problems[0]


class TestTotals:
    """A total minus its shown parts tells what is hidden."""

    def test_one_hidden_cell_under_an_exact_total(self) -> None:
        """20 and 15 shown, 38 in all: the hidden one is three."""
        result = checked("group,people\na,20\nb,15\nc,*\nTotal,38\n", "isb_1523_strong")
        assert [cell.status.value for cell in result.cells] == [OK, OK, "derivable", OK]
        assert result.cells[2].interval == (3, 3)

    def test_two_hidden_cells_protect_each_other(self) -> None:
        """With two of them hidden a reader knows their sum only."""
        table = "group,people\na,20\nb,*\nc,*\nTotal,25\n"
        assert statuses(table, "acro_default", secondary_suppression=True)[1:3] == [MASKED, MASKED]

    def test_two_that_can_only_be_one_each(self) -> None:
        """Unless the sum leaves them nothing else."""
        assert statuses("group,people\na,20\nb,*\nc,*\nTotal,22\n", "isb_1523_strong")[1:3] == ["derivable"] * 2

    def test_rounding_protects(self) -> None:
        """Everything rounded to five: a hidden cell keeps enough possible values."""
        assert statuses("group,people\na,20\nb,15\nc,*\nTotal,40\n") == [OK, OK, MASKED, OK]

    def test_rounding_does_not_always_protect(self) -> None:
        """10 shown of 20: the hidden one can only be six or seven."""
        assert statuses("group,people\na,10\nb,*\nTotal,20\n") == [OK, "derivable", OK]

    def test_in_two_directions(self) -> None:
        """Two hidden in a row, yet each alone in its column: column totals tell both."""
        table = (
            "age,sex,people\nyoung,F,*\nyoung,M,*\nold,F,40\nold,M,50\n"
            "Total,F,43\nTotal,M,54\nyoung,Total,7\nold,Total,90\nTotal,Total,97\n"
        )
        found = statuses(table, "isb_1523_strong")
        assert found[:2] == ["derivable", "derivable"]

    def test_a_combination_without_a_row_is_told_too(self) -> None:
        """A dropped row under a total is as good as shown."""
        found = statuses("group,sex,people\na,F,20\na,Total,23\nb,F,30\nb,M,40\nb,Total,70\n", "isb_1523_strong")
        assert found[1] == "total_tells"

    def test_totals_of_what_is_shown(self) -> None:
        """OpenSAFELY: a total is the sum of its rounded parts; another tells what is hidden."""
        assert statuses("group,people\na,20\nb,15\nc,*\nTotal,35\n", "opensafely") == [OK, OK, MASKED, OK]
        assert statuses("group,people\na,20\nb,15\nc,*\nTotal,40\n", "opensafely")[3] == "total_tells"

    def test_totals_that_cannot_be(self) -> None:
        """A total below its parts is an error of the table."""
        result = checked("group,people\na,20\nb,*\nTotal,10\n")
        assert "cannot come from these cells" in result.problems[0]

    def test_a_total_by_another_name_is_named(self) -> None:
        """`T` is a category until it is named; a named code that is nowhere is a slip."""
        table = "group,people\na,10\nb,*\nT,20\n"
        assert statuses(table) == [OK, MASKED, OK]
        assert statuses(table, total_codes=("T",)) == [OK, "derivable", OK]
        assert "No row carries the total code 'TT'" in checked(table, total_codes=("TT",)).problems[0]

    def test_codes_stay_text(self) -> None:
        """01 is 01, and NA is a category."""
        result = checked("group,people\n01,50\nNA,60\n")
        assert [cell.categories["group"] for cell in result.cells] == ["01", "NA"]


class TestTheWholeTable:
    """What makes a table impossible to judge."""

    def test_rows_that_repeat(self) -> None:
        """The same categories twice: one of the columns is missing."""
        assert any("Rows repeat" in problem for problem in checked("group,people\na,50\na,60\nb,10\n").problems)

    def test_no_rows(self) -> None:
        """Nothing to check is not a pass."""
        assert not checked("group,people\n").passed

    def test_a_column_named_twice(self) -> None:
        """A count is people, a part, or events: one of them."""
        assert "named twice" in checked(column(50, 60), event_counts=("people",)).problems[0]

    def test_a_list_of_people(self) -> None:
        """So many categories against each other that it is closer to a list: refused."""
        rows = "".join(f"a{number},b{number},c{number},10\n" for number in range(900))
        with pytest.raises(TableUnfit, match="closer to a list"):
            checked("x,y,z,people\n" + rows)

    def test_an_unknown_key_of_the_context(self) -> None:
        """Misspelt is an error."""
        with pytest.raises(ContextInvalid, match="unknown key 'counts'"):
            context_from({"count_column": "n", "counts": "n"})


class TestSuppressAndRound:
    """Made fit, and checked from scratch."""

    def test_a_table_with_totals(self) -> None:
        """What comes out passes the check of a finished table, by itself."""
        counts = {("F", "y"): 23, ("F", "o"): 4, ("M", "y"): 31, ("M", "o"): 42}
        rows = [(sex, age, n) for (sex, age), n in counts.items()]
        rows += [(sex, "Total", sum(n for (s, _), n in counts.items() if s == sex)) for sex in "FM"]
        rows += [("Total", age, sum(n for (_, a), n in counts.items() if a == age)) for age in "yo"]
        rows += [("Total", "Total", sum(counts.values()))]
        table = pl.DataFrame(rows, schema=["sex", "age", "people"], orient="row")
        for name in ("hes", "acro_default", "uk_llc", "opensafely", "hes+nhs_england_sde+ons"):
            made = suppress_and_round(table, context_from({"count_column": "people"}), criteria(name))
            again = check_counts_table(made.table, made.context, criteria(name))
            assert made.result.passed, (name, made.result.problems)
            assert again.passed
            assert made.table["people"][1] in criteria(name).counts.masks

    def test_figures_are_hidden_with_their_counts(self) -> None:
        """A mean over hidden people does not stay."""
        table = pl.DataFrame({"g": ["a", "b"], "people": [4, 50], "mean": ["2.2", "3.3"]})
        context = context_from({"count_column": "people", "figures": ("mean",)})
        made = suppress_and_round(table, context, criteria("hes"))
        assert made.table["mean"].to_list() == ["*", "3.3"]

    def test_what_hiding_cannot_mend_is_told(self) -> None:
        """A full cell needs coarser categories; the result says so and does not pass."""
        table = pl.DataFrame({"g": ["a", "a", "b", "b"], "has": ["y", "n", "y", "n"], "people": [50, 0, 30, 60]})
        made = suppress_and_round(table, context_from({"count_column": "people"}), criteria("hes"))
        assert not made.result.passed
        assert "make the categories coarser" in made.result.problems[0]

    @pytest.mark.parametrize("count", ["4.2", "-1", "100000001", "x", ""])
    def test_only_true_counts_are_taken(self, count: str) -> None:
        """Fractions, negatives, text and blanks are refused, without their value in the message."""
        table = pl.DataFrame({"g": ["a"], "people": [count]})
        with pytest.raises(TableUnfit) as caught:
            suppress_and_round(table, context_from({"count_column": "people"}), criteria("hes"))
        assert not count or count not in str(caught.value)
