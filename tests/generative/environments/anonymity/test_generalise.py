"""The generalisation that loses least, against trying every one with pandas; and what coarser never makes worse."""

from __future__ import annotations

import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environments.anonymity.errors import Unreachable
from environments.anonymity.generalise import Generalised, generalise
from environments.anonymity.hierarchy import Hierarchy, read_hierarchy
from environments.anonymity.model import AnonymityRequirement, ColumnRoles
from environments.anonymity.reading import read_microdata
from tests.fakes.microdata import measured, written

AGES = read_hierarchy(b"1,1-2,1-4\n2,1-2,1-4\n3,3-4,1-4\n4,3-4,1-4\n", "age")
AREAS = read_hierarchy(b"child,parent\na,north\nb,north\nc,south\nnorth,all\nsouth,all\n", "area")
KNOWN = {"age": AGES, "area": AREAS}
NULL = "(null)"  # pandas loses nulls where it filters groups
NAMES = ["age", "area", "sex", "s", "p"]

rows = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "3", "4", None]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["F", "M"]),
        st.sampled_from(["v", "w", "x"]),
        st.sampled_from("abcdefgh"),
    ),
    min_size=1,
    max_size=40,
)
asked = st.builds(
    AnonymityRequirement,
    k=st.integers(1, 5),
    l=st.sampled_from([None, 1, 2]),
    t=st.sampled_from([None, 0.2, 0.5]),
)


def made(found: list[Any], required: AnonymityRequirement, suppress: float, person: str | None) -> Generalised:
    """The rows generalised."""
    roles = ColumnRoles(("age", "area", "sex"), ("s",), person)
    with tempfile.TemporaryDirectory() as folder:
        return generalise(
            read_microdata(written(Path(folder), found, NAMES), roles.columns),
            roles,
            KNOWN,
            required,
            suppress=suppress,
        )


def every_one(found: list[Any], required: AnonymityRequirement, suppress: float, person: str | None) -> list[float]:
    """What each generalisation loses that does, tried one by one."""
    frame = pd.DataFrame(found, columns=NAMES).astype(object)
    losses = []
    for ages, areas in product(range(3), range(3)):
        coarse = frame.assign(
            age=[AGES.form(row[0], ages) or NULL for row in found],
            area=[AREAS.form(one, areas) for one in frame["area"]],
        )
        kept = _kept(coarse, required, person)
        if len(kept) and len(frame) - len(kept) <= int(suppress * len(frame) + 1e-9):
            cells = sum(AGES.loss(one, ages) for one in kept["age"] if one != NULL)
            cells += sum(AREAS.loss(one, areas) for one in kept["area"])
            losses.append((cells / 3 + len(frame) - len(kept)) / len(frame))
    return losses


def _kept(frame: pd.DataFrame, required: AnonymityRequirement, person: str | None) -> pd.DataFrame:
    """The rows whose classes do, until nothing more must go."""
    stage = 0
    while True:
        groups = frame.groupby(["age", "area", "sex"])
        whole = _shares(frame, person)
        fine = groups.filter(lambda one: _does(one, whole, required, person, close=stage > 0))  # noqa: B023
        if len(fine) == len(frame) and stage:
            return fine
        frame, stage = fine, stage + 1
        if frame.empty:
            return frame


def _shares(frame: pd.DataFrame, person: str | None) -> pd.Series[float]:
    entries = frame[["s", person]].drop_duplicates() if person else frame
    return entries["s"].value_counts(normalize=True)


def _does(
    group: pd.DataFrame, whole: pd.Series[float], required: AnonymityRequirement, person: str | None, *, close: bool
) -> bool:
    size = group[person].nunique() if person else len(group)
    if size < (required.k or 0) or group["s"].nunique() < (required.l or 0):
        return False
    if person and (required.l or 0) > 1 and group.groupby("s")[person].nunique().max() == size:
        return False
    if required.t is None or not close:
        return True
    return float(_shares(group, person).sub(whole, fill_value=0).abs().sum()) / 2 <= required.t + 1e-9


@pytest.mark.parametrize("person", [None, "p"])
@settings(max_examples=60, deadline=None)
@given(found=rows, required=asked, suppress=st.sampled_from([0.0, 0.1, 0.4]))
def test_none_loses_less(person: str | None, found: list[Any], required: AnonymityRequirement, suppress: float) -> None:
    """The loss is the least of all generalisations tried by hand; where none does, none is made."""
    losses = every_one(found, required, suppress, person)
    if not losses:
        with pytest.raises(Unreachable):
            made(found, required, suppress, person)
        return
    one = made(found, required, suppress, person)
    told = one.generalisation
    assert told.loss == pytest.approx(min(losses))
    assert told.result.passed
    assert one.table.num_rows == len(found) - told.suppressed
    assert told.suppressed <= suppress * len(found)


@settings(max_examples=60, deadline=None)
@given(found=rows, level=st.integers(0, 1))
def test_coarser_is_never_less_anonymous(found: list[Any], level: int) -> None:
    """One level up: k and l never fall, and t never rises."""
    measures = []
    for one in (level, level + 1):
        coarse = [(AGES.form(row[0], one), *row[1:]) for row in found]
        with tempfile.TemporaryDirectory() as folder:
            measures.append(measured(written(Path(folder), coarse, NAMES), "age area", "s"))
    fine, coarser = measures
    assert coarser.k >= fine.k
    assert (coarser.l or 0) >= (fine.l or 0)
    assert (coarser.t or 0) <= (fine.t or 0) + 1e-9


trees = st.lists(st.integers(0, 5), min_size=1, max_size=12)


@settings(max_examples=100, deadline=None)
@given(trees)
def test_any_tree_is_a_hierarchy(parents: list[int]) -> None:
    """Children below invented parents: each level joins forms of the one below, and what is lost never falls."""
    lines = [f"n{child},n{min(parent, child - 1)}" for child, parent in enumerate(parents, start=1)]
    hierarchy: Hierarchy = read_hierarchy(("child,parent\n" + "\n".join(lines)).encode(), "tree")
    for level in range(hierarchy.height):
        above: dict[str | None, str | None] = {}
        for value in hierarchy.forms:
            fine, coarse = hierarchy.form(value, level), hierarchy.form(value, level + 1)
            assert above.setdefault(fine, coarse) == coarse
            assert hierarchy.loss(coarse, level + 1) >= hierarchy.loss(fine, level)
    assert {hierarchy.form(value, hierarchy.height) for value in hierarchy.forms} == {"n0"}
