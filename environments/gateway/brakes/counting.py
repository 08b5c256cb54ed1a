"""What has each person and project asked lately? Counted in the gateway's memory, by sort, while a count lasts.

A gateway that is started anew counts anew: who asks queries cannot start it.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from environments.gateway.brakes.likeness import Likeness
from environments.gateway.brakes.policies import BrakePolicy, Sort, Step, may_ask
from environments.gateway.model import Asker

KEPT_FOR_PAIRS = 200


@dataclass(frozen=True)
class Reached:
    """A count has reached a step for the first time: what the log is told."""

    sort: Sort
    step: Step
    own: int
    projects: int


class Brakes:
    """Counts, and says what they mean. now: seconds that never go back."""

    def __init__(self, policy: BrakePolicy, now: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._now = now
        self._own: dict[tuple[Asker, Sort], deque[float]] = defaultdict(deque)
        self._projects: dict[tuple[str, Sort], deque[float]] = defaultdict(deque)
        self._asked: dict[str, deque[tuple[Likeness, int]]] = defaultdict(lambda: deque(maxlen=KEPT_FOR_PAIRS))
        self._refused: dict[Asker, float] = {}
        self._told: dict[tuple[Asker, Sort], Step] = {}

    def delay(self, asker: Asker) -> float:
        """Seconds that this person's next query waits. Raises RefusedError where it may not start."""
        steps = {sort: self._step(asker, sort) for sort in Sort}
        for sort, step in steps.items():
            may_ask(sort, step).require()
        return self._policy.delay_seconds if Step.SLOWED in steps.values() else 0.0

    def refused(self, asker: Asker) -> None:
        """A query of theirs was refused by the gate."""
        self._refused[asker] = self._now()

    def asked(self, asker: Asker, likeness: Likeness) -> list[Reached]:
        """A query starts; what is known of it by then is counted."""
        reached = []
        last = self._refused.pop(asker, None)
        if last is not None and self._now() - last <= self._policy.after_refusal_seconds:
            reached += self._count(asker, Sort.AFTER_REFUSAL)
        if likeness.look_up:
            reached += self._count(asker, Sort.LOOK_UP)
        return reached

    def completed(self, asker: Asker, likeness: Likeness, people: int | None, rows: int) -> list[Reached]:
        """A query ended. people: behind all its groups, where they were counted; rows: of its result."""
        few, reached = self._policy.people, list[Reached]()
        behind = rows if people is None else people
        if behind < few and (people is not None or likeness.filtered):
            reached += self._count(asker, Sort.NARROW)
        if people is not None:
            before = self._asked[asker.project]
            if any(0 < abs(people - count) < few and likeness.near(like) for like, count in before):
                reached += self._count(asker, Sort.NEAR_PAIR)
            before.append((likeness, people))
        return reached

    def _count(self, asker: Asker, sort: Sort) -> list[Reached]:
        now = self._now()
        self._own[asker, sort].append(now)
        self._projects[asker.project, sort].append(now)
        step, before = self._step(asker, sort), self._told.get((asker, sort), Step.NOTHING)
        self._told[asker, sort] = step
        steps = list(Step)
        if steps.index(step) <= steps.index(before):
            return []
        own, projects = len(self._own[asker, sort]), len(self._projects[asker.project, sort])
        return [Reached(sort, step, own, projects)]

    def _step(self, asker: Asker, sort: Sort) -> Step:
        own, projects = self._own.get((asker, sort)), self._projects.get((asker.project, sort))
        step = self._policy.step(sort, self._fresh(own), self._fresh(projects))
        if step is Step.NOTHING:
            self._told.pop((asker, sort), None)
        return step

    def _fresh(self, times: deque[float] | None) -> int:
        """How many still count; the others are forgotten."""
        if not times:
            return 0
        since = self._now() - self._policy.window_seconds
        while times and times[0] < since:
            times.popleft()
        return len(times)
