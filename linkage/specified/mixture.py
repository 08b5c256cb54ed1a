"""Which pairs agree in much and are two people all the same? Families, neighbours, columns that say the same twice.

Fellegi and Sunter's model takes two people's columns to agree each by chance alone. People of one house share a
surname, a street and a place at once, and a postcode says the town again; weighed column by column such pairs look like
one person. So pairs of two people are taken to be of several kinds (latent classes): strangers, who agree as chance has
it, and kinds that share what a house, or a place, shares, or a house and a birthday or name. One person's pairs are of
two kinds: whoever moves changes street, place and postcode at once. How many of each there are, and what they share, is
learned by expectation maximisation over the compared pairs and an even sample of all others, without labels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Marks = npt.NDArray[np.bool_]

OF_A_PLACE = frozenset({"street", "address", "house_number", "postcode", "place", "area", "category"})
OF_A_HOUSE = OF_A_PLACE | {"surname", "phone"}
OF_NAMESAKES = frozenset({"forename", "sex"})
OF_TWINS = OF_A_HOUSE | {"date"}
OF_HEIRS = OF_A_HOUSE | OF_NAMESAKES  # father and son of one name
STARTS = (frozenset[str](), OF_A_HOUSE, OF_A_PLACE, OF_NAMESAKES, OF_TWINS, OF_HEIRS)
HOUSE = 1
FEW = {4: frozenset({"date"}), 5: frozenset({"date", "year"})}  # and the columns without which they cannot be told
CHANGED_BY_A_MOVE = frozenset({"street", "address", "house_number", "postcode", "place", "area", "phone"})
OF_ONE = frozenset({"forename", "surname", "full_name", "date", "year", "identifier", "email", "phone"})
ROUNDS = 25
SMOOTHING = 20.0  # pairs that agree as chance has it are added to each kind
FIRST_SHARE = 0.1  # of the compared pairs that each kind begins with
MOST_FEW = 0.05  # times the pairs of one house: twins, and heirs of a name
FIRST_MOVED, MOST_MOVED = 0.1, 0.5
MOST_KEPT = 0.35  # how often, at most, a column of the place agrees after a move
MOST_OF_ONE = 4.0  # times chance: how often, at most, two people of one kind agree in what is a person's own
LEAST_OF_ONE = 0.7  # times chance: and how often at least, for whoever shares a house can share a forename
FURTHEST = 8.0  # how many times more or fewer pairs than the first guess there may be
MOST_DIFFERING = {
    "forename": 0.3,
    "full_name": 0.3,
    "date": 0.3,
    "identifier": 0.3,
    "year": 0.4,
    "surname": 0.4,
    "sex": 0.1,
}
"""How often, at most, one person's records differ in it: what is learned without labels stays a person."""
LEAST = 1e-12
RESERVE = 0.01
LEAST_ALONE = 0.05  # the share of records without a partner is never taken to be less
SURELY = 1 - 2**-15  # of a pair that a certain step joined
MOST_ROWS = 500_000  # at a time
MOST_LEARNED = 150_000


@dataclass(frozen=True)
class Seen:
    """How pairs look: by column the number of its level (-1 unknown) and how rare its value; how many pairs each is."""

    levels: npt.NDArray[np.int8]  # pairs x columns
    rarity: dict[int, npt.NDArray[np.floating]]  # by column: bits, where its agreement is weighed by frequency
    count: Floats

    def part(self, rows: slice | Marks, times: float = 1.0) -> Seen:
        """Some of the pairs, each standing for so many."""
        return Seen(self.levels[rows], {c: bits[rows] for c, bits in self.rarity.items()}, self.count[rows] * times)


@dataclass(frozen=True)
class Partners:
    """Of two files in which nobody stands twice: the two records of each pair, numbered from 0; how many there are."""

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    sizes: tuple[int, int]

    def part(self, rows: Marks) -> Partners:
        """Of some of the pairs."""
        return Partners(self.left[rows], self.right[rows], self.sizes)

    def likely(self, odds: Floats, found: float) -> Floats:
        """How far each pair is one person's, each record having one partner at most. odds: of each pair by itself.

        found: how many records have a partner; a record that nobody claims speaks for a pair, its rivals against it.
        """
        alone = [max(1 - found / max(size, 1), LEAST_ALONE) for size in self.sizes]
        odds = odds / (alone[0] * alone[1])
        rivals: Floats = sum(np.bincount(side, weights=odds)[side] for side in (self.left, self.right)) - odds
        likely: Floats = odds / (1 + np.maximum(rivals, odds))
        return likely


@dataclass(frozen=True)
class Shares:
    """By column: how often each level is seen in pairs of one person (m) and by chance (u); what the column means."""

    m: list[Floats]
    u: list[Floats]
    means: list[str]
    most_rarity: float | None = None

    def rarer(self, seen: Seen, column: int) -> Floats | None:
        """How much rarer than values are the one that a pair agrees on is, in bits."""
        if column not in seen.rarity:
            return None
        bits: Floats = np.nan_to_num(seen.rarity[column] + np.log2(self.u[column][0]))
        return bits if self.most_rarity is None else np.minimum(bits, self.most_rarity)


