"""A pair as its reviewer reads it: what a value stands for, a star where both differ, and lines that add up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from infra.cli.linkage_review import UNITS, adding_up, shown_lines
from linkage.matching.residual.shown import ShownField, ShownPair

PAIR = ShownPair(
    "p",
    "between_thresholds",
    7.494,
    ("gp", "hospital"),
    (
        ShownField("nhs_number", ("999 000 0018", ""), ("9990000018", "")),
        ShownField("surname", ("O'Neill", "O NEIL"), ("ONEILL", "ONEIL"), "jaro winkler 0.92", 4.444, 1.055),
        ShownField("sex", ("1", "Male"), ("M", "M"), "same", 0.995),
        ShownField("date_of_birth", ("1901-01-01", "1990-02-01"), ("", "1990-02-01")),
    ),
    (("where weighing starts", 1.0),),
)


def test_the_page_says_what_a_value_stands_for_and_adds_up() -> None:
    """As written, and what it stands for where that is not the same; the lines give the total to the last place."""
    lines = shown_lines(PAIR)
    assert [line[0] for line in lines] == [" ", " ", "*", " ", " ", " ", " ", " ", " "]
    assert "1 = M" in lines[4]
    assert "Male = M" in lines[4]
    assert "1901-01-01 = says nothing" in lines[5]
    assert "=" not in lines[1]  # blanks only
    figures = [float(line.split()[-1]) for line in (*lines[2:5], *lines[6:8])]
    assert sum(round(figure * UNITS) for figure in figures[:-1]) == round(figures[-1] * UNITS)


def test_a_pair_that_nothing_weighed_shows_no_weight() -> None:
    """A sample of what the ladder joined: no column of weights, no sum."""
    fields = (ShownField("sex", ("1", "2"), ("M", "F")),)
    lines = shown_lines(ShownPair("p", "sample_of_step_8", 0.0, ("gp", "hospital"), fields))
    assert len(lines) == 3
    assert "weight" not in lines[0]
    assert lines[1].startswith("* sex")


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=12), st.floats(-0.009, 0.009))
def test_the_parts_as_shown_add_up_to_the_total_as_shown(parts: list[float], kept_otherwise: float) -> None:
    """Whatever was kept to three places: no part is shown more than a hundredth away from what it is."""
    total = sum(parts) + kept_otherwise
    shown = [round(float(one) * UNITS) for one in adding_up(parts, total)]
    assert sum(shown) == round(total * UNITS)
    assert all(abs(units / UNITS - part) <= 1 / UNITS + 0.006 for units, part in zip(shown, parts, strict=True))
