"""How coarse must microdata become to be anonymous enough, with the least loss? Found exactly, then checked.

Every row of a column goes to the same level (full-domain generalisation). Classes that still fall short are left out,
as many rows as the limit allows. Searched on counts of the distinct combinations; measured again on the rows that are
left, as whoever receives them could (rules/disclosure.md, 3). A null is a value of its own here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from environments.anonymity.classes import Counted, counting
from environments.anonymity.errors import ColumnsUnfit, Unreachable
from environments.anonymity.hierarchy import Hierarchy, kept_as_it_is
from environments.anonymity.lattice import MOST_NODES, Found, Outcome, least_loss
from environments.anonymity.measure import check_required, measure_anonymity
from environments.anonymity.model import (
    NEARLY,
    AnonymityRequirement,
    AnonymityResult,
    ColumnRoles,
    Generalisation,
    NullRule,
)
from environments.anonymity.reading import Microdata
from environments.anonymity.spread import (
    Bools,
    Floats,
    Ints,
    Spread,
    commonest,
    distinct,
    equal_distances,
    gathered,
    ordered_distances,
)


@dataclass(frozen=True)
class Generalised:
    """What was found, and the rows that are left, their quasi-identifiers made coarser.

    The rows are in the file's order, which tells where each was in it: write_microdata sorts them.
    """

    generalisation: Generalisation
    table: pa.Table


def generalise(
    microdata: Microdata,
    roles: ColumnRoles,
    hierarchies: Mapping[str, Hierarchy],
    required: AnonymityRequirement,
    *,
    suppress: float = 0.0,
    null_codes: Sequence[str] = (),
) -> Generalised:
    """The generalisation that reaches what is required and loses least.

    hierarchies: by column; a quasi-identifier without one stays as it is. suppress: the greatest share of the rows that
    may be left out, 0 to 1.

    Raises:
        ColumnsUnfit: the request does not make sense, or its hierarchies have too many combinations.
        HierarchyUnfit: a hierarchy does not know a value of the file.
        Unreachable: no generalisation reaches it.
        AnonymityError: the classes could not be counted.
    """
    _check(roles, hierarchies, required, suppress)
    with counting(microdata, roles, null_codes) as counted:
        lattice = _Lattice(counted, hierarchies, required, suppress)
        found = lattice.search()
        left = lattice.rows_left(microdata, found.levels)
    kept = Microdata(left, microdata.numeric if microdata.numeric is not None else lattice.numeric(), "row")
    result = measure_anonymity(kept, roles, required, NullRule.OWN_VALUE, null_codes)
    if not result.passed:
        raise Unreachable("What was made is not what was asked: nothing is written.", mend="Report this.")
    return Generalised(lattice.told(found, result), left.select([*roles.quasi, *roles.sensitive]))


def _check(
    roles: ColumnRoles, hierarchies: Mapping[str, Hierarchy], required: AnonymityRequirement, suppress: float
) -> None:
    check_required(required, roles)
    if not 0 <= suppress < 1:
        raise ColumnsUnfit(
            "The share of rows that may be left out is from 0 to below 1.", where="--suppress", mend="Usual is 0.01."
        )
    if strange := sorted(set(hierarchies) - set(roles.quasi)):
        raise ColumnsUnfit(
            f"Not a quasi-identifier: {', '.join(strange)}.", where="--hierarchy", mend="Name columns of --quasi."
        )


class _Lattice:
    """The distinct combinations of the file, and what becomes of them at each node."""

    def __init__(
        self,
        counted: Counted,
        hierarchies: Mapping[str, Hierarchy],
        required: AnonymityRequirement,
        suppress: float,
    ) -> None:
        self._counted, self._required = counted, required
        self._rows = counted.rows_by_class()
        self._limit = int(suppress * self._rows.sum() + NEARLY)
        self._owners = counted.owners()
        self._columns = [_Quasi(counted, number, hierarchies) for number in range(len(counted.roles.quasi))]
        self._sensitive = [_Values(counted, number) for number in range(len(counted.roles.sensitive))]
        # Where rows may be left out, a class too far from the whole can join a good one and spoil it; and where a
        # person is in both, so can one in which everybody has the same value.
        people = counted.roles.person is not None
        shared = people and (required.l or 0) > 1
        self._only_mends = not shared and (required.t is None or (self._limit == 0 and not people))
        nodes = int(np.prod([float(one.hierarchy.height + 1) for one in self._columns]))
        if nodes > MOST_NODES:
            raise ColumnsUnfit(
                f"The hierarchies have more than {MOST_NODES:,} combinations.",
                where="--hierarchy",
                mend="Leave levels out of the tallest, or make a column coarser beforehand.",
            )

    def search(self) -> Found:
        """The node that loses least. Raises Unreachable."""
        share = self._rows / self._rows.sum() / len(self._columns)
        bounds = [np.array([float(share @ loss[one.codes]) for loss in one.losses]) for one in self._columns]
        found = least_loss(bounds, self._judge)
        if found is None:
            raise Unreachable(
                "No generalisation reaches what is required within the limit of rows left out.",
                mend="Add a coarser level to a hierarchy, name fewer quasi-identifiers, or raise --suppress.",
            )
        return found

    def _judge(self, levels: tuple[int, ...]) -> Outcome:
        groups, rows, bad, mended = self._classes(levels)
        if self._too_many(rows, bad):
            return Outcome(None, mended)
        lost = np.sum([one.losses[level][one.codes] for one, level in zip(self._columns, levels, strict=True)], axis=0)
        lost[bad[groups]] = len(self._columns)
        return Outcome(float(self._rows @ lost / self._rows.sum() / len(self._columns)), False)

    def _classes(self, levels: tuple[int, ...]) -> tuple[Ints, Ints, Bools, bool]:
        """At a node: the class of each combination, the rows of each class, whether it falls short, and, where too
        many do, whether they would at every finer node."""
        groups = self._groups(levels)
        rows = np.bincount(groups, weights=self._rows).astype(np.int64)
        sizes = self._sizes(groups, rows)
        bad: Bools = sizes < (self._required.k or 0)
        if self._too_many(rows, bad) or not self._required.needs_sensitive():
            return groups, rows, bad, True
        spreads = [one.at(groups) for one in self._sensitive]
        least = self._required.l or 0
        for spread in spreads:
            bad |= distinct(spread) < least
        if self._too_many(rows, bad):
            return groups, rows, bad, True
        if self._owners is not None and least > 1:
            for spread in spreads:
                bad |= commonest(spread) == sizes
        return groups, rows, self._far(groups, spreads, rows, bad), self._only_mends

    def _too_many(self, rows: Ints, bad: Bools) -> bool:
        return bool(rows[bad].sum() > self._limit or bad.all())

    def _groups(self, levels: tuple[int, ...]) -> Ints:
        """The class that each combination falls into at this node, from 0 up without a gap."""
        keys = np.zeros(len(self._rows), dtype=np.int64)
        width = 1
        for one, level in zip(self._columns, levels, strict=True):
            forms = one.forms[level]
            count = int(forms.max()) + 1
            if width * count > len(keys) * 8:  # few of the keys that there could be are there
                keys = np.unique(keys, return_inverse=True)[1]
                width = int(keys.max()) + 1
            keys, width = keys * count + forms[one.codes], width * count
        there = np.zeros(width, dtype=np.int64)
        there[keys] = 1
        return np.asarray((np.cumsum(there) - 1)[keys])

    def _sizes(self, groups: Ints, rows: Ints) -> Ints:
        if self._owners is None:
            return rows
        classes, people = self._owners
        return np.bincount(_distinct(groups[classes], people)[0], minlength=len(rows))

    def _far(self, groups: Ints, spreads: list[Spread], rows: Ints, bad: Bools) -> Bools:
        """With the classes too far from the whole of what is left; what is left changes until none is."""
        if self._required.t is None:
            return bad
        while not self._too_many(rows, bad):
            more = bad.copy()
            for one, spread in zip(self._sensitive, spreads, strict=True):
                whole = one.whole(~bad[groups])
                kept = ~bad[spread.classes]
                more[np.flatnonzero(~bad)] |= one.distances(spread, kept, whole) > self._required.t + NEARLY
            if (more == bad).all():
                break
            bad = more
        return bad

    # the chosen node

    def rows_left(self, microdata: Microdata, levels: tuple[int, ...]) -> pa.Table:
        """The rows of the file that are not left out, at these levels."""
        groups, _, bad, _ = self._classes(levels)
        classes = self._counted.class_of_rows()
        kept = ~bad[groups][classes]
        table = microdata.table if kept.all() else microdata.table.filter(pa.array(kept))
        for place, (one, level) in enumerate(zip(self._columns, levels, strict=True)):
            table = table.set_column(place, table.column_names[place], one.at(level, classes[kept]))
        return table

    def numeric(self) -> frozenset[str]:
        """The sensitive columns that have an order: what is left is measured like the whole."""
        ordered = zip(self._counted.roles.sensitive, self._counted.ordered, strict=True)
        return frozenset(name for name, has in ordered if has)

    def told(self, found: Found, result: AnonymityResult) -> Generalisation:
        """What a person is told of the chosen node."""
        names, total = self._counted.roles.quasi, int(self._rows.sum())
        levels = zip(self._columns, found.levels, strict=True)
        _, rows, bad, _ = self._classes(found.levels)
        suppressed = int(rows[bad].sum())
        return Generalisation(
            levels=dict(zip(names, found.levels, strict=True)),
            heights={name: one.hierarchy.height for name, one in zip(names, self._columns, strict=True)},
            loss=found.loss,
            losses={
                name: float(self._rows @ one.losses[level][one.codes]) / total
                for name, (one, level) in zip(names, levels, strict=True)
            },
            rows=total,
            suppressed=suppressed,
            discernibility=int((rows[~bad] ** 2).sum()) + suppressed * total,
            nodes=found.nodes,
            counted=found.counted,
            result=result,
        )


class _Quasi:
    """One quasi-identifier. forms and losses: of each level, by the code of the value."""

    def __init__(self, counted: Counted, number: int, hierarchies: Mapping[str, Hierarchy]) -> None:
        self.values, self.codes = counted.codes(number)
        name = counted.roles.quasi[number]
        self.hierarchy = hierarchies.get(name) or kept_as_it_is(name, self.values)
        self.hierarchy.check_values(self.values)
        self.forms: list[Ints] = []
        self.losses: list[Floats] = []
        for level in range(self.hierarchy.height + 1):
            forms = [self.hierarchy.form(value, level) for value in self.values]
            place = {form: number for number, form in enumerate(dict.fromkeys(forms))}
            self.forms.append(np.array([place[form] for form in forms], dtype=np.int64))
            self.losses.append(np.array([self.hierarchy.loss(form, level) for form in forms]))

    def at(self, level: int, classes: Ints) -> pa.DictionaryArray:
        """The column at a level, for rows of these combinations."""
        forms = [self.hierarchy.form(value, level) for value in self.values]
        known = [form for form in dict.fromkeys(forms) if form is not None]
        place = {form: number for number, form in enumerate(known)}
        codes = np.array([place.get(form or "", 0) for form in forms], dtype=np.int32)
        empty = np.array([form is None for form in forms])
        rows = self.codes[classes]
        return pa.DictionaryArray.from_arrays(pa.array(codes[rows], mask=empty[rows]), pa.array(known, pa.string()))


class _Values:
    """One sensitive column, by combination."""

    def __init__(self, counted: Counted, number: int) -> None:
        self.ordered = counted.ordered[number]
        self._entries = counted.entries(number)
        self._width = int(self._entries[1].max()) + 1
        self._people = bool(counted.roles.person)

    def at(self, groups: Ints) -> Spread:
        """The spread over these groups of combinations."""
        classes, values, last = self._entries
        if not self._people:
            return gathered(groups[classes], values, last)
        pairs, _ = _distinct(groups[classes] * self._width + values, last)
        return gathered(pairs // self._width, pairs % self._width, np.ones(len(pairs), dtype=np.int64))

    def whole(self, kept: Bools) -> Ints:
        """How often each value occurs in the combinations that are kept."""
        classes, values, last = self._entries
        there = kept[classes]
        if not self._people:
            return np.bincount(values[there], weights=last[there], minlength=self._width).astype(np.int64)
        return np.bincount(_distinct(values[there], last[there])[0], minlength=self._width)

    def distances(self, spread: Spread, kept: Bools, whole: Ints) -> Floats:
        """Of each class that is kept, among the values that are left."""
        left = np.flatnonzero(whole)
        places = np.cumsum(whole > 0) - 1
        classes = np.unique(spread.classes[kept], return_inverse=True)[1]
        cut = Spread(classes, places[spread.values[kept]], spread.counts[kept])
        return (ordered_distances if self.ordered else equal_distances)(cut, whole[left])


def _distinct(one: Ints, other: Ints) -> tuple[Ints, Ints]:
    """The pairs, each once."""
    width = int(other.max(initial=0)) + 1
    keys = np.unique(one * width + other)
    return keys // width, keys % width
