"""Two records of one person were told apart: whose are the others? The ladder's own steps, over these records alone.

The most certain step first. A step joins what agrees on a key of it, as the ladder does, but for what was told apart.
What agrees equally with two that were told apart is nobody's: it stays together, and people are asked about it. A
later step may know better. Pure: tokens in, groups out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from linkage.matching.ladder import LADDER, Key, LadderStep

Tokens = Mapping[str, Hashable | None]
Edge = tuple[int, int]


@dataclass(frozen=True)
class Parted:
    """What one person's records become. groups: records. steps: of each record that a step joined, the first that did.

    asked: pairs of records, of two groups each, that agree equally with what was told apart.
    """

    groups: tuple[frozenset[int], ...]
    steps: Mapping[int, int]
    asked: tuple[Edge, ...]


def part(
    records: Mapping[int, Tokens],
    apart: Iterable[Edge],
    registers: Mapping[int, Hashable | None],
    steps: Sequence[LadderStep] = LADDER,
) -> Parted:
    """Divide them. apart: pairs that people told apart. registers: of each record its dataset, where that is one."""
    work = _Work(records, {frozenset(pair) for pair in apart}, registers)
    for step in steps:
        for key in step.keys:
            work.join_on(step, key)
    return work.parted()


@dataclass
class _Work:
    records: Mapping[int, Tokens]
    apart: set[frozenset[int]]
    registers: Mapping[int, Hashable | None]
    group: dict[int, int] = field(default_factory=dict)  # record -> the lowest record of its group
    steps: dict[int, int] = field(default_factory=dict)
    open: set[frozenset[int]] = field(default_factory=set)  # pairs of records for whose groups nothing was decided

    def __post_init__(self) -> None:
        self.group = {record: record for record in self.records}

    def join_on(self, step: LadderStep, key: Key) -> None:
        """Join what agrees on this key, and nothing that was told apart."""
        apart = self._apart_now()
        edges = {edge for edge in self._agreeing(key) if frozenset(edge) not in apart}
        torn = _between_two(edges, apart)
        self._unite(step, {edge for edge in edges if torn.isdisjoint(edge)})
        self._unite(step, {edge for edge in edges if torn.issuperset(edge)})
        self.open |= {frozenset(edge) for edge in edges if self.group[edge[0]] != self.group[edge[1]]}

    def parted(self) -> Parted:
        """As it stands after the last step."""
        apart = self._apart_now()
        left = {frozenset(self.group[one] for one in pair) for pair in self.open}
        asked = sorted((min(pair), max(pair)) for pair in left if len(pair) == 2 and pair not in apart)
        groups = tuple(self._members(one) for one in sorted(set(self.group.values())))
        return Parted(groups, self.steps, tuple(asked))

    def _apart_now(self) -> set[frozenset[int]]:
        """The pairs of groups of which some were told apart."""
        return {frozenset(self.group[one] for one in pair) for pair in self.apart}

    def _agreeing(self, key: Key) -> Iterator[Edge]:
        """Pairs of groups with a value of the key in common."""
        having: dict[tuple[Hashable, ...], set[int]] = defaultdict(set)
        for record, tokens in self.records.items():
            values = tuple(tokens.get(name) for name in key)
            if None not in values:
                having[values].add(self.group[record])
        for groups in having.values():
            yield from combinations(sorted(groups), 2)

    def _unite(self, step: LadderStep, edges: Iterable[Edge]) -> None:
        """All that these connect, where none of it was told apart and the step's guards agree."""
        for groups in _connected(edges):
            members = frozenset().union(*(self._members(one) for one in groups))
            if not self._stands(members, step):
                continue
            for record in members:
                self.group[record] = min(members)
                self.steps.setdefault(record, step.number)

    def _stands(self, members: frozenset[int], step: LadderStep) -> bool:
        if any(pair <= members for pair in self.apart):
            return False
        initials = {self.records[one].get("gi") for one in members} - {None}
        known = [self.registers[one] for one in members if self.registers.get(one) is not None]
        unlike, twice = len(initials) > 1, len(known) > len(set(known))
        return not ((step.same_initial and unlike) or (step.once and twice) or (step.no_twins and unlike and twice))

    def _members(self, group: int) -> frozenset[int]:
        return frozenset(record for record, found in self.group.items() if found == group)


def _between_two(edges: Iterable[Edge], apart: Iterable[frozenset[int]]) -> set[int]:
    """Who agrees with two that were told apart?"""
    near: dict[int, set[int]] = defaultdict(set)
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    return {one for one, others in near.items() if any(pair <= others for pair in apart)}


def _connected(edges: Iterable[Edge]) -> list[set[int]]:
    found: list[set[int]] = []
    for edge in edges:
        touched = [one for one in found if not one.isdisjoint(edge)]
        found = [one for one in found if one not in touched] + [set(edge).union(*touched)]
    return found
