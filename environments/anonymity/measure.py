"""How anonymous are microdata, and which classes fall short of what is required? Definitions: model.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from environments.anonymity.classes import Counted, counting
from environments.anonymity.errors import ColumnsUnfit
from environments.anonymity.model import (
    NEARLY,
    AnonymityRequirement,
    AnonymityResult,
    ColumnRoles,
    FailingClass,
    NullRule,
    SensitiveOutcome,
)
from environments.anonymity.reading import Microdata
from environments.anonymity.spread import (
    Bools,
    Floats,
    Ints,
    Spread,
    commonest,
    distinct,
    entropies,
    equal_distances,
    ordered_distances,
    tails,
    without_nulls,
)


def measure_anonymity(
    microdata: Microdata,
    roles: ColumnRoles,
    required: AnonymityRequirement | None = None,
    nulls: NullRule = NullRule.OWN_VALUE,
    null_codes: Sequence[str] = (),
) -> AnonymityResult:
    """k, l and t of microdata, and the classes below what is required.

    microdata: read with `roles.columns`. null_codes: texts that are empty cells.

    Raises:
        ColumnsUnfit: l or t is required of no sensitive column, or a row does not say whose it is.
        AnonymityError: the classes could not be counted.
    """
    required = required or AnonymityRequirement()
    check_required(required, roles)
    with counting(microdata, roles, null_codes) as counted:
        sizes = counted.sizes(nulls)
        columns = [_Column(counted, number, nulls, sizes) for number in range(len(roles.sensitive))]
        faults = _faults(required, sizes, columns)
        return AnonymityResult(
            required=required,
            nulls=nulls,
            rows=counted.rows,
            people=counted.people,
            classes=len(sizes),
            k=int(sizes.min()),
            sensitive=tuple(one.outcome(required) for one in columns),
            failing=tuple(_failing(counted, microdata, sizes, columns, faults)),
            places_are=microdata.places_are,
        )


def check_required(required: AnonymityRequirement, roles: ColumnRoles) -> None:
    """Can that be asked of these columns? Raises ColumnsUnfit."""
    if required.needs_sensitive() and not roles.sensitive:
        raise ColumnsUnfit("l and t are asked of a sensitive column.", where="--sensitive", mend="Name one at least.")


class _Column:
    """One sensitive column, class by class."""

    def __init__(self, counted: Counted, number: int, nulls: NullRule, sizes: Ints) -> None:
        self.name = counted.roles.sensitive[number]
        self.ordered = counted.ordered[number]
        spread, whole = counted.spread(number, nulls)
        self.t: Floats = (ordered_distances if self.ordered else equal_distances)(spread, whole)
        self.spread: Spread = without_nulls(spread) if nulls is NullRule.WILDCARD else spread
        self.l: Ints = distinct(self.spread)
        self.shared: Bools = (commonest(self.spread) == sizes) & (self.l > 1)

    def outcome(self, required: AnonymityRequirement) -> SensitiveOutcome:
        """The column as a whole: its worst class by each measure."""
        smallest = required.l or int(self.l.min())
        ratio = float(tails(self.spread, smallest).max())
        return SensitiveOutcome(
            column=self.name,
            ordered=self.ordered,
            l=int(self.l.min()),
            entropy_l=float(entropies(self.spread).min()),
            recursive_l=smallest,
            recursive_c=ratio if np.isfinite(ratio) else None,
            t=float(self.t.max()),
            shared=int(self.shared.sum()),
        )


def _faults(required: AnonymityRequirement, sizes: Ints, columns: list[_Column]) -> dict[str, Bools]:
    """Which classes fail what."""
    nothing = np.zeros(len(sizes), dtype=bool)
    faults = {"k": sizes < required.k if required.k else nothing, "l": nothing, "t": nothing}
    for one in columns:
        if required.l is not None:
            # Of a person's several rows one may be like everybody's: then that is told, however many others there are.
            faults["l"] = faults["l"] | (one.l < required.l) | (one.shared if required.l > 1 else nothing)
        if required.t is not None:
            faults["t"] = faults["t"] | (one.t > required.t + NEARLY)
    return faults


def _failing(
    counted: Counted, microdata: Microdata, sizes: Ints, columns: list[_Column], faults: dict[str, Bools]
) -> list[FailingClass]:
    numbers = np.flatnonzero(np.logical_or.reduce(list(faults.values()))).tolist()
    found = zip(numbers, counted.named(numbers), counted.rows_of(numbers), strict=True)
    failing = [
        FailingClass(
            categories=dict(zip(counted.roles.quasi, codes, strict=True)),
            size=int(sizes[number]),
            l=min((int(one.l[number]) for one in columns), default=None),
            t=max((float(one.t[number]) for one in columns), default=None),
            fails=tuple(name for name, failing in faults.items() if failing[number]),
            places=tuple(microdata.place(row) for row in rows.tolist()),
        )
        for number, codes, rows in found
    ]
    return sorted(failing, key=lambda one: [(code is None, code or "") for code in one.categories.values()])
