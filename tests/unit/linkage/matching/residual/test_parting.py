"""Told apart, one person's records are divided by the ladder's steps; what fits both sides is asked about."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.matching.ladder import LADDER
from linkage.matching.residual.parting import Edge, Tokens, part

PERSON = {"n": 1, "b": 2, "b_known": 2, "s": 3, "p": 4, "f": 5, "g": 6, "gi": 6}
NAMELESS = {**PERSON, "f": None, "g": None, "gi": None}
NOBODYS: dict[int, str | None] = {}


def test_the_surer_step_decides() -> None:
    """Three agree on everything, the stranger on number and birthday alone: three are one person, nobody is asked."""
    stranger = {"n": 1, "b": 2, "s": None, "p": None}
    found = part({1: PERSON, 2: PERSON, 3: PERSON, 4: stranger}, [(1, 4)], NOBODYS)
    assert found.groups == (frozenset({1, 2, 3}), frozenset({4}))
    assert (found.steps, found.asked) == ({1: 1, 2: 1, 3: 1}, ())


def test_what_agrees_equally_with_both_is_asked_about() -> None:
    """Two without a name agree with both who were told apart by the same step: they stay together, and are nobody's."""
    found = part({1: PERSON, 2: NAMELESS, 3: NAMELESS, 4: PERSON}, [(1, 4)], NOBODYS)
    assert found.groups == (frozenset({1}), frozenset({2, 3}), frozenset({4}))
    assert found.asked == ((1, 2), (2, 4))


def test_a_later_step_may_know_better() -> None:
    """Equal by the number, but by name and birthday one side's: it is that one's, and nobody is asked."""
    one, other = {"n": 1, "b": 2, "f": 5, "g": 6, "b_known": 2}, {"n": 1, "b": 2, "f": 8, "g": 9, "b_known": 2}
    found = part({1: one, 2: {**one, "s": None}, 3: other}, [(1, 3)], NOBODYS)
    assert found.groups == (frozenset({1, 2}), frozenset({3}))
    assert found.asked == ()


def test_a_registers_two_people_are_not_joined_by_little() -> None:
    """By name and birthday alone two rows of one register stay two people, as in the ladder."""
    named = {"f": 5, "g": 6, "b": 2, "b_known": 2}
    found = part({1: named, 2: named, 3: {"n": 7}}, [(1, 3)], {1: "gp", 2: "gp"})
    assert frozenset({1, 2}) not in found.groups


tokens = st.fixed_dictionaries({name: st.sampled_from([None, 1, 2]) for name in ("n", "b", "s", "p", "f", "g")})
people = st.dictionaries(st.integers(0, 7), tokens, min_size=2)


@st.composite
def torn(draw: st.DrawFn) -> tuple[dict[int, Tokens], list[Edge]]:
    """Records, and some pairs of them that were told apart."""
    records = draw(people)
    return records, draw(st.lists(st.sampled_from(list(combinations(sorted(records), 2))), max_size=4))


@given(torn())
@settings(max_examples=300, deadline=None)
def test_no_group_holds_what_was_told_apart(case: tuple[dict[int, Tokens], list[Edge]]) -> None:
    """Every record is in one group; nobody told apart is together; who is asked of is in two groups."""
    records, apart = case
    found = part(records, apart, NOBODYS)
    assert sorted(one for group in found.groups for one in group) == sorted(records)
    assert not any(set(pair) <= group for pair in apart for group in found.groups)
    of = {one: group for group in found.groups for one in group}
    assert all(of[a] != of[b] and not any({x in of[a], y in of[b]} == {True} for x, y in apart) for a, b in found.asked)


@given(torn(), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_numbers_and_order_decide_nothing(case: tuple[dict[int, Tokens], list[Edge]], by: object) -> None:
    """Renamed and in another order, the same records fall into the same groups."""
    records, apart = case
    names = list(records)
    by.shuffle(names)  # type: ignore[attr-defined]
    renamed = {old: new + 100 for new, old in enumerate(names)}
    first = part(records, apart, NOBODYS)
    moved = part({renamed[one]: records[one] for one in names}, [(renamed[b], renamed[a]) for a, b in apart], NOBODYS)
    assert {frozenset(renamed[one] for one in group) for group in first.groups} == set(moved.groups)
    assert len(first.asked) == len(moved.asked)


@given(people)
@settings(max_examples=200, deadline=None)
def test_without_a_word_nothing_is_torn(records: dict[int, Tokens]) -> None:
    """Nobody told apart: what shares a key of any step is one group, as the ladder connects it."""
    found = part(records, [], NOBODYS)
    of = {one: group for group in found.groups for one in group}
    for a, b in combinations(sorted(records), 2):
        for step in LADDER:
            for key in step.keys:
                if all(
                    records[a].get(name) is not None and records[a].get(name) == records[b].get(name) for name in key
                ):
                    assert of[a] == of[b]
