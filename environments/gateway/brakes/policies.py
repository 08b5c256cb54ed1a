"""When are a person's queries slowed down or stopped? By how many of a sort they, or their project, asked in an hour.

No single query is wrong: a researcher may see rows. Many that close in on few people are what an attack looks like
(differencing, look-ups one by one, trying what the gate lets through). Each sort has three numbers: told, slowed down,
stopped. Rule: Five Safes, safe settings; design section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from access.decisions import Allowed, Decision, Refused


class Sort(StrEnum):
    """What a query may be counted as."""

    NARROW = "narrow"  # few people behind the whole of its result
    NEAR_PAIR = "near-pair"  # like one before in all but values, and about nearly as many people
    LOOK_UP = "look-up"  # asks for one pseudonym, or chooses few people by it
    AFTER_REFUSAL = "after-refusal"  # asked right after a refusal
    FAILED = "failed"  # began to run and failed (that may depend on one value), or broke off after rows had come


class Step(StrEnum):
    """What becomes of the asker's queries; in order of severity."""

    NOTHING = "nothing"
    TOLD = "told"
    SLOWED = "slowed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Counts:
    """From how many within the hour on something is done; 0: never."""

    told: int
    slowed: int
    stopped: int

    def step(self, count: int) -> Step:
        """What is done at this count."""
        for step, bound in ((Step.STOPPED, self.stopped), (Step.SLOWED, self.slowed), (Step.TOLD, self.told)):
            if bound and count >= bound:
                return step
        return Step.NOTHING


@dataclass(frozen=True)
class BrakePolicy:
    """people: fewer behind a result are few. seconds: how long a count lasts. delay: what a slowed query waits."""

    people: int = 10
    window_seconds: float = 3600.0
    delay_seconds: float = 5.0
    after_refusal_seconds: float = 10.0
    project_times: float = 3.0  # a project's people together may ask so many times what one may
    counts: Mapping[Sort, Counts] = field(
        default_factory=lambda: {
            Sort.NARROW: Counts(50, 150, 0),
            Sort.NEAR_PAIR: Counts(10, 20, 0),
            Sort.LOOK_UP: Counts(20, 40, 120),
            Sort.AFTER_REFUSAL: Counts(20, 40, 0),
            Sort.FAILED: Counts(30, 60, 0),
        }
    )

    def step(self, sort: Sort, own: int, projects: int) -> Step:
        """What is done when a person has asked `own` of a sort, and their project `projects`."""
        steps = list(Step)
        of_project = self.counts[sort].step(int(projects / self.project_times))
        return max(self.counts[sort].step(own), of_project, key=steps.index)


SPOKEN = {
    Sort.NARROW: "queries with few people behind them",
    Sort.NEAR_PAIR: "pairs of queries that differ in few people",
    Sort.LOOK_UP: "look-ups of single pseudonyms",
    Sort.AFTER_REFUSAL: "queries right after a refusal",
    Sort.FAILED: "queries that failed or broke off while they ran",
}


def may_ask(sort: Sort, step: Step) -> Decision:
    """May another query start, where this is what the counts say?"""
    if step is not Step.STOPPED:
        return Allowed()
    return Refused(
        "query.brake",
        f"Too many {SPOKEN[sort]} were asked within the hour.",
        "Wait, and ask of more people at a time; the data team sees why, and can talk it over with you.",
    )
