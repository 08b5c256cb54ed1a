"""From weighed pairs of clusters to who is joined and whom a person is asked about."""

from __future__ import annotations

from linkage.matching.residual.reduction import BETWEEN, CONTRADICTED, SEVERAL, Bounds, Traits, reduce_pairs

GP, HOSPITAL, CARE = 1, 2, 4
BOUNDS = Bounds(accept=8.0, ask=4.0, margin=4.0)


def _of(*datasets: int) -> dict[int, Traits]:
    return {number: Traits(None, None, None, None, dataset) for number, dataset in enumerate(datasets, 1)}


def test_a_heavy_pair_is_joined_and_a_light_one_is_not() -> None:
    """From the accepting weight on the machine joins; below the asking weight nothing happens."""
    reduced = reduce_pairs({(1, 2): 8.0, (3, 4): 3.9}, _of(GP, HOSPITAL, GP, HOSPITAL), BOUNDS)
    assert (reduced.joined, reduced.asked) == ({2: 1}, {})


def test_between_the_thresholds_a_person_is_asked() -> None:
    """A pair that weighs at least the asking and less than the accepting weight goes to people, not to the machine."""
    reduced = reduce_pairs({(1, 2): 7.9, (3, 4): 4.0}, _of(GP, HOSPITAL, GP, HOSPITAL), BOUNDS)
    assert (reduced.joined, reduced.asked) == ({}, {(1, 2): BETWEEN, (3, 4): BETWEEN})


def test_a_record_that_fits_two_of_one_dataset_alike_is_left_to_people() -> None:
    """Two patients of the practice fit one admission: neither is taken, and both pairs are asked about."""
    reduced = reduce_pairs({(1, 3): 10.0, (2, 3): 9.0}, _of(GP, GP, HOSPITAL), BOUNDS)
    assert (reduced.joined, reduced.asked) == ({}, {(1, 3): SEVERAL, (2, 3): SEVERAL})


def test_far_better_is_good_enough() -> None:
    """By the margin better than the other candidate, the better one is taken; the other is still asked about."""
    reduced = reduce_pairs({(1, 3): 14.0, (2, 3): 9.0}, _of(GP, GP, HOSPITAL), BOUNDS)
    assert (reduced.joined, reduced.asked) == ({3: 1}, {(2, 3): SEVERAL})


def test_two_records_of_one_dataset_are_one_person_only_if_they_weigh_so() -> None:
    """A patient registered twice is one person where the two records themselves are heavy enough."""
    heavy = {(1, 2): 12.0, (1, 3): 12.0, (2, 3): 12.0}
    assert reduce_pairs(heavy, _of(GP, GP, HOSPITAL), BOUNDS).joined == {2: 1, 3: 1}
    del heavy[(1, 2)]
    assert reduce_pairs(heavy, _of(GP, GP, HOSPITAL), BOUNDS).joined == {}


def test_different_nhs_numbers_are_never_one_person() -> None:
    """However heavy: two known NHS numbers that differ keep a chain apart, and a person is asked."""
    traits = _of(GP, HOSPITAL, CARE)
    traits |= {1: Traits(7, 7, None, None, GP), 3: Traits(8, 8, None, None, CARE)}
    reduced = reduce_pairs({(1, 2): 30.0, (2, 3): 29.0}, traits, BOUNDS)
    assert (reduced.joined, reduced.asked) == ({}, {(1, 2): SEVERAL, (2, 3): SEVERAL})


def test_different_initials_are_never_one_person() -> None:
    """The guard for twins: forenames that begin unlike keep records apart."""
    traits = {1: Traits(None, None, 1, 1, GP), 2: Traits(None, None, 2, 2, HOSPITAL)}
    assert reduce_pairs({(1, 2): 30.0}, traits, BOUNDS).joined == {}


def test_what_people_said_stands() -> None:
    """Called one person, a light pair is joined; called different, a heavy one never is, nor is it asked again."""
    traits = _of(GP, HOSPITAL, GP, HOSPITAL)
    reduced = reduce_pairs({(3, 4): 30.0}, traits, BOUNDS, same=[(1, 2)], different=[(3, 4)])
    assert (reduced.joined, reduced.asked) == ({2: 1}, {})


def test_different_holds_across_a_chain() -> None:
    """Two records called different do not become one person by way of a third."""
    reduced = reduce_pairs({(1, 2): 20.0, (2, 3): 19.0}, _of(GP, HOSPITAL, CARE), BOUNDS, different=[(1, 3)])
    assert reduced.joined == {}


def test_what_people_said_cannot_break_a_guard() -> None:
    """Called one person in spite of two NHS numbers: not joined, and asked again with that reason."""
    traits = {1: Traits(7, 7, None, None, GP), 2: Traits(8, 8, None, None, HOSPITAL)}
    reduced = reduce_pairs({}, traits, BOUNDS, same=[(1, 2)])
    assert (reduced.joined, reduced.asked) == ({}, {(1, 2): CONTRADICTED})


def test_the_same_as_two_others_makes_those_one() -> None:
    """Two registrations at one practice that both are called the admission's person are one person."""
    assert reduce_pairs({}, _of(GP, GP, HOSPITAL), BOUNDS, same=[(1, 3), (2, 3)]).joined == {2: 1, 3: 1}


def test_parts_of_one_person_stay_together_whoever_fits_one_of_them() -> None:
    """Three parts of a person of before; a better fit for one of them takes it from none, and is asked about."""
    together = [(1, 2), (1, 3), (2, 3)]
    reduced = reduce_pairs({(3, 4): 30.0}, _of(GP, HOSPITAL, CARE, GP), BOUNDS, together=together)
    assert (reduced.joined, reduced.asked) == ({2: 1, 3: 1}, {(3, 4): SEVERAL})


def test_who_fits_a_person_of_before_goes_with_all_of_it() -> None:
    """Nothing speaks against it: one weight to one part is enough."""
    reduced = reduce_pairs({(2, 3): 9.0}, _of(GP, HOSPITAL, CARE), BOUNDS, together=[(1, 2)])
    assert (reduced.joined, reduced.asked) == ({2: 1, 3: 1}, {})
