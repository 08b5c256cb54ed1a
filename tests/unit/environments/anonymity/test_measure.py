"""k, l and t of microdata whose answers are known: the Adult data, codes, nulls, people."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest

from environments.anonymity.errors import ColumnsUnfit
from environments.anonymity.model import AnonymityRequirement, ColumnRoles
from tests.fakes.microdata import adult, measured, written

PUBLISHED = "age education occupation relationship sex native-country"


@pytest.mark.parametrize(
    ("name", "quasi", "sensitive", "k", "least", "t"),
    [
        ("adult_k3", PUBLISHED, "salary-class", 3, 1, 0.7135636982914904),
        ("adult_k10", PUBLISHED, "salary-class", 10, 1, 0.634944543338354),
        ("adult_k20", PUBLISHED, "salary-class", 20, 1, 0.6684514003294892),
        ("adult", PUBLISHED, "salary-class", 1, 1, 0.7591904425539756),
        ("adult", "sex race", "salary-class", 109, 2, 0.18576368588639136),
        ("adult", "sex race", "occupation", 109, 11, 0.32220540754980986),
        ("adult", "sex race", "hours-per-week", 109, 23, 0.049617546210691386),
        ("adult", "education sex", "occupation", 16, 6, 0.6782132712625963),
        ("adult", "education sex", "salary-class hours-per-week", 16, 1, 0.5463805251986037),
        ("adult", "workclass marital-status", "hours-per-week", 1, 1, 0.34282106735645557),
    ],
)
def test_the_adult_data_as_pycanon_measures_them(
    tmp_path: Path,
    name: str,
    quasi: str,
    sensitive: str,
    k: int,
    least: int,
    t: float,
) -> None:
    """Published files of k 3, 10 and 20, and the data they were made of: the same k, l and t."""
    found = measured(adult(tmp_path, name), quasi, sensitive)
    assert (found.k, found.l) == (k, least)
    assert found.t == pytest.approx(t, abs=1e-12)


def test_the_adult_data_as_sql_counts_them(tmp_path: Path) -> None:
    """Rows below k = 5 are those that a window function over the file finds."""
    path = adult(tmp_path)
    found = measured(path, "age education sex race", "occupation", required=AnonymityRequirement(k=5))
    lines = (
        duckdb.connect()
        .sql(
            "SELECT line FROM (SELECT line, count(*) OVER (PARTITION BY age, education, sex, race) AS size FROM"
            f" (SELECT *, row_number() OVER () + 1 AS line FROM read_csv('{path}', all_varchar = true))) WHERE size < 5"
        )
        .fetchall()
    )
    assert {place for one in found.failing for place in one.places} == {line for (line,) in lines}


def test_codes_stay_text(tmp_path: Path) -> None:
    """01 is not 1, NA is not empty, and neither is a blank."""
    path = written(tmp_path, [("01",), ("1",), ("NA",), (None,), (" ",)], ["q"])
    assert measured(path, "q").classes == 5


def test_a_null_code_is_an_empty_cell(tmp_path: Path) -> None:
    """A text that was named as a null is one with the empty cells."""
    path = written(tmp_path, [("-9",), (None,), ("x",)], ["q"])
    assert measured(path, "q", null_codes=["-9"]).classes == 2


def test_what_matches_a_null_is_counted_once(tmp_path: Path) -> None:
    """With wildcards a full row is counted with the nulls that fit it, and a null with all that fit it."""
    path = written(tmp_path, [("a", "x"), ("a", None), (None, "y"), ("b", "y")], ["q", "r"])
    found = measured(path, "q r", nulls="wildcard", required=AnonymityRequirement(k=9))
    assert {one.name: one.size for one in found.failing} == {
        "q=a, r=x": 2,
        "q=a, r=(empty)": 3,
        "q=(empty), r=y": 3,
        "q=b, r=y": 2,
    }


def test_a_sensitive_null_that_may_be_anything_adds_no_diversity(tmp_path: Path) -> None:
    """Own value: two values. Wildcard: the null may be the other's value, so one."""
    path = written(tmp_path, [("a", "flu"), ("a", None)], ["q", "s"])
    assert measured(path, "q", "s").l == 2
    assert measured(path, "q", "s", nulls="wildcard").l == 1


