"""What does a researcher, a journal or a controller have to be told of the linkage? A text that may leave.

Its order is that of the GUILD guidance (Gilbert and others, 2018: provision, linkage, what came of it); each part names
the items of RECORD (Benchimol and others, 2015) that it answers. Only sections that may leave are in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from audit.suppression import SMALLEST_SHOWN, shown_count
from linkage.matching.ladder import FIELDS, LADDER, ON_EVERY_STEP
from linkage.matching.quality.glance import GLANCE, PAIRS
from linkage.matching.residual.reduction import Bounds
from linkage.standardise.specification import VERSION

if TYPE_CHECKING:
    from linkage.matching.quality.measured import Measured, Section

ABOUT_STEPS = (
    PAIRS,
    "steps",
    "steps_by_dataset",
    "not_joined_because",
    "too_common",
    "sealed_steps",
    "sealed_not_joined",
)
ABOUT_ERRORS = (
    "trials",
    "precision_by_step",
    "precision_by_what_was_not_asked",
    "missed_by_dataset",
    "judged",
    "implausible",
)


def statement(measured: Measured, sections: list[Section]) -> str:
    """Markdown. sections: those that may leave; any other is refused with ValueError."""
    if staying := [one.key for one in sections if not one.may_leave]:
        raise ValueError(f"sections that stay within the linkage unit: {', '.join(staying)}")
    of = {one.key: one for one in sections}
    rates = [one for key, one in of.items() if key.startswith("match_rates_of_")]
    parts = [
        f"# Statement on the linkage of {measured.at:%d %B %Y}",
        f"Specification {VERSION}, run {measured.run}. May leave the linkage unit: counts under {SMALLEST_SHOWN} are"
        " hidden and others rounded to 5; shares come with 95 % intervals (Wilson).",
        *([_glance(of[GLANCE])] if GLANCE in of else []),
        "## 1. What was provided (GUILD step 1; RECORD 1.3, 6.3, 12.1)",
        _provided(measured),
        "## 2. How it was linked (GUILD step 2; RECORD 12.2, 12.3)",
        _method(measured),
        *(_table(of[key]) for key in ABOUT_STEPS if key in of),
        "## 3. How right it is (GUILD step 2; RECORD 12.3)",
        *(_table(of[key]) for key in ABOUT_ERRORS if key in of),
        "## 4. Who is linked less often (GUILD step 3; RECORD 13.1, 19.1)",
        *(_table(one) for one in rates),
        "## 5. What to keep in mind (GUILD step 3; RECORD 19.1)",
        LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


LIMITS = (
    "Who is recorded less well is linked less often, so a missing link is not missing at random: compare the rates of"
    " section 4 before comparing groups. A row whose person was not found elsewhere may be of somebody who is in no"
    " other dataset; match rates are no sensitivities. Rows with a one-time person (`linked` is false) must not be"
    " counted as people."
)


def _provided(measured: Measured) -> str:
    sealed = measured.counts.get("sealed") or {"steps": []}
    rows = "\n".join(
        f"- {dataset}: {shown_count(n)} rows {what}"
        for steps, what in (
            (measured.counts["steps"], "that name a person"),
            (sealed["steps"], "that came as keyed tokens, without identifiers"),
        )
        for dataset, n in _totals(steps)
    )
    return f"{rows}\n\nPeople on the person spine after the run: {shown_count(measured.counts['people'])}."


def _totals(steps: Iterable[tuple[str, int, int]]) -> list[tuple[str, int]]:
    """Rows by dataset, of rows by dataset and step."""
    totals: dict[str, int] = {}
    for dataset, _, rows in steps:
        totals[dataset] = totals.get(dataset, 0) + rows
    return sorted(totals.items())


def _method(measured: Measured) -> str:
    bounds = Bounds()
    then = (
        f" Records found in one dataset only were then weighed by a model of Fellegi and Sunter (Splink; model"
        f" {measured.model[:12]}, trained without labels, approved by a second person) and joined from weight"
        f" {bounds.accept:g} on, where one person fits far better than every other; pairs from {bounds.ask:g} to"
        f" {bounds.accept:g} are decided by people."
        if measured.model
        else " No model was approved: nothing but these steps joined anybody."
    )
    return (
        f"Identifiers were standardised and replaced by keyed tokens of {len(FIELDS)} fields. {len(LADDER)}"
        " deterministic steps joined records that agree, from the most certain to the least. No step joined"
        f" {'; nor '.join(ON_EVERY_STEP)}." + then
    )


def _glance(section: Section) -> str:
    """What is asked first, with its answers; the sections that tell more follow."""
    lines = [f"- **{question}** {figure}. {sentence}" for question, figure, sentence, _ in section.rows]
    return "\n".join([f"## {section.title}", "", section.about, "", *lines])


def _table(section: Section) -> str:
    head = f"### {section.title}\n\n{section.about}"
    if not section.rows:
        return head
    lines = [section.headers, ["---"] * len(section.headers), *section.rows]
    return head + "\n\n" + "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
