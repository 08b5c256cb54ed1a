"""Which group of a query does a row of the file show? By the key columns: their names, else their codes alone.

A key is the file's column of the same name. Where there is none it is the one column whose codes are all the key's own;
several such columns, or none, and the query says nothing of the file. Codes are compared as text, in the spellings that
CSV is written in. What is not clear has no evidence (fail closed).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal

from environments.disclosure.sealed.model import FigurePeople, QueryEvidence, QueryGroup

Codes = Mapping[str, AbstractSet[str]]
Key = tuple[str, ...]
Keyed = tuple[Key, QueryGroup]


@dataclass(frozen=True)
class Laid:
    """A query's evidence beside a file. columns: the file's column of each key; spelled: of each key, text -> code.

    keyed: each group with its codes; indexes: the same by some of the columns, made when first asked for.
    """

    evidence: QueryEvidence
    columns: tuple[str, ...]
    spelled: tuple[Mapping[str, str], ...] = field(repr=False)
    keyed: Sequence[Keyed] = field(repr=False)
    indexes: dict[tuple[int, ...], dict[Key, list[Keyed]]] = field(default_factory=dict, repr=False)

    def of(self, categories: Mapping[str, str]) -> list[QueryGroup] | None:
        """Every group with these categories, in whatever other keys.

        None where the query knows one of the codes not, or two groups are spelled alike.
        """
        places = tuple(place for place, column in enumerate(self.columns) if column in categories)
        codes = [self.spelled[place].get(categories[self.columns[place]].strip()) for place in places]
        known = tuple(code for code in codes if code is not None)
        if len(known) < len(codes):
            return None
        found = self._index(places).get(known, [])
        return [group for _, group in found] if len({key for key, _ in found}) == len(found) else None

    def _index(self, places: tuple[int, ...]) -> dict[Key, list[Keyed]]:
        if places not in self.indexes:
            index = self.indexes[places] = {}
            for key, group in self.keyed:
                index.setdefault(tuple(key[place] for place in places), []).append((key, group))
        return self.indexes[places]

    def numbers(self, column: str) -> list[int]:
        """The aggregates in the result's column of this name, by their places among the figures."""
        places = [place for place, name in enumerate(self.evidence.columns) if name == column]
        return [number for number, figure in enumerate(self.evidence.figures) if [figure.column] == places]

    def figures(self, group: QueryGroup, column: str) -> list[tuple[bool, FigurePeople]]:
        """The same in one group: whether people add to each, and who."""
        figures = self.evidence.figures
        return [(figures[number].adding, group.figures[number]) for number in self.numbers(column)]


def laid_beside(evidence: QueryEvidence, codes: Codes) -> Laid | None:
    """The evidence beside a file with these category columns and codes, without totals; None where it does not fit."""
    spelled = [_spelled(group.key[place] for group in evidence.groups) for place in range(len(evidence.keys))]
    columns = _columns(evidence, codes, spelled)
    if columns is None:
        return None
    keyed = [(tuple(spellings(value)[0] for value in group.key), group) for group in evidence.groups]
    return Laid(evidence, columns, tuple(spelled), keyed)


def _columns(evidence: QueryEvidence, codes: Codes, spelled: Sequence[Mapping[str, str]]) -> tuple[str, ...] | None:
    """The file's column of each key."""
    found: dict[int, str] = {}
    for number, place in enumerate(evidence.keys):
        if place is None:  # by what the result does not show no row can be told
            return None
        name = evidence.columns[place] if place < len(evidence.columns) else ""  # older evidence has no names
        if name in codes:
            found[number] = name
    left = [key for key in range(len(evidence.keys)) if key not in found]
    while left:
        free = [column for column in codes if column not in found.values()]
        fits = {key: [one for one in free if codes[one] and codes[one] <= spelled[key].keys()] for key in left}
        key = next((key for key in left if len(fits[key]) == 1), None)
        if key is None:
            return None
        found[key] = fits[key][0]
        left.remove(key)
    named = tuple(found[key] for key in range(len(evidence.keys)))
    return named if len(set(named)) == len(named) else None


def _spelled(values: Iterable[object]) -> dict[str, str]:
    """Each spelling of a key's values, and the one that stands for it."""
    return {text: spellings(value)[0] for value in values for text in spellings(value)}


def spellings(value: object) -> tuple[str, ...]:
    """How a value may stand in a CSV file; the first stands for all."""
    if value is None:
        return ("",)
    if isinstance(value, bool):
        return (str(value).lower(), str(value), str(value).upper())
    if isinstance(value, int):
        return (str(value), f"{value}.0")
    if isinstance(value, float):
        return (repr(value), str(int(value))) if value.is_integer() else (repr(value),)
    if isinstance(value, Decimal):
        plain = f"{value:f}"
        return (plain, plain.rstrip("0").rstrip(".")) if "." in plain else (plain,)
    if isinstance(value, datetime):
        told = (value.isoformat(" "), value.isoformat(), value.isoformat(" ", "microseconds"))
        return (*told, value.date().isoformat()) if value.time() == time() else told
    if isinstance(value, date):
        return (value.isoformat(),)
    return (str(value).strip(),)
