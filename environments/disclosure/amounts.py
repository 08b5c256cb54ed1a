"""Which rule does an amount added up over people break? Pure questions over one cell (rules/disclosure.md).

With contributions x1 >= x2 >= ... of people, total T: dominance x1 + ... + xn > k*T; p%: T - x1 - x2 < p*x1; pq:
(T - x1 - x2)*q < p*x1; everybody the same; too few who contribute. Shares mean nothing where a contribution is
negative: then the cell is refused. Every reason is a sentence that says how to mend it, and repeats no number.
"""

from __future__ import annotations

import math

from environments.disclosure.evidence import Amount
from environments.disclosure.model import CellStatus
from environments.disclosure.profile import AmountRules
from environments.disclosure.rules import Finding

NEARLY = 1e-9  # binary fractions of equal numbers differ by so much
MEND = "hide it, or make the categories coarser."


def amount_findings(amount: Amount, people: int, rules: AmountRules) -> list[Finding]:
    """Every rule that a shown amount breaks, over so many people; an empty list: none."""
    if amount.number is None or people == 0:
        return []
    if _has_negative(amount):
        return [
            Finding(
                CellStatus.NEGATIVE_CONTRIBUTION,
                "Somebody's contribution is below zero, so nobody can say who dominates: hide it, or show its parts "
                "above and below zero by themselves.",
            )
        ]
    found = few_findings(amount, people, rules)
    largest = _largest(amount, people, rules.contributions_asked)
    if largest is None:
        found.append(
            Finding(CellStatus.MISSING, "One of the largest contributions is blank: write it, or hide the cell.")
        )
        return found
    return [*found, *_shares(amount.number, largest, rules), *_same(amount, people, largest, rules)]


def protection(amount: Amount, people: int, rules: AmountRules) -> float:
    """How far above and below its true value a hidden amount must stay possible, so that no rule is broken by guessing.

    The greatest of what each broken rule lacks (p%: p*x1 - (T - x1 - x2); dominance: (x1 + ... + xn)/k - T); where
    none of these is broken, the share p of the amount, and one where it is zero.
    """
    total = abs(amount.number or 0.0)
    largest = _largest(amount, people, rules.contributions_asked)
    lacking = [0.0]
    if largest is not None and not _has_negative(amount):
        rest = total - sum(largest[:2])
        first = largest[0] if largest else 0.0
        lacking += [sum(largest[: one.n]) / one.k - total for one in rules.dominance]
        lacking += [one.p / one.q * first - rest for one in rules.pq]
        if rules.p_percent is not None:
            lacking.append(rules.p_percent * first - rest)
    need = max(lacking)
    if need <= NEARLY * total:
        need = (rules.p_percent or 0.0) * total
    return need if need > 0 else 1.0


def tells_amount(low: float | None, high: float | None, rules: AmountRules) -> bool:
    """Is there a guess that is surely within the share p of the hidden amount, or are both ends the same?"""
    if low is None or high is None:
        return False
    scale = max(abs(low), abs(high))
    if high - low <= 1e-7 * scale:
        return True
    share = rules.p_percent or 0.0
    return low > 0 and (1 - share) * high <= (1 + share) * low


def _has_negative(amount: Amount) -> bool:
    total = amount.number or 0.0
    known = [one for one in (*amount.largest, amount.least) if one is not None]
    if total < 0 or any(one < 0 for one in known):
        return True
    shown = [one for one in amount.largest if one is not None]
    return bool(shown) and sum(shown) > total + NEARLY * max(abs(total), sum(shown))  # others bring it down again


def _largest(amount: Amount, people: int, asked: int) -> list[float] | None:
    """The largest contributions in order; None where one is not given that must be there."""
    contributors = people if amount.contributors is None else amount.contributors
    given = list(amount.largest[:asked])
    if any(one is None and place < contributors for place, one in enumerate(given)):
        return None
    return sorted((one or 0.0 for one in given), reverse=True)


def few_findings(amount: Amount, people: int, rules: AmountRules) -> list[Finding]:
    """Too few people who contribute, for any figure over them."""
    contributors = people if amount.contributors is None else amount.contributors
    if contributors >= rules.smallest_contributors:
        return []
    return [
        Finding(
            CellStatus.FEW_CONTRIBUTORS, f"Fewer than {rules.smallest_contributors} people have an amount here: {MEND}"
        )
    ]


def _shares(total: float, largest: list[float], rules: AmountRules) -> list[Finding]:
    found = []
    for one in rules.dominance:
        if sum(largest[: one.n]) > one.k * total * (1 + NEARLY):
            who = "largest contributor makes" if one.n == 1 else f"{one.n} largest contributors make"
            found.append(Finding(CellStatus.DOMINANCE, f"The {who} more than {one.k:.0%} of the amount: {MEND}"))
    rest, first = total - sum(largest[:2]), (largest[0] if largest else 0.0)
    room = NEARLY * abs(total)
    if rules.p_percent is not None and rest < rules.p_percent * first - room:
        found.append(
            Finding(
                CellStatus.P_PERCENT,
                f"The second largest contributor can guess the largest to within {rules.p_percent:.0%}: {MEND}",
            )
        )
    for pair in rules.pq:
        if rest * pair.q < pair.p * first - room:
            found.append(
                Finding(
                    CellStatus.PQ,
                    f"Who knows the others to {pair.q:.0%} can guess the largest contributor to {pair.p:.0%}: {MEND}",
                )
            )
    return found


def _same(amount: Amount, people: int, largest: list[float], rules: AmountRules) -> list[Finding]:
    """Everybody contributes the same: the mean tells each one's amount."""
    contributors = people if amount.contributors is None else amount.contributors
    if rules.same_value == "shown" or not largest or contributors < 1:
        return []
    if amount.least is not None:
        same = amount.least == largest[0]
    else:
        same = math.isclose(largest[0] * contributors, amount.number or 0.0, rel_tol=NEARLY)
    if not same:
        return []
    return [Finding(CellStatus.SAME_VALUE, f"Everybody here has the same amount, so it is told of each: {MEND}")]
