"""What has each person and project asked lately? Counted in the gateway's memory, by sort, while a count lasts.

A gateway that is started anew counts anew: who asks queries cannot start it.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from environments.gateway.brakes.likeness import Likeness
from environments.gateway.brakes.policies import BrakePolicy, Sort, Step, may_ask
from environments.gateway.model import Asker

KEPT_FOR_PAIRS = 200
MOST_GROUPS_COMPARED = 500
LEAST_SHARE = 0.9  # two groups of nearly as many people: below, a further condition has done its ordinary work


@dataclass(frozen=True)
class Reached:
    """A count has reached a step for the first time: what the log is told."""

    sort: Sort
    step: Step
    own: int
    projects: int


@dataclass(frozen=True)
class Behind:
    """Who stands behind a result. people: over all groups; groups: by a digest of each group's keys."""

    people: int
    groups: Mapping[bytes, int] = field(default_factory=dict)

    @classmethod
    def of(cls, groups: pa.Table) -> Behind:
        """Of evidence: a row for each group, with `people` and its keys. Of very many groups the sum alone is kept."""
        counts: list[int] = groups["people"].to_pylist()
        if len(counts) > MOST_GROUPS_COMPARED:
            return cls(sum(counts))
        keys = groups.select([name for name in groups.column_names if name.startswith("key_")]).to_pylist()
        digests = [hashlib.sha256(repr(key).encode()).digest()[:16] for key in keys or [{}] * len(counts)]
        return cls(sum(counts), dict(zip(digests, counts, strict=True)))

    def differs_in_few(self, other: Behind, few: int) -> bool:
        """Do one to `few` - 1 people lie between them, in all or in a group of many?"""
        return 0 < abs(self.people - other.people) < few or any(
            0 < abs(one - two) < few <= min(one, two) and min(one, two) >= LEAST_SHARE * max(one, two)
            for one, two in ((count, other.groups.get(key, 0)) for key, count in self.groups.items())
        )


class Brakes:
    """Counts, and says what they mean. now: seconds that never go back."""

    def __init__(self, policy: BrakePolicy, now: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._now = now
        self._own: dict[tuple[Asker, Sort], deque[float]] = defaultdict(deque)
        self._projects: dict[tuple[str, Sort], deque[float]] = defaultdict(deque)
        self._asked: dict[str, deque[tuple[Likeness, Behind]]] = defaultdict(lambda: deque(maxlen=KEPT_FOR_PAIRS))
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

    def completed(self, asker: Asker, likeness: Likeness, behind: Behind | None, rows: int) -> list[Reached]:
        """A query ended. behind: the people of its groups, where they were counted; rows: of its result."""
        few, reached = self._policy.people, list[Reached]()
        if (rows if behind is None else behind.people) < few:
            if behind is not None or likeness.filtered:
                reached += self._count(asker, Sort.NARROW)
            if likeness.singles_out and not likeness.look_up:  # a look-up was counted when it was asked
                reached += self._count(asker, Sort.LOOK_UP)
        if behind is not None:
            before = self._asked[asker.project]
            if any(behind.differs_in_few(other, few) and likeness.near(like) for like, other in before):
                reached += self._count(asker, Sort.NEAR_PAIR)
            before.append((likeness, behind))
        return reached

    def failed(self, asker: Asker) -> list[Reached]:
        """A query began to run, and failed by what it met or broke off after rows had come."""
        return self._count(asker, Sort.FAILED)

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