@dataclass(frozen=True)
class Kinds:
    """Kinds of pairs: their share of all, and by column (kinds x levels) the share of each level."""

    share: Floats
    levels: list[Floats]


@dataclass(frozen=True)
class Learned:
    """The kinds of two people, and of one person: who stayed, who moved; None where no move could show."""

    two: Kinds
    one: Kinds | None


def weights_of(seen: Seen, shares: Shares, one: Kinds | None = None) -> Floats:
    """log2 of how much oftener one person's pairs look like this than strangers' do; one: who stayed, who moved."""
    total = np.zeros(len(seen.count))
    for column, (m, u) in enumerate(zip(shares.m, shares.u, strict=True)):
        if one is not None and shares.means[column] in CHANGED_BY_A_MOVE:
            continue
        total += np.append(np.log2(m / u), 0.0)[seen.levels[:, column]]
        if (extra := shares.rarer(seen, column)) is not None:
            total += extra
    return total if one is None else total + np.log2(by_moves(seen, one, shares).sum(axis=1))


def by_moves(seen: Seen, one: Kinds, shares: Shares) -> Floats:
    """By pair for who stayed and who moved: its share times how much oftener the places look like this than strangers'.

    Who stayed has his own place, and a rare one tells more; who moved has another's.
    """
    total = np.tile(one.share, (len(seen.count), 1))
    for column, (levels, u) in enumerate(zip(one.levels, shares.u, strict=True)):
        if shares.means[column] not in CHANGED_BY_A_MOVE:
            continue
        extra = shares.rarer(seen, column)
        for kind in range(2):
            by_kind = np.append(levels[kind] / u, 1.0)[seen.levels[:, column]]
            total[:, kind] *= by_kind if extra is None or kind else by_kind * np.exp2(extra)
    return np.maximum(total, 1e-30)


