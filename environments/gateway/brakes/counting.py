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
    """Who stands behind a result.

    people: over all groups; figures: of each figure its own. largest: in whichever group has most, behind the figure
    that has fewest; smallest: in whichever group has fewest. groups: by a digest of each group's keys, people and each
    figure's. whole: False where only the people behind its rows could be counted, not by group and figure.
    """

    people: int
    figures: tuple[int, ...] = ()
    groups: Mapping[bytes, tuple[int, ...]] = field(default_factory=dict)
    largest: int | None = None
    smallest: int | None = None
    whole: bool = True

    @classmethod
    def of(cls, groups: pa.Table, *, whole: bool = True) -> Behind:
        """Of evidence: a row for each group, with `people`, `people_N` and its keys. Of very many none is kept."""
        names = ["people", *(name for name in groups.column_names if name.startswith("people_"))]
        if not whole:
            return cls(sum(groups["people"].to_pylist()), whole=False)
        columns: list[list[int]] = [groups[name].to_pylist() for name in names]
        people, *figures = (sum(column) for column in columns)
        largest = min(max(column, default=0) for column in columns)
        smallest = min(columns[0], default=0)
        kept: dict[bytes, tuple[int, ...]] = {}
        if groups.num_rows <= MOST_GROUPS_COMPARED:
            keys = groups.select([name for name in groups.column_names if name.startswith("key_")]).to_pylist()
            digests = [hashlib.sha256(repr(key).encode()).digest()[:16] for key in keys or [{}] * groups.num_rows]
            kept = dict(zip(digests, zip(*columns, strict=True), strict=True))
        return cls(people, tuple(figures), kept, largest, smallest)

    @property
    def least(self) -> int:
        """People behind the figure that has fewest; one of nobody is about nobody."""
        return min([self.people, *filter(None, self.figures)])

    def chosen(self, *, by_groups: bool) -> int:
        """Of whom it tells when it chooses: nobody is an answer, too, and who stands in several groups counts once.

        by_groups: of the group that has fewest.
        """
        found = self.least if self.largest is None else self.largest
        return min(found, self.smallest) if by_groups and self.smallest is not None else found

    def differs_in_few(self, other: Behind, few: int, *, figures: bool = False) -> bool:
        """Do one to `few` - 1 people lie between them, in all or in a group of many? figures: behind each, too."""
        return 0 < abs(self.people - other.people) < few or any(
            0 < abs(one - two) < few <= min(one, two) and min(one, two) >= LEAST_SHARE * max(one, two)
            for key, counts in self.groups.items()
            for one, two in list(zip(counts, other.groups.get(key, ()), strict=False))[: None if figures else 1]
        )


@dataclass(frozen=True)
class Asked:
    """A query that was asked, with who stood behind it. values: a digest of its parameters."""

    likeness: Likeness
    behind: Behind | None
    values: str | None

    def is_near(self, other: Asked, few: int) -> bool:
        """Alike, with few people between them; or nobody could count who lies between them."""
        if not self.likeness.near(other.likeness):
            return False
        same, one, two = self.likeness.frame == other.likeness.frame, self.behind, other.behind
        if one is None or two is None:
            asked_again = self.likeness.conditions == other.likeness.conditions and self._shows(other)
            return same and not asked_again
        whole = one.whole and two.whole
        return one.differs_in_few(two, few, figures=same and whole) or (same and not whole and not self._shows(other))

    def _shows(self, other: Asked) -> bool:
        """Is the same shown, values and all?"""
        return self.likeness.shown == other.likeness.shown and self.values == other.values


class Brakes:
    """Counts, and says what they mean. now: seconds that never go back."""

    def __init__(self, policy: BrakePolicy, now: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._now = now
        self._own: dict[tuple[Asker, Sort], deque[float]] = defaultdict(deque)
        self._projects: dict[tuple[str, Sort], deque[float]] = defaultdict(deque)
        self._asked: dict[str, deque[Asked]] = defaultdict(lambda: deque(maxlen=KEPT_FOR_PAIRS))
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

    def completed(
        self, asker: Asker, likeness: Likeness, behind: Behind | None, rows: int, values: str | None = None
    ) -> list[Reached]:
        """A query ended. behind: the people of its groups, where they were counted; rows: of its result; values: a
        digest of its parameters."""
        few, reached = self._policy.people, list[Reached]()
        counted = behind is not None and (behind.whole or likeness.aggregates)  # else its rows are records
        if behind is None:
            least = chosen = rows
        else:
            least, chosen = behind.least, behind.chosen(by_groups=likeness.divides)
            if not counted:
                least, chosen = min(least, rows), min(chosen, rows)
        if least < few and (counted or likeness.filtered):
            reached += self._count(asker, Sort.NARROW)
        unknown = behind is None or (not behind.whole and (likeness.in_figures or likeness.divides))
        by_person = (likeness.singles_out and chosen < few) or (likeness.judges and unknown)
        if by_person and not likeness.look_up:  # a look-up was counted when it was asked
            reached += self._count(asker, Sort.LOOK_UP)
        if counted or (behind is None and likeness.aggregates):
            before, one = self._asked[asker.project], Asked(likeness, behind, values)
            if any(one.is_near(other, few) for other in before):
                reached += self._count(asker, Sort.NEAR_PAIR)
            before.append(one)
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
