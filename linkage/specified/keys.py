"""Which blocking, training and certain keys suit these people? Chosen by counting, from what the columns are.

Blocking: pairs with damages of a few kinds are imagined; keys are taken one after the other that reach most of those
not yet reached for the pairs they cost, until the budget is spent. Training: keys whose pairs are mostly one person's
(many more than chance gives), together leaving each column free at least once. Certain: keys on which chance agreement
is rarer than one in a thousand of what agrees.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np
import numpy.typing as npt
import polars as pl

from linkage.specified.pairs import Key
from linkage.specified.specification import Column
from linkage.specified.vocabulary import NAMES

SEED = 11
COUNTED = 20_000
IMAGINED = 8000
ERROR_RATES = (0.05, 0.15, 0.3, 0.5)
PARTS_TRIED: dict[str, tuple[str, ...]] = {
    "forename": ("", "start", "initial"),
    "surname": ("", "sound", "start"),
    "full_name": ("", "sorted", "last_word", "first_word", "last_sound"),
    "date": ("", "month_day", "year", "decade"),
    "postcode": ("", "area"),
    "phone": ("", "end"),
    "text": ("", "start"),
    "place": ("", "start"),
    "street": ("", "start"),
}
SURVIVES = {"initial": 0.85, "start": 0.6, "sound": 0.6, "sorted": 0.3, "area": 0.7, "end": 0.4, "decade": 0.85}
SURVIVES |= {"first_word": 0.6, "last_word": 0.6, "last_sound": 0.75, "month_day": 0.45, "year": 0.55}
DAMAGED = {
    "sex": 0.1,
    "category": 0.5,
    "occupation": 2.0,
    "place": 1.5,
    "street": 1.6,
    "postcode": 1.4,
    "house_number": 1.2,
}
"""How much oftener than others a column of this kind changes between two records of one person."""
PERSONAL = {
    "date": 3.0,
    "full_name": 3.0,
    "identifier": 4.0,
    "email": 3.0,
    "phone": 1.5,
    "forename": 2.0,
    "surname": 1.5,
}
PERSONAL |= {"text": 1.5, "year": 1.2, "street": 0.8, "postcode": 0.7, "place": 0.6}
MOST_RULES = 24
MOST_BY_CHANCE = 0.002  # of a file's records, that agree with another one by chance
FEWEST_KNOWN = 0.25  # of a file's pairs in which the key is known
MOVED = 0.15
OF_PLACE = frozenset({"place", "street", "address", "postcode", "house_number", "area", "phone"})
Codes = npt.NDArray[np.int64]


class Counter:
    """Counts pairs by key, on at most so many records a side, scaled up."""

    def __init__(self, people: list[pl.DataFrame], columns: Iterable[Column]) -> None:
        self.columns = {column.name: column for column in columns}
        self.heights = [frame.height for frame in people]
        samples = [frame.sample(min(COUNTED, frame.height), seed=SEED) for frame in people]
        self.cut = [sample.height for sample in samples]
        self.table = pl.concat(samples, how="vertical_relaxed")
        self._codes: dict[str, Codes] = {}
        self._counts: dict[Key, float] = {}

    @property
    def possible(self) -> float:
        """All pairs there could be."""
        return (
            self.heights[0] * self.heights[1] if len(self.heights) == 2 else self.heights[0] * (self.heights[0] - 1) / 2
        )

    def pairs(self, key: Key) -> float:
        """Pairs that agree on the key, as far as the sample tells."""
        key = tuple(sorted(key))
        if key not in self._counts:
            self._counts[key] = self._count(key)
        return self._counts[key]

    def chance(self, key: Key) -> float:
        """Pairs that would agree if the columns had nothing to do with each other."""
        expected = self.possible
        for part in key:
            expected *= self.pairs((part,)) / self.possible
        return expected

    def known(self, name: str) -> float:
        """The share of pairs in which the column is known on both sides."""
        codes, first = self.codes(name), self.cut[0]
        sides = [codes[:first], codes[first:]] if len(self.cut) == 2 else [codes, codes]
        return float(np.prod([(side >= 0).mean() for side in sides]))

    def codes(self, key: str) -> Codes:
        """A number for each value, -1 for none."""
        if key not in self._codes:
            values = self.table[key.replace(".", "__")]
            self._codes[key] = values.rank("dense").cast(pl.Int64).fill_null(-1).to_numpy()
        return self._codes[key]

    def _count(self, key: Key) -> float:
        codes = self.codes(key[0]).copy()
        for part in key[1:]:
            more = self.codes(part)
            unknown = (codes < 0) | (more < 0)
            codes = codes * (int(more.max()) + 2) + more
            codes[unknown] = -1
            codes = np.unique(codes, return_inverse=True)[1] - (1 if unknown.any() else 0)
        if len(self.cut) == 2:
            most = int(codes.max()) + 1
            first, other = (
                np.bincount(side[side >= 0], minlength=most) for side in (codes[: self.cut[0]], codes[self.cut[0] :])
            )
            count = float((first.astype(np.float64) * other).sum())
            return count * (self.heights[0] / self.cut[0]) * (self.heights[1] / self.cut[1])
        sizes = np.bincount(codes[codes >= 0]).astype(np.float64)
        scale = self.heights[0] / self.cut[0]
        return float((sizes * (sizes - 1) / 2).sum()) * scale * scale


def blocking_keys(counter: Counter, budget: float) -> list[Key]:
    """Keys in the order in which they help most for what they cost."""
    parts = {key: column for column in counter.columns.values() for key in _parts(counter, column)}
    singles = [(part,) for part in parts]
    doubles = [key for key in combinations(parts, 2) if parts[key[0]] is not parts[key[1]]]
    triples = [
        (*key, part)
        for key in doubles
        if counter.pairs(key) > budget / 8
        for part in parts
        if all(parts[part] is not parts[other] for other in key)
    ]
    agree = _imagined(counter, parts)
    candidates: list[Key] = []
    for key in dict.fromkeys(tuple(sorted(key)) for key in [*singles, *doubles, *triples]):
        if 0 < counter.pairs(key) <= budget / 2:
            candidates.append(key)
    reached = (
        np.stack([np.logical_and.reduce([agree[part] for part in key]) for key in candidates]) if candidates else None
    )
    chosen: list[Key] = []
    spent, left = 0.0, np.ones(IMAGINED, dtype=bool)
    costs = np.array([counter.pairs(key) for key in candidates])
    while reached is not None and len(chosen) < MOST_RULES:
        gains = reached[:, left].sum(axis=1) / IMAGINED
        worth = np.where(costs + spent <= budget, gains / np.power(costs + budget / 200, 0.6), 0.0)
        best = int(worth.argmax())
        if gains[best] < 1.5 / IMAGINED or worth[best] <= 0:
            break
        chosen.append(candidates[best])
        spent += costs[best]
        left &= ~reached[best]
    return [key for key in chosen if not any(set(other) < set(key) for other in chosen)]


def _parts(counter: Counter, column: Column) -> list[str]:
    """What of the column is tried; names of several words are taken as if joined: van der Berg, Vanderberg."""
    tried = PARTS_TRIED.get(column.means, ("",))
    if column.means in NAMES and counter.table[column.name].str.contains(" ", literal=True).any():
        tried = tuple(part or "joined" for part in tried)
    return [column.name if not part else f"{column.name}.{part}" for part in tried]


def _imagined(counter: Counter, parts: dict[str, Column]) -> dict[str, npt.NDArray[np.bool_]]:
    """For each part: in which of the imagined pairs of one person does it agree?"""
    random = np.random.default_rng(SEED)
    rates = random.choice(ERROR_RATES, IMAGINED)
    moved = random.random(IMAGINED) < MOVED  # everything about a place changes together
    agree: dict[str, npt.NDArray[np.bool_]] = {}
    for column in counter.columns.values():
        known = random.random(IMAGINED) < counter.known(column.name)
        damaged = random.random(IMAGINED) < np.minimum(rates * DAMAGED.get(column.means, 1.0), 0.9)
        if column.means in OF_PLACE:
            known &= ~moved
        wholly = damaged & (random.random(IMAGINED) < 0.35)
        for key in _parts(counter, column):
            part = key.partition(".")[2]
            survives = random.random(IMAGINED) < SURVIVES.get(part, 0.0)
            agree[key] = known & (~damaged | (~wholly & survives))
    return agree


def training_keys(counter: Counter) -> list[Key]:
    """A few keys, each mostly of one person's pairs, that together leave every column free at least once."""
    weights = {name: PERSONAL.get(column.means, 0.3) for name, column in counter.columns.items()}
    names = sorted((n for n in weights if weights[n] >= 0.3), key=lambda n: -weights[n])[:9]
    tried = [key for size in (1, 2, 3) for key in combinations(names, size)]
    good = []
    for key in tried:
        pairs, chance = counter.pairs(key), counter.chance(key)
        share = max(0.0, 1 - chance / pairs) if pairs else 0.0
        if pairs >= 200 and share >= 0.3 and sum(weights[n] for n in key) >= 2.4:
            good.append((sum(weights[n] for n in key) / len(key) * min(1.0, share + 0.2) - 0.15 * len(key), key))
    chosen: list[Key] = []
    held: dict[str, int] = dict.fromkeys(counter.columns, 0)
    while good and len(chosen) < 4:
        best = max(good, key=lambda one: (one[0] - 2.0 * sum(held[n] for n in one[1]), one[1]))
        if chosen and any(held[n] for n in best[1]) and all(count < len(chosen) for count in held.values()):
            break
        chosen.append(best[1])
        good = [one for one in good if one[1] != best[1] and not set(best[1]) <= set(one[1])]
        for name in best[1]:
            held[name] += 1
    return chosen


