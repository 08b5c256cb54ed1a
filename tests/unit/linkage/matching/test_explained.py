"""What a run tells who started it: every row counted once, by how it was joined, and no small count shown."""

from __future__ import annotations

from linkage.matching.explained import BY_KEY, BY_STEP, WORDS, How, came_in, everything, too_common
from linkage.matching.ladder import STEP_LABELS
from linkage.sealed.joining import KEY_LABELS

COUNTS = {
    "steps": [["gp", 0, 412], ["gp", 1, 1000], ["hospital", 7, 101], ["hospital", 8, 203], ["deaths", 15, 20],
              ["deaths", 16, 31], ["deaths", 17, 4]],
    "new": [[0, 12], [1, 500], [8, 203], [17, 4]],
    "sealed": {"steps": [["council", 0, 30], ["council", 4, 300], ["council", 5, 57], ["council", 13, 20]],
               "new": [[4, 300], [13, 20]]},
}  # fmt: skip


def test_every_step_and_key_that_a_link_can_name_has_its_kind() -> None:
    """None is left out of the sum, and each kind has its words."""
    assert set(BY_STEP) == set(STEP_LABELS)
    assert set(BY_KEY) == set(KEY_LABELS)
    assert set(BY_STEP.values()) == set(How) == set(WORDS)


def test_the_steps_of_the_nhs_number_are_the_certain_ones() -> None:
    """By what they ask for, not by their place; those of mode B too."""
    for kinds, labels in ((BY_STEP, STEP_LABELS), (BY_KEY, KEY_LABELS)):
        certain = {step for step, how in kinds.items() if how is How.CERTAIN}
        assert certain == {step for step, label in labels.items() if label.startswith("NHS number")}
        assert certain


def test_rows_are_counted_once_over_both_modes() -> None:
    """All that are linked, and of those what this run brought; rounded to five."""
    assert everything(COUNTS) == {
        "rows": "2,180", "certain_steps": "1,400", "name_steps": "300", "model": "30", "reviewer": "fewer than 10",
        "not_joined": "440",
    }  # fmt: skip
    assert came_in(COUNTS) == {
        "rows": "1,040", "certain_steps": "800", "name_steps": "225", "model": "0", "reviewer": "fewer than 10",
        "not_joined": "10",
    }  # fmt: skip


def test_without_mode_b_nothing_of_it_is_added() -> None:
    """A haven without tokens."""
    assert came_in({"steps": [], "new": [[1, 40]], "sealed": {}})["rows"] == "40"


def test_what_is_too_common_to_weigh_by_is_told_as_it_may_be_shown() -> None:
    """Rounded, small counts hidden; nothing where nothing was left out."""
    crowded = {"keys": [["p g", 3, 612]], "values": 3, "records": 612, "with_nobody": 403}
    shown = {"values": "fewer than 10", "records": "610", "with_nobody": "405"}
    assert too_common({**COUNTS, "crowded": crowded}) == shown
    assert too_common(COUNTS) is too_common({**COUNTS, "crowded": {}}) is None
