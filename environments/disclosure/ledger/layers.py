"""Which cells of a table add up? Layers of cells with nobody in common, the finest first.

A total that counts more people than the cells below it tells of those left over: they join the layer as a set of their
own. What a table tells by itself is so known to its layers, and was judged when the table was checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pyroaring import BitMap

from environments.disclosure.ledger.model import CellName, Layer, LedgerDifference, PersonSet


@dataclass
class _Laying:
    """A layer as it grows."""

    sets: list[PersonSet] = field(default_factory=list)
    everybody: BitMap = field(default_factory=BitMap, repr=False)

    def add(self, one: PersonSet) -> None:
        self.sets.append(one)
        self.everybody |= one.people

    def leaves_over(self, total: PersonSet) -> BitMap | None:
        """Whom a total counts beyond the layer's sets; None where they do not lie in it, or fill it."""
        rest = total.people - self.everybody
        if not rest or len(rest) == len(total.people):
            return None
        inside = total.people & self.everybody
        touched = sum(len(one.people) for one in self.sets if one.people.intersect(inside))
        return rest if touched == len(inside) else None

    def says_all_of(self, other: _Laying, smallest: int) -> bool:
        """Is each set of another layer a union of this one's, none of which is too few people?"""
        sums = sum(len(one.people) for one in self.sets if any(one.people <= total.people for total in other.sets))
        return sums == len(other.everybody) and all(len(one.people) >= smallest for one in self.sets)


def layered(sets: Iterable[PersonSet], smallest: int) -> tuple[Layer, ...]:
    """The layers of one table, without those that say nothing more: sets of nobody, sets that stand there already,
    totals of what stands there. smallest: fewer people than so many are too few.
    """
    laid, _ = _laid(sets, smallest)
    told: list[_Laying] = []
    for layer in laid:
        if not any(finer.says_all_of(layer, smallest) for finer in told):
            told.append(layer)
    return tuple(tuple(layer.sets) for layer in told)


def leftovers(sets: Iterable[PersonSet], smallest: int) -> tuple[list[Layer], list[LedgerDifference]]:
    """All layers, and each cell that counts too few people beyond others of its table, with those others."""
    laid, few = _laid(sets, smallest)
    return [tuple(layer.sets) for layer in laid], few


def _laid(sets: Iterable[PersonSet], smallest: int) -> tuple[list[_Laying], list[LedgerDifference]]:
    laid: list[_Laying] = []
    few: list[LedgerDifference] = []
    ordered = _different(sets)
    for one in ordered:
        fitting = next((layer for layer in laid if layer.everybody.isdisjoint(one.people)), None)
        if fitting is None:
            laid.append(fitting := _Laying())
        fitting.add(one)
    for layer in laid:
        for total in ordered:
            if (rest := layer.leaves_over(total)) is not None:
                if len(rest) < smallest:
                    below = (one.cell for one in layer.sets if one.people.intersect(total.people))
                    few.append(LedgerDifference((total.cell,), tuple(below)))
                layer.add(PersonSet.of(_rest_of(total.cell), rest))
    return laid, few


def _different(sets: Iterable[PersonSet]) -> list[PersonSet]:
    """Each set of people once, the smallest first."""
    found: dict[bytes, PersonSet] = {}
    for one in sets:
        if one.people:
            found.setdefault(bytes(one.people.serialize()), one)
    return sorted(found.values(), key=lambda one: (len(one.people), one.cell))


def _rest_of(cell: CellName) -> CellName:
    return cell._replace(cell=f"{cell.cell} beyond the cells below it")