def learn_kinds(
    compared: Seen,
    others: Seen,
    shares: Shares,
    prior: float,
    *,
    certain: Marks | None = None,
    partners: Partners | None = None,
) -> tuple[Learned, list[Floats]]:
    """The kinds, and how many of one person's pairs show each level, by column.

    compared: the compared pairs; others: a sample of all others, never one person's. certain: which of the
    compared pairs are one person's beyond doubt; where it is given, m is learned too, else it stays.
    """
    step = max(1, len(compared.count) // MOST_LEARNED)
    rows = (np.arange(len(compared.count)) if partners is None else partners.left) % step == 0
    compared = compared.part(rows, step)
    sure = None if certain is None else certain[rows]
    partners = None if partners is None else partners.part(rows)
    first = FIRST_SHARE * compared.count.sum() / (compared.count.sum() + others.count.sum())
    kinds = Learned(_first_of_two(shares, first), _first_of_one(shares))
    counted: list[Floats] = []
    least, most = prior / FURTHEST, min(prior * FURTHEST, 0.5)
    if partners is not None:
        most = min(most, 1 / max(*partners.sizes, 2))
    for _ in range(ROUNDS):
        kinds, prior, one = _once(compared, others, kinds, shares, prior, sure, partners)
        prior = min(max(prior, least), most)
        counted = [counts(compared, one, c, len(u)) for c, u in enumerate(shares.u)]
        if sure is not None:
            shares = replace(
                shares, m=[_smoothed(*three) for three in zip(counted, shares.m, shares.means, strict=True)]
            )
    return kinds, counted if sure is None else [m * one.sum() for m, one in zip(shares.m, counted, strict=True)]


def _first_of_two(shares: Shares, first: float) -> Kinds:
    """What learning begins with: as many of each kind, of twins and heirs a few."""
    parts = np.array([0.0, *[first] * (len(STARTS) - 1)])
    for kind, told_by in FEW.items():
        parts[kind] *= MOST_FEW if told_by & set(shares.means) else 0.0
    parts[0] = 1 - parts.sum()
    columns = zip(shares.m, shares.u, shares.means, strict=True)
    return Kinds(parts, [np.array([m if means in start else u for start in STARTS]) for m, u, means in columns])


def _first_of_one(shares: Shares) -> Kinds | None:
    if sum(means in CHANGED_BY_A_MOVE for means in shares.means) < 2:
        return None
    return Kinds(
        np.array([1 - FIRST_MOVED, FIRST_MOVED]), [np.array([m, u]) for m, u in zip(shares.m, shares.u, strict=True)]
    )


def _smoothed(counted: Floats, before: Floats, means: str) -> Floats:
    """Shares of what was counted; what was not seen is still possible."""
    if not counted[:-1].sum():
        return before
    shares: Floats = counted / counted.sum() + RESERVE / len(counted)
    shares /= shares.sum()
    most = MOST_DIFFERING.get(means, 1.0)
    if shares[-1] > most:
        shares = np.append(shares[:-1] * (1 - most) / shares[:-1].sum(), most)
    return shares


def _once(
    compared: Seen,
    others: Seen,
    kinds: Learned,
    shares: Shares,
    prior: float,
    sure: Marks | None,
    partners: Partners | None,
) -> tuple[Learned, float, Floats]:
    """One round of expectation and maximisation: kinds, prior, and how far each compared pair is one person's."""
    one: Floats = prior * np.exp2(weights_of(compared, shares, kinds.one).clip(-100, 100))
    two, never = (1 - prior) * ratios(compared, kinds.two, shares), ratios(others, kinds.two, shares)
    person = one / (one + two.sum(axis=1))
    if partners is not None:
        found = prior * (float(compared.count.sum()) + float(others.count.sum()))
        person = partners.likely(one / two.sum(axis=1), found)
    if sure is not None:
        person = np.where(sure, np.maximum(person, SURELY), person)
    likely = two * ((1 - person) * compared.count / two.sum(axis=1))[:, None]
    unlikely = never * (others.count / never.sum(axis=1))[:, None]
    share = likely.sum(axis=0) + unlikely.sum(axis=0)
    for kind in FEW:
        share[kind] = min(share[kind], MOST_FEW * share[HOUSE])
    levels = [_relearned(compared, others, likely, unlikely, shares, c) for c in range(len(shares.u))]
    person = person * compared.count
    found = float(person.sum())
    learned = Learned(
        Kinds(np.maximum(share / share.sum(), LEAST), levels), _moves(compared, kinds.one, shares, person)
    )
    return learned, found / (found + float(share.sum())), person


def _moves(compared: Seen, before: Kinds | None, shares: Shares, person: Floats) -> Kinds | None:
    """Who stayed and who moved, counted over the pairs as far as each is one person's."""
    if before is None:
        return None
    parts = by_moves(compared, before, shares)
    parts *= (person / parts.sum(axis=1))[:, None]
    moved = min(float(parts[:, 1].sum() / max(parts.sum(), LEAST)), MOST_MOVED)
    levels = []
    for column, u in enumerate(shares.u):
        counted = np.array([counts(compared, part, column, len(u)) for part in parts.T])
        counted += SMOOTHING * np.array([before.levels[column][0], u])
        counted /= counted.sum(axis=1, keepdims=True)
        kept = counted[1, :-1] * min(1.0, MOST_KEPT / max(float(counted[1, :-1].sum()), LEAST))
        counted[1] = np.append(kept, 1 - kept.sum())
        levels.append(np.maximum(counted, np.array([RESERVE / len(u), LEAST])[:, None]))
    return Kinds(np.array([1 - moved, moved]), levels)


def _relearned(compared: Seen, others: Seen, likely: Floats, unlikely: Floats, shares: Shares, column: int) -> Floats:
    """A column's levels by kind; strangers agree as chance has it."""
    chance = shares.u[column]
    made = [chance]
    for kind in range(1, likely.shape[1]):
        counted = counts(compared, likely[:, kind], column, len(chance))
        counted += counts(others, unlikely[:, kind], column, len(chance)) + SMOOTHING * chance
        share = counted / counted.sum()
        if shares.means[column] in OF_ONE - STARTS[kind]:
            kept = np.minimum(share[:-1], chance[:-1] * MOST_OF_ONE)
            kept = np.maximum(kept, chance[:-1] * LEAST_OF_ONE)
            share = np.append(kept, max(1 - kept.sum(), LEAST))
        made.append(share)
    return np.array(made)


def counts(seen: Seen, likely: Floats, column: int, size: int) -> Floats:
    """By level: the sum of what is likely over the pairs that show it."""
    return np.bincount(seen.levels[:, column].astype(np.int64) + 1, weights=likely, minlength=size + 1)[1:].astype(
        np.float64
    )


def surplus(seen: Seen, kinds: Kinds, shares: Shares) -> Floats:
    """For each pair, in bits: how much likelier two people look like this than strangers do."""
    return np.concatenate(
        [
            np.log2(ratios(seen.part(slice(at, at + MOST_ROWS)), kinds, shares).sum(axis=1))
            for at in range(0, len(seen.count), MOST_ROWS)
        ]
        or [np.zeros(0)]
    )


def ratios(seen: Seen, kinds: Kinds, shares: Shares) -> Floats:
    """By pair and kind: its share times how much oftener it looks like this than strangers do."""
    total = np.tile(kinds.share, (len(seen.count), 1))
    for column, (levels, u) in enumerate(zip(kinds.levels, shares.u, strict=True)):
        at = seen.levels[:, column]
        lucky = np.minimum(levels, u) / u  # of what agrees, some agrees by chance
        shared = levels / u - lucky
        extra = shares.rarer(seen, column)
        for kind in range(1, len(kinds.share)):
            by_kind = np.append(shared[kind], 0.0)[at]
            if extra is not None:
                by_kind = by_kind * np.exp2(extra)
            total[:, kind] *= by_kind + np.append(lucky[kind], 1.0)[at]
    return np.maximum(total, 1e-30)
