"""Hierarchies of values: two forms of file, what they mean, and what is none."""

from __future__ import annotations

import pytest

from audit.errors import HavenError
from environments.anonymity.errors import HierarchyUnfit
from environments.anonymity.hierarchy import read_hierarchy
from environments.disclosure.errors import TableUnfit

LEVELS = b"17,15-19,0-19\n18,15-19,0-19\n01,0-4,0-19\n"
PARENTS = b"child,parent\n17,15-19\n18,15-19\n01,0-4\n15-19,0-19\n0-4,0-19\n"
PARENT_FIRST = b"parent,child\n15-19,17\n15-19,18\n0-4,01\n0-19,15-19\n0-19,0-4\n"


@pytest.mark.parametrize(
    "content", [LEVELS, b"age,five,twenty\n" + LEVELS, PARENTS, PARENTS.split(b"\n", 1)[1], PARENT_FIRST]
)
def test_both_forms_say_the_same(content: bytes) -> None:
    """Levels, and parents, with a heading or without."""
    found = read_hierarchy(content, "age")
    assert found.height == 2
    assert [found.form("17", level) for level in range(3)] == ["17", "15-19", "0-19"]
    assert [found.form("01", level) for level in range(3)] == ["01", "0-4", "0-19"]
    assert [found.loss(found.form("17", level), level) for level in range(3)] == [0, 0.5, 1]


def test_an_uneven_tree_is_cut_from_its_root() -> None:
    """A value that ends higher stays itself until the level of its parent."""
    found = read_hierarchy(b"child,parent\nLeeds,North\nNorth,UK\nJersey,UK\n", "area")
    assert [found.form("Jersey", level) for level in range(3)] == ["Jersey", "Jersey", "UK"]
    assert [found.form("North", level) for level in range(3)] == ["North", "North", "UK"]
    assert found.loss("UK", 2) == 1


def test_a_null_stays_one_until_all_are_one() -> None:
    """It is of the root where there is one only."""
    found = read_hierarchy(LEVELS, "age")
    assert [found.form(None, level) for level in range(3)] == [None, None, "0-19"]
    two_roots = read_hierarchy(b"a,x\nb,y\n", "area")
    assert two_roots.form(None, 1) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"age,five\n", "empty"),
        (b"17,15-19\n18\n", "line 2"),
        (b"17\n", "line 1"),
        (b"17,\n", "line 1"),
        (b'17,"15-19\n', "not CSV"),
        (b"17,15-19\n17,10-19\n", "line 2"),
        (b"17,15-19,0-19\n18,15-19,0-29\n", "line 2"),
        (b"a,b\nb,a\n", "under itself"),
        (b"a,b\nb,c\na,c\n", "two parents"),
        (b"17,15-\xe9\n", "UTF-8"),
        (b"PK\x03\x04", "workbook"),
    ],
)
def test_what_is_no_hierarchy_is_refused(content: bytes, said: str) -> None:
    """With the line, and how to mend it."""
    with pytest.raises((HierarchyUnfit, TableUnfit)) as refused:
        read_hierarchy(content, "age")
    assert said in str(refused.value)
    assert isinstance(refused.value, HavenError)
    assert refused.value.mend


def test_a_value_that_it_does_not_know_is_refused() -> None:
    """Without telling which: it may be somebody's."""
    with pytest.raises(HierarchyUnfit, match="1 of the file's values") as refused:
        read_hierarchy(LEVELS, "age").check_values(["17", "1", None])
    assert "'1'" not in str(refused.value)
