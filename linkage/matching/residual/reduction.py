"""Which weighed pairs become one person, and which does a person decide? Clusters in, clusters and questions out.

One to one: within one dataset two records belong to one person only if they weigh as one themselves; a cluster that
fits several which cannot all be one stays alone, unless one of them fits far better. Nothing here depends on an order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

SEVERAL, BETWEEN, CONTRADICTED = "several_candidates", "between_thresholds", "decision_contradicted"
DECIDED = 1e6
"""The weight of what a person has decided: more than any evidence."""


@dataclass(frozen=True)
class Bounds:
    """In log2 of the odds. accept: from here on the machine joins; ask: from here on a person is asked; margin: by so
    much the best candidate must be better than one that contradicts it.
    """

    accept: float = 8.0
    ask: float = 4.0
    margin: float = 4.0


@dataclass(frozen=True)
class Traits:
    """What the guards ask of a cluster: lowest and highest NHS number token, first and last initial, its datasets, and
    those of them that are registers (a bit each).
    """

    n_low: int | None
    n_high: int | None
    first: int | None
    last: int | None
    datasets: int
    registers: int = 0


Pair = tuple[int, int]


@dataclass(frozen=True)
class Reduced:
    """joined: each cluster that becomes part of another, with that one's number (the lowest). asked: the pairs of
    clusters that a person decides, with why.
    """

    joined: dict[int, int]
    asked: dict[Pair, str]


def reduce_pairs(
    weights: Mapping[Pair, float],
    traits: Mapping[int, Traits],
    bounds: Bounds,
    *,
    same: Iterable[Pair] = (),
    different: Iterable[Pair] = (),
    together: Iterable[Pair] = (),
) -> Reduced:
    """Decide over pairs of clusters (lower number first). same, different: what people have decided; it stands.

    together: parts of one person of before, every two of them. They stay together, whoever fits one of them now.

    Whoever says that one record is the same person as two others says that those are one person too. Where a guard, or
    another decision, says no to that, nobody is joined and the pair is asked about again (CONTRADICTED).
    """
    never = set(different)
    decided = {pair for group in _groups(set(same) - never) for pair in combinations(sorted(group), 2)} - never
    kept = dict.fromkeys(set(together) - never, DECIDED)
    heavy = {pair: w for pair, w in weights.items() if w >= bounds.accept and pair not in never}
    strong = heavy | dict.fromkeys(decided, DECIDED) | kept
    joined: dict[int, int] = {}
    refused: set[Pair] = set()
    for group in _groups(strong):
        if _stands(group, strong, traits, never):
            joined |= dict.fromkeys(group, min(group))
            continue
        inside = {pair: w for pair, w in strong.items() if pair[0] in group}
        clear = _clear(inside, bounds.margin) | {pair: w for pair, w in kept.items() if pair[0] in group}
        for part in _groups(clear):
            if _stands(part, clear, traits, never):
                joined |= dict.fromkeys(part, min(part))
        refused |= {pair for pair in inside if joined.get(pair[0], pair[0]) != joined.get(pair[1], pair[1])}
    answered = {_ends(pair, joined) for pair in never}  # who was joined to the one is not the other either
    open_still = (
        pair for pair in sorted(refused - never - kept.keys()) if pair in decided or _ends(pair, joined) not in answered
    )
    asked = {pair: CONTRADICTED if pair in decided else SEVERAL for pair in open_still}
    for pair, weight in weights.items():
        ends = _ends(pair, joined)
        apart = len(ends) == 2 and ends not in answered
        between = bounds.ask <= weight < bounds.accept and pair not in never and pair not in decided
        if between and apart and not (pair[0] in joined and pair[1] in joined):
            asked[pair] = BETWEEN
    return Reduced({cluster: label for cluster, label in joined.items() if cluster != label}, asked)


def connected_with(pairs: Iterable[Pair], others: Iterable[Pair]) -> set[Pair]:
    """Those of the others that hang together with one of these, by way of any."""
    pairs, others = set(pairs), set(others)
    starts = {one for pair in pairs for one in pair}
    near = {one for group in _groups(pairs | others) if not starts.isdisjoint(group) for one in group}
    return {pair for pair in others if pair[0] in near}


def _ends(pair: Pair, joined: Mapping[int, int]) -> frozenset[int]:
    """Into which clusters the two have come."""
    return frozenset(joined.get(one, one) for one in pair)


def _groups(pairs: Iterable[Pair]) -> list[frozenset[int]]:
    """What the pairs connect."""
    parent: dict[int, int] = {}

    def root(one: int) -> int:
        while parent.setdefault(one, one) != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    groups: dict[int, set[int]] = defaultdict(set)
    for one in parent:
        groups[root(one)].add(one)
    return [frozenset(groups[label]) for label in sorted(groups)]


def _stands(group: frozenset[int], pairs: Mapping[Pair, float], traits: Mapping[int, Traits], never: set[Pair]) -> bool:
    """May all of these be one person? No contradiction in NHS number or initial; no two of one dataset unweighed; no
    two of one register, unless a person said so.
    """
    members = [traits[one] for one in sorted(group)]
    for low, high in (("n_low", "n_high"), ("first", "last")):
        known = {getattr(one, name) for one in members for name in (low, high)} - {None}
        if len(known) > 1:
            return False
    ordered = sorted(group)
    for place, a in enumerate(ordered):
        for b in ordered[place + 1 :]:
            if (a, b) in never:
                return False
            if traits[a].datasets & traits[b].datasets and (a, b) not in pairs:
                return False
            if traits[a].registers & traits[b].registers and pairs[a, b] != DECIDED:
                return False
    return True


def _clear(pairs: Mapping[Pair, float], margin: float) -> dict[Pair, float]:
    """The pairs that are for both of their clusters better by the margin than every other pair."""
    of: dict[int, list[float]] = defaultdict(list)
    for pair, weight in pairs.items():
        for one in pair:
            of[one].append(weight)
    best = {one: sorted(weights, reverse=True)[:2] for one, weights in of.items()}
    return {
        pair: weight
        for pair, weight in pairs.items()
        if all(best[one][0] == weight and (len(best[one]) < 2 or weight - best[one][1] >= margin) for one in pair)
    }
