"""Which rule does a shown count break? Pure questions over one cell and its line (rules/disclosure.md).

Count people, not rows; every reason is a sentence that says how to mend it, and repeats no count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from environments.disclosure.model import CellStatus, TableContext
from environments.disclosure.profile import CountRules

LARGEST_COUNT = 100_000_000  # more people than the country has: not a count of people
MIDPOINT = 6
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE]-?\d+)?%?")


Interval = tuple["float | None", "float | None"]


@dataclass(frozen=True)
class Finding:
    """A status and its reason."""

    status: CellStatus
    reason: str = ""


OK = Finding(CellStatus.OK)


def number_finding(
    number: int, structural: bool, rules: CountRules, context: TableContext, *, rounded: bool = True
) -> Finding:
    """The status of a shown whole number by itself. rounded: must it be rounded already?"""
    if number < 0:
        return Finding(CellStatus.NEGATIVE, "A count of people is never negative: correct the table.")
    if number > LARGEST_COUNT:
        return Finding(CellStatus.TOO_LARGE, "No count of people is so large: name the column that counts people.")
    if number == 0:
        return zero_finding(structural, rules)
    if context.rounding == "midpoint_6" and rounded:
        return _midpoint_finding(number)
    if number < rules.smallest_shown:
        return Finding(
            CellStatus.SMALL,
            f"Fewer than {rules.smallest_shown} people: hide it as {rules.masks[0]}, or make the categories coarser.",
        )
    if rounded and context.rounding != "cell_key" and rules.base and number % rules.base:
        return Finding(CellStatus.UNROUNDED, f"Not rounded: round to the nearest {rules.base}.")
    return OK


def zero_finding(structural: bool, rules: CountRules) -> Finding:
    """May a zero stand?"""
    if rules.zero == "shown" or (structural and rules.zero == "structural"):
        return OK
    mend = f"hide it as {rules.masks[0]}"
    if rules.zero == "structural":
        mend += ", or declare it under structural_zeros if it could not be otherwise"
    return Finding(CellStatus.ZERO, f"Nobody: the owner does not let this be shown; {mend}.")


def _midpoint_finding(number: int) -> Finding:
    """Midpoint-6: 3, 9, 15, ...; each stands for six possible counts, the smallest for one to six."""
    if number % MIDPOINT == MIDPOINT // 2:
        return OK
    return Finding(CellStatus.UNROUNDED, "Not a midpoint: each count x becomes ceil(x/6)*6 - 3, and zero stays zero.")


def masked_finding(rules: CountRules) -> Finding:
    """A hidden cell is as it should be, until an attack tells otherwise."""
    return Finding(CellStatus.MASKED, f"Hidden as {' or '.join(rules.masks)}.")


def blank_finding(rules: CountRules) -> Finding:
    """Nothing there: zero, or hidden?"""
    return Finding(CellStatus.MISSING, f"Blank: write 0 where nobody was counted, {rules.masks[0]} where it is hidden.")


def other_finding(rules: CountRules) -> Finding:
    """Neither a whole number nor one of the marks."""
    return Finding(
        CellStatus.NOT_A_COUNT,
        f"Not a whole number: write counts without decimals, separators or units, hidden ones as {rules.masks[0]}.",
    )


def full_finding(column: str) -> Finding:
    """All of a line in one cell: whoever is in the line has this value."""
    return Finding(
        CellStatus.FULL,
        f"Everybody counted across '{column}' is in this one cell, so the value is told of each of them: "
        "make the categories coarser, or leave the row out together with its line.",
    )


def remainder_finding(people: int, part: int, rules: CountRules) -> Finding:
    """A part of the people: those not in it may be too few, or nobody."""
    if part == people:
        return Finding(
            CellStatus.FULL,
            "Everybody counted in this row is in the part as well, so it is told of each of them: hide it.",
        )
    if 0 < people - part < rules.smallest_shown:
        return Finding(
            CellStatus.SMALL_REMAINDER,
            f"Fewer than {rules.smallest_shown} of the row's people are outside this part: hide it.",
        )
    return OK


def derivable_finding(interval: Interval, *, amount: bool = False) -> Finding:
    """Hidden, but the totals and the other cells leave an attacker too few possible values."""
    left = (interval[1] or 0) - (interval[0] or 0) + 1
    what = "leave only values close together" if amount else f"leave only {left:.0f} possible value{'s' * (left > 1)}"
    return Finding(
        CellStatus.DERIVABLE,
        f"Hidden, but the totals and its neighbours {what}: "
        f"hide another cell of its line as well, or leave the total out.",
    )


def adding_finding() -> Finding:
    """A total that is not the sum of its parts, though all of them are shown."""
    return Finding(
        CellStatus.NOT_ADDING_UP,
        "The total is not the sum of its parts: correct it, or name the columns in which one person can be in several "
        "categories.",
    )


def amount_finding(shown: bool, people_shown: bool, rules: CountRules) -> Finding:
    """An amount by itself: shown beside a count that is shown, or hidden."""
    if not shown:
        return Finding(CellStatus.MASKED, "Not shown.")
    if not people_shown:
        return Finding(
            CellStatus.FIGURE_ON_HIDDEN,
            f"An amount over people whose count is hidden: hide it as {rules.masks[0]} too.",
        )
    return OK


def total_finding() -> Finding:
    """Under 'totals are sums of rounded cells', a total knows no more than its shown parts."""
    return Finding(
        CellStatus.TOTAL_TELLS,
        "Not the sum of its shown parts, so the difference tells what is hidden: add up the rounded cells as shown.",
    )


def absent_finding() -> Finding:
    """A total that leaves too few possible values for a combination that has no row."""
    return Finding(
        CellStatus.TOTAL_TELLS,
        "This total tells how many people are in a combination that has no row: leave the total out, "
        "or show the combination and hide it with another.",
    )


def figure_finding(text: str, people_shown: bool, rules: CountRules) -> Finding:
    """A mean or a rate: a number beside a count that is shown; hidden where the count is hidden."""
    if text in ("", *rules.masks):
        return Finding(CellStatus.MASKED, "Not shown.")
    if not people_shown:
        return Finding(
            CellStatus.FIGURE_ON_HIDDEN,
            f"A figure over people whose count is hidden: hide it as {rules.masks[0]} too.",
        )
    if not NUMBER.fullmatch(text):
        return Finding(CellStatus.NOT_A_COUNT, f"A figure is a number, or hidden as {rules.masks[0]}.")
    return OK


def true_range(number: int, rules: CountRules, context: TableContext) -> tuple[int, int]:
    """The true counts that a shown number may stand for, as a reader knows who knows the rules."""
    if number == 0:
        return (0, 0)
    if context.rounding == "midpoint_6":
        return (number - MIDPOINT // 2 + 1, number + MIDPOINT // 2)
    if not rules.base or number % rules.base:
        return (number, number)
    half = rules.base // 2
    return (max(min(rules.smallest_shown, number), number - half), number + half)


def hidden_range(rules: CountRules, context: TableContext) -> tuple[int, int | None]:
    """What a reader thinks possible for a hidden count before looking at totals; None: no upper end."""
    lowest = 0 if rules.mask_may_hide_zero else 1
    if context.secondary_suppression:
        return (lowest, None)
    return (lowest, rules.smallest_shown - 1)


def too_narrow(interval: Interval, rules: CountRules) -> bool:
    """Does this interval tell a small hidden count? Large ones, and a zero that may be shown, are no secret."""
    low, high = interval[0] or 0, interval[1]
    if high is None or low >= rules.smallest_shown or (high == 0 and rules.zero == "shown"):
        return False
    return high - low + 1 < values_left(rules)


def values_left(rules: CountRules) -> int:
    """How many values of a small hidden count must stay possible; not more than there were before the totals."""
    possible_before = rules.smallest_shown if rules.mask_may_hide_zero else rules.smallest_shown - 1
    return min(rules.least_hidden_values, possible_before)
