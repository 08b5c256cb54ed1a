"""How right was each step, as far as the last run could tell? What its report says of single steps, step by step.

From the report and nothing else: its counts are suppressed, and its shares have their intervals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from linkage.matching.ladder import DECIDED_STEP, MODEL_STEP, NOT_JOINED
from linkage.matching.quality.shares import HIDDEN

BY = {
    "precision_by_step": "right where the NHS number was hidden",
    "precision_by_what_was_not_asked": "agree in what the step did not ask for",
    "judged": "called one person by reviewers",
}
"""The report's sections that tell of single steps (report.py), each with what its share is of. Rows of each begin with
step, label, how many, share."""
UNTOLD = {HIDDEN, "not tried"}
NO_RUN = "nothing has been linked here yet: receive deliveries, then `haven linkage run` estimates it"
TOO_FEW = (
    "the last run had too few records to try it on; have pairs judged (`haven linkage sample --as NAME`,"
    " `haven linkage review --as NAME`), and link again"
)
NO_MODEL = (
    "the last run had no model; `haven linkage train --as NAME`, `haven linkage approve --as ANOTHER`, and link again"
)
A_PERSONS_WORD = "a reviewer's answer is not estimated; it stands until another is given"
SEALED = "trials and reviewers see identified records only; no run estimates it (docs/linkage.md, Mode B)"


@dataclass(frozen=True)
class Estimate:
    """right: per cent with its interval; of: how many were looked at; by: how. All as the report shows them."""

    right: str
    of: str
    by: str


def estimates_of(report: Mapping[str, Any]) -> dict[int, list[Estimate]]:
    """By step. report: the data of a run's report (linkage-report.json)."""
    found: dict[int, list[Estimate]] = {}
    for section, by in BY.items():
        for step, _, of, right, *_ in report["sections"].get(section, {"rows": []})["rows"]:
            if right not in UNTOLD:
                found.setdefault(int(step), []).append(Estimate(right, of, by))
    return found


def why_none(step: int, report: Mapping[str, Any] | None) -> str | None:
    """Why there is no estimate of this step, and how to get one; None for what joins nobody. report: None: no run."""
    if step == NOT_JOINED:
        return None
    if step == DECIDED_STEP:
        return A_PERSONS_WORD
    if report is None:
        return NO_RUN
    return NO_MODEL if step == MODEL_STEP and report["model"] == "none" else TOO_FEW
