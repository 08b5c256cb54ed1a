"""The reader of Thrift's compact protocol has an end to what it takes."""

from __future__ import annotations

import pytest

from linkage.intake.thrift import I64, Compact

TWO_LISTS = bytes([0x19, 0x29, 0x45, 2, 2, 2, 2, 0x45, 2, 2, 2, 2, 0x00])
"""A struct with one field: a list of two lists of four numbers (32 bits) each."""


def test_the_elements_of_all_lists_are_counted_together() -> None:
    """Ten in three lists: no list is long, and all together are."""
    assert Compact(TWO_LISTS, integers=I64, most=10).struct() == {1: [[None] * 4, [None] * 4]}
    with pytest.raises(KeyError):
        Compact(TWO_LISTS, integers=I64, most=9).struct()