def certain_keys(counter: Counter) -> list[Key]:
    """Keys of whole columns on which chance agrees at most once in a thousand agreements."""
    columns = counter.columns
    strong = [n for n, c in columns.items() if c.means in PERSONAL or c.means in {"place", "year", "text"}]
    found: list[Key] = []
    for size in (2, 3, 4):
        for key in combinations(strong, size):
            kinds = {columns[n].means for n in key}
            personal = kinds & {"date", "year", "identifier", "email"} and kinds & {
                "surname",
                "forename",
                "full_name",
                "text",
            }
            if not personal or any(set(other) <= set(key) for other in found):
                continue
            pairs = counter.pairs(key)
            if pairs >= 50 and counter.chance(key) * 10 <= 0.01 * pairs:
                found.append(key)
    return sorted(found, key=lambda key: -counter.pairs(key))[:5]


def repetition_keys(counter: Counter) -> list[Key]:
    """Keys of whole columns that tell whether anybody stands twice in the counter's one file, the shortest that do.

    They hold what is a person's own and no one else's of the house (a forename, a full name, a text), and hardly any
    two records agree on them by chance: what agrees nevertheless is one person. Empty: it cannot be told.
    """
    columns = counter.columns
    strong = [n for n, c in columns.items() if c.means in PERSONAL]
    found: list[Key] = []
    for size in (2, 3, 4):
        for key in combinations(strong, size):
            own = {columns[n].means for n in key} & {"forename", "full_name", "text"}
            if not own or any(set(other) <= set(key) for other in found):
                continue
            known = float(np.prod([counter.known(n) for n in key]))
            if known >= FEWEST_KNOWN and 2 * counter.chance(key) <= MOST_BY_CHANCE * counter.heights[0]:
                found.append(key)
    return found
