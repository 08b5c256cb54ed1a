"""How does what a run plans and measures pass to a zone's process and back? As data that JSON can say.

No identifier is in any of it: a model is named by its digest, a decision is two random names, a rate is counts.
"""

from __future__ import annotations

from typing import Any

from linkage.errors import ZoneForbids
from linkage.matching.decisions import PairDecision, RunPlan
from linkage.matching.quality.implausible import Sign
from linkage.matching.quality.rates import MatchRate
from linkage.matching.quality.trials import StepOutcome, Trial
from linkage.separation.ports import Plain

PLAN = {"model", "decisions", "most_pairs"}


def plan_as_data(plan: RunPlan) -> Plain:
    """What a run goes by, for another process."""
    return {
        "model": plan.model,
        "decisions": [[one.subject_a, one.subject_b, one.same] for one in plan.decisions],
        "most_pairs": plan.most_pairs,
    }


def plan_of(data: Plain) -> RunPlan:
    """The plan that was sent. Raises ZoneForbids for a model that is not named by its digest, for bounds, and the like.

    From which weight on records are joined is the haven's own: with bounds of their choice somebody could read out of
    the doubtful pairs how much any two records have in common.
    """
    if set(data) != PLAN or not isinstance(data["model"], str | None) or not isinstance(data["most_pairs"], int):
        raise ZoneForbids(
            "A plan names a model by its digest, decisions and a number of pairs, and nothing else.",
            where="plan",
            mend="The two processes are of different versions: start both anew.",
        )
    return RunPlan(data["model"], tuple(PairDecision(*one) for one in data["decisions"]), data["most_pairs"])


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
