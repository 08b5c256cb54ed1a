"""What did a linkage do, in a few lines for who ran it? How many rows were joined how, and how many were not.

Certain is a step that asks for the NHS number; the ladder's others ask for names, birthday, sex and place. Each row
counts once, under the first step that joined its record. Counts come out as they may be shown (audit.suppression).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from audit.suppression import shown_count
from linkage.matching.ladder import DECIDED_STEP, LADDER, MODEL_STEP, NOT_JOINED
from linkage.sealed.composites import COMPOSITES
from linkage.sealed.joining import FILTER_STEP


class How(StrEnum):
    """By what a row was joined."""

    CERTAIN = "certain_steps"
    NAMES = "name_steps"
    MODEL = "model"
    REVIEWER = "reviewer"
    ALONE = "not_joined"


WORDS: dict[How, str] = {
    How.CERTAIN: "joined by certain steps (the NHS number agrees)",
    How.NAMES: "joined by steps of names, birthday, sex and postcode",
    How.MODEL: "joined by the approved model's weight",
    How.REVIEWER: "joined by what a reviewer decided",
    How.ALONE: "joined to no other record",
}
BY_STEP: dict[int, How] = {
    NOT_JOINED: How.ALONE,
    **{step.number: How.CERTAIN if step.certain else How.NAMES for step in LADDER},
    MODEL_STEP: How.MODEL,
    DECIDED_STEP: How.REVIEWER,
}
BY_KEY: dict[int, How] = {
    NOT_JOINED: How.ALONE,
    **{key.step: How.CERTAIN if key.certain else How.NAMES for key in COMPOSITES},
    FILTER_STEP: How.NAMES,
}
"""The same in mode B, by composite key."""


def came_in(counts: dict[str, Any]) -> dict[str, str]:
    """Of the rows that this run linked for the first time: `rows`, and by How. counts: of LinkageSummary."""
    return _shown(counts.get("new", ()), counts.get("sealed", {}).get("new", ()))


def everything(counts: dict[str, Any]) -> dict[str, str]:
    """The same of all rows that are linked now."""
    return _shown(_by_step(counts.get("steps", ())), _by_step(counts.get("sealed", {}).get("steps", ())))


def too_common(counts: dict[str, Any]) -> dict[str, str] | None:
    """What too many records share to be weighed by: `values`, `records`, `with_nobody`; None where nothing was."""
    found = counts.get("crowded")
    return {name: shown_count(found[name]) for name in ("values", "records", "with_nobody")} if found else None


def _by_step(rows: Iterable[tuple[str, int, int]]) -> list[tuple[int, int]]:
    return [(step, many) for _, step, many in rows]


def _shown(identified: Iterable[tuple[int, int]], sealed: Iterable[tuple[int, int]]) -> dict[str, str]:
    found: Counter[How] = Counter()
    for table, rows in ((BY_STEP, identified), (BY_KEY, sealed)):
        for step, many in rows:
            found[table[step]] += many
    return {"rows": shown_count(found.total()), **{how.value: shown_count(found[how]) for how in How}}
