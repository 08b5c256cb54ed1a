"""What do totals tell? Whether they can come from their parts, and what they leave possible of a hidden cell."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from environments.disclosure.attack import Range, Sum, Wide, possible_values
from environments.disclosure.evidence import Key, Line

MOST_DECIMALS = 6  # more of them are a computer's binary fractions, not a person's rounding


@dataclass(frozen=True)
class Totals:
    """The lines that have a total, with what a reader knows of each cell.

    overlapping: columns along which a person may be in several categories. unit: half of the last decimal in which
    amounts are written. excess: by how much a line's parts are known to be more than its total.
    """

    lines: tuple[Line, ...]
    ranges: Mapping[Key, Range]
    overlapping: Collection[str] = ()
    whole: bool = True
    unit: float = 0.0
    excess: Mapping[tuple[Key | None, str], float] | None = None

    def broken(self) -> list[Line]:
        """The lines whose total cannot come from its parts, whatever the hidden ones are."""
        return [line for line in self.lines if not self._can_be(line)]

    def possible(self, targets: Iterable[Key], wide: Wide | None = None) -> dict[Key, Range] | None:
        """The ends of each target that a total ties; None when no table fits.

        Amounts with decimals are taken to add up exactly, unless that cannot be.
        """
        targets = list(targets)
        exact = replace(self, unit=0.0)
        if self.unit and not exact.broken() and (exactly := exact.possible(targets, wide)) is not None:
            return exactly
        keys = list(dict.fromkeys(key for line in self.lines for key in (*line.members, line.total) if key is not None))
        number = {key: place for place, key in enumerate(keys)}
        sums = [self._sum(line, number) for line in self.lines if line.total is not None]
        wanted = [number[key] for key in targets if key in number]
        found = possible_values([self.ranges[key] for key in keys], sums, wanted, wide, whole=self.whole)
        return None if found is None else {keys[cell]: ends for cell, ends in found.items()}

    def _sum(self, line: Line, number: Mapping[Key, int]) -> Sum:
        parts = tuple(number[key] for key in line.members)
        return Sum(number[line.total or ()], parts, self._excess(line), self._overlaps(line), self._slack(line))

    def _can_be(self, line: Line) -> bool:
        if line.total is None:
            return True
        low, high = _ends(self.ranges[line.total])
        parts = [_ends(self.ranges[key]) for key in line.members]
        room = self._slack(line) + 1e-9 * max(
            (abs(end) for part in parts for end in part if math.isfinite(end)), default=0
        )
        most = sum(part[1] for part in parts) - self._excess(line) + room
        least = sum(part[0] for part in parts) - self._excess(line) - room
        if self._overlaps(line):
            return low <= most and all(part[0] <= high for part in parts)
        return low <= most and least <= high

    def _overlaps(self, line: Line) -> bool:
        return line.column in self.overlapping and self.excess is None

    def _excess(self, line: Line) -> float:
        return (self.excess or {}).get((line.total, line.column), 0.0)

    def _slack(self, line: Line) -> float:
        return self.unit * (len(line.members) + 1)


def _ends(found: Range) -> tuple[float, float]:
    low, high = found
    return (-math.inf if low is None else low, math.inf if high is None else high)


def unit_of(texts: Iterable[str]) -> float:
    """Half of the last decimal in which these amounts are written; 0 for whole numbers and for unrounded ones."""
    decimals = max((len(text.partition(".")[2].rstrip("0")) for text in texts if "e" not in text.lower()), default=0)
    return 0.5 * 10**-decimals if 0 < decimals <= MOST_DECIMALS else 0.0


def amount_ranges(numbers: Mapping[Key, float | None], keys: Sequence[Key]) -> dict[Key, Range]:
    """Shown amounts as they are; hidden ones from zero on, and without any end where an amount below zero is shown."""
    lowest: float | None = None if any(one is not None and one < 0 for one in numbers.values()) else 0.0
    return {key: (lowest, None) if (one := numbers.get(key)) is None else (one, one) for key in keys}
