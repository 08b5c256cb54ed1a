"""How does what a run plans and measures pass to a zone's process and back? As data that JSON can say.

No identifier is in any of it: a model is numbers, a decision is two random names, a rate is counts.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from linkage.matching.decisions import PairDecision
from linkage.matching.quality.implausible import Sign
from linkage.matching.quality.rates import MatchRate
from linkage.matching.quality.trials import StepOutcome, Trial
from linkage.matching.residual.reduction import Bounds
from linkage.matching.residual.settling import ResidualPlan
from linkage.separation.ports import Plain
from linkage.specified.frozen import FrozenModel


def plan_as_data(plan: ResidualPlan) -> Plain:
    """With what the residual is settled, for another process: a model is numbers, a decision two subjects."""
    return {
        "model": plan.model and plan.model.model_dump(mode="json"),
        "model_id": plan.model_id,
        "decisions": [[one.subject_a, one.subject_b, one.same] for one in plan.decisions],
        "bounds": asdict(plan.bounds),
        "most_pairs": plan.most_pairs,
    }


def plan_of(data: Plain) -> ResidualPlan:
    """The plan that was sent."""
    return ResidualPlan(
        data["model"] and FrozenModel.model_validate(data["model"]),
        data["model_id"],
        tuple(PairDecision(*one) for one in data["decisions"]),
        Bounds(**data["bounds"]),
        data["most_pairs"],
    )


def trial_of(data: Plain | None) -> Trial | None:
    """The trial that was sent."""
    if data is None:
        return None
    steps = tuple(StepOutcome(**one) for one in data["by_step"])
    by_dataset: tuple[Any, ...] = tuple(tuple(one) for one in data["by_dataset"])
    return Trial(data["tried"], data["found"], data["wrong"], steps, by_dataset)


def signs_of(data: list[Plain]) -> list[Sign]:
    """The signs that were sent."""
    return [Sign(**one) for one in data]


def rates_of(data: list[Plain]) -> list[MatchRate]:
    """The rates that were sent."""
    return [MatchRate(**one) for one in data]