class TestPeople:
    """Where a column says whose each row is."""

    def test_ten_rows_of_two_people_are_two(self, tmp_path: Path) -> None:
        """k counts people."""
        path = written(tmp_path, [("a", "p", "v"), ("a", "r", "w")] * 5, ["q", "p", "s"])
        assert measured(path, "q", "s", person="p").k == 2
        assert measured(path, "q", "s").k == 10

    def test_a_value_that_everybody_has_is_told(self, tmp_path: Path) -> None:
        """Though each has another value too: l is not met, and the class is named."""
        rows = [("a", person, value) for person in "pr" for value in ("flu", f"only {person}")]
        found = measured(
            written(tmp_path, rows, ["q", "p", "s"]), "q", "s", person="p", required=AnonymityRequirement(l=2)
        )
        assert found.l == 3
        assert found.sensitive[0].shared == 1
        assert [one.fails for one in found.failing] == [("l",)]

    def test_a_row_that_is_nobodys_is_refused(self, tmp_path: Path) -> None:
        """The first such row is named by its line."""
        path = written(tmp_path, [("a", "p"), ("a", None)], ["q", "p"])
        with pytest.raises(ColumnsUnfit, match="line 3"):
            measured(path, "q", person="p")


class TestOrder:
    """Which sensitive columns have an order."""

    @pytest.mark.parametrize(
        ("values", "ordered"),
        [
            (["1", "2.5", "-3"], True),
            (["1", None], True),
            (["01", "2"], False),
            (["1", "x"], False),
            ([None, None], False),
        ],
    )
    def test_numbers_have_one_and_codes_have_none(
        self, tmp_path: Path, values: list[str | None], ordered: bool
    ) -> None:
        """A CSV's column is of numbers if every value looks like one; a zero in front makes a code."""
        path = written(tmp_path, [("a", value) for value in values], ["q", "s"])
        assert measured(path, "q", "s").sensitive[0].ordered is ordered

    def test_a_parquet_file_says_it_itself(self, tmp_path: Path) -> None:
        """Text that looks like numbers stays text."""
        path = tmp_path / "m.parquet"
        pl.DataFrame({"q": ["a", "a"], "text": ["1", "2"], "number": [1, 2]}).write_parquet(path)
        assert [one.ordered for one in measured(path, "q", "text number").sensitive] == [False, True]

    def test_one_value_only_is_no_distance(self, tmp_path: Path) -> None:
        """A column that says the same of everybody: l = 1 and t = 0."""
        found = measured(written(tmp_path, [("a", "1"), ("b", "1")], ["q", "s"]), "q", "s")
        assert (found.l, found.t) == (1, 0)


@pytest.mark.parametrize(
    "build",
    [
        lambda: ColumnRoles(()),
        lambda: ColumnRoles(("a", "a")),
        lambda: ColumnRoles(("a",), ("a",)),
        lambda: ColumnRoles(("a",), ("b",), None, frozenset({"c"})),
        lambda: AnonymityRequirement(k=0),
        lambda: AnonymityRequirement(t=1.5),
        lambda: AnonymityRequirement(t=float("nan")),
    ],
)
def test_what_means_nothing_is_refused(build: object) -> None:
    """Columns in two roles, none at all, a k below 1, a t that is no share."""
    with pytest.raises(ColumnsUnfit):
        build()  # type: ignore[operator]


def test_diversity_of_nothing_is_refused(tmp_path: Path) -> None:
    """l is asked and no column is sensitive."""
    with pytest.raises(ColumnsUnfit, match="sensitive"):
        measured(written(tmp_path, [("a",)], ["q"]), "q", required=AnonymityRequirement(l=2))
