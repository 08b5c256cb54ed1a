"""Microdata for tests: written as files, the Adult data, and k, l and t by their definitions, row against row."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from environments.anonymity.measure import measure_anonymity
from environments.anonymity.model import AnonymityResult, ColumnRoles, NullRule
from environments.anonymity.reading import read_microdata

ADULT = Path(__file__).resolve().parents[1] / "data" / "adult"
Row = tuple[str | None, ...]


def adult(folder: Path, name: str = "adult") -> Path:
    """The Adult data as a CSV in this folder."""
    path = folder / f"{name}.csv"
    path.write_bytes(gzip.decompress((ADULT / f"{name}.csv.gz").read_bytes()))
    return path


def written(folder: Path, rows: Sequence[Row], names: Sequence[str]) -> Path:
    """The rows as a CSV in this folder; None is an empty cell."""
    path = folder / "microdata.csv"
    lines = [",".join(names), *(",".join("" if cell is None else cell for cell in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def measured(
    path: Path, quasi: str, sensitive: str = "", *, person: str | None = None, nulls: str = "own-value", **more: object
) -> AnonymityResult:
    """The measures of a file, its columns named in one text each."""
    roles = ColumnRoles(tuple(quasi.split()), tuple(sensitive.split()), person)
    return measure_anonymity(read_microdata(path, roles.columns), roles, nulls=NullRule(nulls), **more)  # type: ignore[arg-type]


def agree(one: Row, other: Row, nulls: str) -> bool:
    """May the two rows be of one class?"""
    if nulls == "own-value":
        return one == other
    return all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))


def by_hand(
    quasi: Sequence[Row], values: Sequence[str | None], nulls: str, people: Sequence[str] | None = None
) -> list[tuple[int, int, float]]:
    """For each row: the size, l and t (equal distance) of the rows that it may be confused with."""
    owners = people or [str(number) for number in range(len(quasi))]
    whole = Counter(value for value, _ in set(zip(values, owners, strict=True)))
    found = []
    for row in quasi:
        peers = [place for place, other in enumerate(quasi) if agree(row, other, nulls)]
        shares = Counter(value for value, _ in {(values[place], owners[place]) for place in peers})
        told = set(shares) if nulls == "own-value" else set(shares) - {None}
        common = sum(
            min(shares[value] / shares.total(), count / whole.total()) for value, count in whole.items()
        )  # what needs no moving
        found.append((len({owners[place] for place in peers}), max(1, len(told)), 1 - common))
    return found
