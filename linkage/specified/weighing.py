"""What do the compared pairs weigh, and what do they teach? Evidence, prior, and what is counted again over all."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import polars as pl

from audit.progress import Progress, silent
from linkage.specified.engine import MOST_FOR_RARITY, SplinkEngine, made_levels
from linkage.specified.frozen import FrozenModel
from linkage.specified.mixture import FURTHEST, Floats, Partners, Seen, Shares, counts, learn_kinds, surplus, weights_of
from linkage.specified.patterns import seen

CERTAIN_WEIGHT = 15.0
ROUNDS_OF_PRIOR = 25
PAIRS_COUNTED_AGAIN = 500_000
ROUNDS = 2  # in which what was learned is counted again over all compared pairs
LEAST_LIKELY = 0.01
DRAWN = 100_000
SEED = 11


class Weighing:
    """The compared pairs of an engine, looked at once and weighed under one model after the other."""

    def __init__(self, engine: SplinkEngine, first: float, *, kinds: bool = True) -> None:
        """first: a first guess of the prior. kinds: are there families and neighbours to be told from one person?"""
        self.engine, self.first, self.kinds = engine, first, kinds
        self.pairs, self.looks = seen(engine, "pairs")
        self._others = self._drawn() if kinds else None
        single = engine.two and engine.specification.link.one_to_one
        ends = (self.pairs["l"].to_numpy(), self.pairs["r"].to_numpy() - engine.sizes[0])
        self._partners = Partners(*ends, engine.sizes) if single else None

    def evidence(self, model: FrozenModel, part: int = 1) -> Floats:
        """log2 of the odds of every pair, or of each so manieth, without the prior."""
        looks = self.looks.part(slice(None, None, part))
        shares = self._shares(model)
        if self._others is None or not len(looks.count):
            return weights_of(looks, shares)
        kinds, _ = learn_kinds(self.looks, self._others, shares, self.first, partners=self._partners)
        return weights_of(looks, shares, kinds.one) - surplus(looks, kinds.two, shares)

    def prior(self, evidence: Floats, part: int = 1) -> float:
        """The specification's; else the share at which the weighed pairs expect as many true ones as it says.

        Bounded by the first guess.
        """
        if known := self.engine.specification.link.prior:
            return known
        prior, possible = self.first, max(self.engine.possible_pairs // part, 1)
        most = min(self.first * FURTHEST, 0.5 if self._partners is None else 1 / max(*self.engine.sizes, 2))
        for _ in range(ROUNDS_OF_PRIOR):
            if self._partners is None or part > 1:
                expected = float(_probability(evidence, prior).sum())
            else:
                odds = np.exp2((evidence + _odds(prior)).clip(-60, 60))
                expected = float(self._partners.likely(odds, prior * possible).sum())
            prior = min(max(expected / possible, self.first / FURTHEST), most)
        return prior

    def weighed(self, evidence: Floats, prior: float) -> pl.DataFrame:
        """l, r, weight: evidence and prior; what a certain step joined weighs at least so much."""
        weight = evidence + _odds(prior)
        return self.pairs.with_columns(
            weight=pl.Series(np.where(self._certain(), np.maximum(weight, CERTAIN_WEIGHT), weight))
        )

    def counted_again(self, model: FrozenModel, progress: Progress = silent) -> FrozenModel:
        """m counted over all compared pairs (an even part of many), each as far as it is likely one person's.

        u stays. Where people change several columns at once (they move), the pairs of one training key hide it; all
        candidates together show it.
        """
        certain = self._certain()
        if self._others is not None:
            progress("learning from all pairs", 0, None)
            shares = self._shares(model)
            _, counted = learn_kinds(
                self.looks, self._others, shares, self.first, certain=certain, partners=self._partners
            )
            return _relearned(model, counted)
        part = max(1, round(self.pairs.height / PAIRS_COUNTED_AGAIN))
        looks, sure = self.looks.part(slice(None, None, part)), certain[::part]
        for step in range(ROUNDS):
            progress("learning from all pairs", step, ROUNDS)
            evidence = self.evidence(model, part)
            prior = self.prior(evidence, part)
            likely = _probability(np.where(sure, np.maximum(evidence, CERTAIN_WEIGHT - _odds(prior)), evidence), prior)
            likely = np.where(likely > LEAST_LIKELY, likely, 0.0)
            model = _relearned(
                model, [counts(looks, likely, c, len(of.levels)) for c, of in enumerate(model.comparisons)]
            )
        return model

    def _certain(self) -> npt.NDArray[np.bool_]:
        certain = pl.DataFrame(self.engine.con.sql("SELECT l, r, TRUE AS certain FROM certain").to_arrow_table())
        joined = self.pairs.join(certain, on=["l", "r"], how="left", maintain_order="left")
        return joined["certain"].fill_null(False).to_numpy()

    def _shares(self, model: FrozenModel) -> Shares:
        specification = self.engine.specification
        m, u = ([np.array([getattr(one, kind) for one in c.levels]) for c in model.comparisons] for kind in "mu")
        means = [specification.column(one.of).means for one in model.comparisons]
        return Shares(m, u, list(means), MOST_FOR_RARITY if self.engine.given_shares else None)

    def _drawn(self) -> Seen:
        """Pairs at random that were not compared, standing for all of those."""
        random, (left, right) = np.random.default_rng(SEED), self.engine.sizes
        one = random.integers(0, left, DRAWN)
        other = random.integers(left, left + right, DRAWN) if self.engine.two else random.integers(0, left, DRAWN)
        both = pl.DataFrame({"l": np.minimum(one, other), "r": np.maximum(one, other)})
        drawn = both.filter(pl.col("l") < pl.col("r")).unique()
        drawn = drawn.join(self.pairs, on=["l", "r"], how="anti")
        self.engine.add_pairs("drawn", drawn)
        _, looks = seen(self.engine, "drawn")
        others = max(self.engine.possible_pairs - self.pairs.height, 0)
        return Seen(looks.levels, looks.rarity, np.full(drawn.height, others / max(drawn.height, 1)))


def _relearned(model: FrozenModel, counted: list[Floats]) -> FrozenModel:
    """The model with m by these counts, by column."""
    made = []
    for comparison, ms in zip(model.comparisons, counted, strict=True):
        labels, us = [level.label for level in comparison.levels], [level.u for level in comparison.levels]
        known = bool(ms.sum())
        made.append(
            comparison.model_copy(update={"levels": made_levels(labels, ms.tolist(), us)}) if known else comparison
        )
    return model.model_copy(update={"comparisons": tuple(made)})


def _odds(prior: float) -> float:
    return math.log2(prior / (1 - prior))


def _probability(evidence: Floats, prior: float) -> Floats:
    weight = (evidence + _odds(prior)).clip(-60, 60)
    likely: Floats = 1 / (1 + np.exp2(-weight))
    return likely
