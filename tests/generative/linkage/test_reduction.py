"""Whatever pairs come: the guards hold, people's word stands, and nothing depends on order or numbering."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from linkage.matching.residual.reduction import CONTRADICTED, Bounds, Pair, Reduced, Traits, reduce_pairs

BOUNDS = Bounds()
CLUSTERS = range(1, 8)
TOKEN = st.sampled_from([None, 1, 2])
PAIR = st.tuples(st.sampled_from(CLUSTERS), st.sampled_from(CLUSTERS)).filter(lambda p: p[0] < p[1])


@st.composite
def _traits(draw: st.DrawFn) -> dict[int, Traits]:
    made = {}
    for cluster in CLUSTERS:
        n, first = draw(TOKEN), draw(TOKEN)
        made[cluster] = Traits(n, n, first, first, draw(st.sampled_from([1, 2, 4])))
    return made


WEIGHTS = st.dictionaries(PAIR, st.sampled_from([3.0, 4.0, 6.0, 8.0, 9.0, 12.0, 20.0]))
DECIDED = st.dictionaries(PAIR, st.booleans(), max_size=4)


def _reduced(weights: dict[Pair, float], traits: dict[int, Traits], decided: dict[Pair, bool]) -> Reduced:
    same = [pair for pair, one in decided.items() if one]
    different = [pair for pair, one in decided.items() if not one]
    return reduce_pairs(weights, traits, BOUNDS, same=same, different=different)


def _persons(reduced: Reduced) -> dict[int, int]:
    return {cluster: reduced.joined.get(cluster, cluster) for cluster in CLUSTERS}


def _called_same(decided: dict[Pair, bool]) -> set[Pair]:
    return {pair for pair, one in decided.items() if one}


def _reached(start: int, pairs: set[Pair]) -> set[int]:
    """Whom the pairs connect with this one."""
    reached, grown = {start}, True
    while grown:
        more = {one for pair in pairs if reached & set(pair) for one in pair} - reached
        grown, reached = bool(more), reached | more
    return reached


@given(WEIGHTS, _traits(), DECIDED)
def test_the_guards_hold(weights: dict[Pair, float], traits: dict[int, Traits], decided: dict[Pair, bool]) -> None:
    """No person has two NHS numbers, two initials, two that people called different, or a dataset twice unweighed."""
    persons = _persons(_reduced(weights, traits, decided))
    for a in CLUSTERS:
        for b in range(a + 1, CLUSTERS.stop):
            if persons[a] != persons[b]:
                continue
            one, other = traits[a], traits[b]
            assert None in (one.n_low, other.n_low) or one.n_low == other.n_low
            assert None in (one.first, other.first) or one.first == other.first
            assert decided.get((a, b)) is not False
            if one.datasets & other.datasets:
                assert weights.get((a, b), 0) >= BOUNDS.accept or b in _reached(a, _called_same(decided))


@given(WEIGHTS, _traits(), DECIDED)
def test_nobody_is_joined_without_a_reason(
    weights: dict[Pair, float], traits: dict[int, Traits], decided: dict[Pair, bool]
) -> None:
    """Who is one person hangs together by pairs that are heavy enough or that people called the same."""
    reduced = _reduced(weights, traits, decided)
    reasons = {pair for pair, weight in weights.items() if weight >= BOUNDS.accept}
    reasons |= _called_same(decided)
    for cluster, label in reduced.joined.items():
        assert cluster in _reached(label, reasons)


@given(WEIGHTS, _traits(), DECIDED)
def test_nothing_is_dropped_in_silence(
    weights: dict[Pair, float], traits: dict[int, Traits], decided: dict[Pair, bool]
) -> None:
    """A pair heavy enough to join is joined, asked about, or answered: of whom they came to be, two were told apart."""
    reduced = _reduced(weights, traits, decided)
    persons = _persons(reduced)
    told_apart = {frozenset(persons[end] for end in pair) for pair, one in decided.items() if not one}
    for pair, weight in weights.items():
        if weight >= BOUNDS.accept:
            ends = frozenset(persons[end] for end in pair)
            assert len(ends) == 1 or ends in told_apart or pair in reduced.asked
    for pair, one in decided.items():
        followed = (persons[pair[0]] == persons[pair[1]]) == one
        assert followed or (one and reduced.asked[pair] == CONTRADICTED)


@given(WEIGHTS, _traits(), DECIDED, st.randoms(use_true_random=False))
def test_order_does_not_matter(
    weights: dict[Pair, float], traits: dict[int, Traits], decided: dict[Pair, bool], chance: object
) -> None:
    """The same pairs in another order give the same persons and questions."""
    items = list(weights.items())
    chance.shuffle(items)  # type: ignore[attr-defined]
    assert _reduced(dict(items), traits, decided) == _reduced(weights, traits, decided)
