"""What do a data engineer and a controller ask first of a linkage? Five figures, each with a sentence, and its section.

Made of what the other sections show and may leave the linkage unit, under the same suppression: no figure is new.
"""

from __future__ import annotations

from itertools import groupby

from audit.suppression import shown_count
from linkage.matching.quality.measured import Measured, Section
from linkage.matching.quality.rates import OF_FEW, MatchRate
from linkage.matching.quality.shares import HIDDEN, bounds, percent, said

GLANCE, PAIRS = "at_a_glance", "found_elsewhere"
NOT_TRIED = "not tried"
NO_GROUP_OF_PEOPLE = OF_FEW | {"all rows", "year of the record"}
NEARLY_ALL = 90.0
"""Per cent. Groups are compared in tables whose rows are found elsewhere so often, or in the one that is most: there a
gap tells of linkage, and not of who needs care."""
HEADERS = ("question", "figure", "in a sentence", "section")
IN_THE_LARGER = "of the smaller dataset's people so many are found in the larger, %"
Figure = list[str]


def at_a_glance(measured: Measured) -> Section:
    """The first section. rows: question, figure, sentence, and the key of the section that tells more."""
    rows = [_linked(measured), _precision(measured), _missed(measured), _gap(measured), _waiting(measured)]
    about = "What is asked first. Shares are in per cent with their 95 % interval; each leads to its section."
    return Section(GLANCE, "At a glance", True, HEADERS, rows, about, _plot(measured))


def found_elsewhere(measured: Measured) -> Section:
    """Of each dataset's people, how many are in another one too."""
    rows = [
        [one, other, shown_count(of), percent(found, of)] for one, other, of, found in measured.counts.get("pairs", [])
    ]
    about = (
        "Of the people of the one dataset, how many the linkage found in the other too; by people, not rows, and of"
        " identified records only. Who is in no other dataset is no missed link: expect no hundred per cent."
    )
    headers = ("people of", "found in", "people", "found, %")
    return Section(PAIRS, "Linked people by dataset pair", True, headers, rows, about)


def _smaller_in_larger(measured: Measured) -> list[tuple[str, int, int]]:
    """Of each two datasets: the smaller one's people in the larger one, as a label and raw counts."""
    pairs = measured.counts.get("pairs", [])
    sizes = {one: of for one, _, of, _ in pairs}
    return [
        (f"{one} in {other}", found, of) for one, other, of, found in pairs if (of, one) < (sizes.get(other, of), other)
    ]


def _plot(measured: Measured) -> tuple[list[str], list[float], str] | None:
    shares = [(label, said(found, of)) for label, found, of in _smaller_in_larger(measured)]
    shown = [(label, share) for label, share in shares if share is not None]
    return ([label for label, _ in shown], [share for _, share in shown], IN_THE_LARGER) if shown else None


def _linked(measured: Measured) -> Figure:
    shares = [(share, label) for label, found, of in _smaller_in_larger(measured) if (share := said(found, of))]
    question = "How many are linked?"
    if not shares:
        return [question, "hidden", "No two datasets have people enough for a share to be shown.", PAIRS]
    low, high = min(shares), max(shares)
    figure = f"{low[0]:.1f} %" if low == high else f"{low[0]:.1f} to {high[0]:.1f} %"
    sentence = (
        f"Of the smaller dataset's people so many per cent are found in the larger one, from {low[1]} to {high[1]}."
        if low != high
        else f"So many per cent of the smaller dataset's people are found in the larger one ({low[1]})."
    )
    return [question, figure, sentence, PAIRS]


def _precision(measured: Measured) -> Figure:
    question, hidden = "How many links are right?", measured.hidden
    joined = sum(step.joined for step in hidden.by_step) if hidden else 0
    if hidden is None or not joined:
        return [question, NOT_TRIED, "Too few people share NHS numbers between datasets to try it.", "trials"]
    sentence = "Of the links that were made with the NHS number hidden, so many per cent join the same person."
    return [question, _per_cent(joined - hidden.wrong, joined), sentence, "trials"]


def _missed(measured: Measured) -> Figure:
    question, hidden = "How many links are missed?", measured.hidden
    if hidden is None:
        return [question, NOT_TRIED, "Too few people share NHS numbers between datasets to try it.", "trials"]
    sentence = (
        "Of the people whose NHS number was hidden, so many per cent were not found again without it. So it is for"
        " records without a number; of those with one fewer are missed."
    )
    return [question, _per_cent(hidden.tried - hidden.found, hidden.tried), sentence, "trials"]


def _gap(measured: Measured) -> Figure:
    """The gap that is surest: that between the nearer ends of two groups' intervals is the largest."""
    question, tables = "Who is linked less often?", _well_linked(measured.rates)
    kinds = [rate for rate in measured.rates if rate.by not in NO_GROUP_OF_PEOPLE and rate.table in tables]
    found = [_ends(list(rates)) for _, rates in groupby(kinds, key=lambda one: (one.table, one.by))]
    gaps = [gap for gap in found if gap is not None]
    if not gaps:
        return [question, "hidden", "No two groups have people enough for a gap to be shown.", _first(kinds)]
    sure, points, best, worst = max(gaps, key=lambda gap: gap[:2])
    sentence = (
        f"The clearest gap is in {worst.by} ({worst.table}): {worst.group} is found elsewhere less often than"
        f" {best.group}, by so many points." + ("" if sure > 0 else " Chance alone may make such a gap.")
    )
    return [question, f"{points:.1f} points", sentence, f"match_rates_of_{worst.table}"]


def _ends(rates: list[MatchRate]) -> tuple[float, float, MatchRate, MatchRate] | None:
    """Of the groups of one kind the best and the worst linked: the sure gap, the gap as it is seen, and both."""
    known = [(found, rate) for rate in rates if (found := bounds(rate.matched, rate.rows))]
    if len(known) < 2:
        return None
    best, worst = max(known, key=lambda one: one[0][1]), min(known, key=lambda one: one[0][2])
    if best is worst:
        return None
    return best[0][1] - worst[0][2], abs(best[0][0] - worst[0][0]), best[1], worst[1]


def _per_cent(part: int, whole: int) -> str:
    share = percent(part, whole)
    return share if share == HIDDEN else f"{share} %"


def _well_linked(rates: list[MatchRate]) -> set[str]:
    """The tables in which a gap between groups tells most of linkage."""
    shares = {one.table: share for one in rates if one.by == "all rows" and (share := said(one.matched, one.rows))}
    return {table for table, share in shares.items() if share >= min(NEARLY_ALL, max(shares.values()))}


def _first(kinds: list[MatchRate]) -> str:
    """A section on rates, if there is one."""
    return f"match_rates_of_{kinds[0].table}" if kinds else PAIRS


def _waiting(measured: Measured) -> Figure:
    waiting = sum(measured.weights.asked.values())
    sentence = (
        "So many pairs of records weigh too much to leave apart and too little to join: a linkage reviewer decides."
        if waiting
        else "No pair is doubtful: nobody has to decide."
    )
    return ["How much waits for review?", f"{shown_count(waiting)} pairs", sentence, "not_joined_because"]
