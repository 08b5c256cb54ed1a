"""What a run's report says of single steps; and where it says nothing, why, and how to get an estimate."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from linkage.matching.ladder import DECIDED_STEP, LADDER, MODEL_STEP, NOT_JOINED, STEP_LABELS
from linkage.matching.quality.estimates import (
    A_PERSONS_WORD,
    NO_MODEL,
    NO_RUN,
    TOO_FEW,
    Estimate,
    estimates_of,
    why_none,
)
from linkage.matching.quality.report import write_report
from linkage.matching.quality.shares import percent
from linkage.matching.quality.trials import StepOutcome, Trial
from tests.unit.linkage.matching.quality.test_report import MEASURED

HIDDEN = Trial(4_000, 3_700, 25, (StepOutcome(8, 3_000, 25), StepOutcome(9, 4, 0)), ())
DECOYS = Trial(4_000, 0, 20, (StepOutcome(15, 20, 20),))


@pytest.fixture
def report(tmp_path: Path) -> dict[str, Any]:
    """The data of a report with trials, what was not asked for, and a judged sample, without a model."""
    told = replace(
        MEASURED, model=None, hidden=HIDDEN, decoys=DECOYS, judged=[(8, 40, 40)], apart_elsewhere=[(1, 5_000, 50)]
    )
    return dict(json.loads(write_report(tmp_path, told)[1].read_text(encoding="utf-8")))


def test_each_estimate_is_told_with_its_interval_and_how_it_came_about(report: dict[str, Any]) -> None:
    """Of one step all that there are, as the report shows them; nothing of a step that was tried on too few."""
    found = estimates_of(report)
    assert found == {
        8: [
            Estimate(percent(2_975, 3_000), "3,000", "right where the NHS number was hidden"),
            Estimate(percent(40, 40), "40", "called one person by reviewers"),
        ],
        1: [Estimate(percent(4_950, 5_000), "5,000", "agree in what the step did not ask for")],
    }
    assert all(" to " in one.right for ones in found.values() for one in ones)


def test_a_step_without_an_estimate_says_why(report: dict[str, Any]) -> None:
    """Nothing was linked, no model, too few, or nothing to estimate: each its own sentence, with a command."""
    steps = [step.number for step in LADDER]
    assert {why_none(step, None) for step in (*steps, MODEL_STEP)} == {NO_RUN}
    assert {why_none(step, report) for step in steps} == {TOO_FEW}
    assert (why_none(MODEL_STEP, report), why_none(MODEL_STEP, report | {"model": "f" * 64})) == (NO_MODEL, TOO_FEW)
    assert why_none(DECIDED_STEP, report) == A_PERSONS_WORD
    assert [step for step in STEP_LABELS if why_none(step, report) is None] == [NOT_JOINED]
