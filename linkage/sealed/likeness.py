"""Whose filter is nearly the same? For those whom no composite key joined, where a controller agreed to Bloom filters.

Dice's coefficient of balanced filters is one minus the share of bits that differ. From LIKE on, and only where a single
person is so like, a record is joined; the guards of the keys hold.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from linkage.matching.joining import CONTRADICTION, SEVERAL
from linkage.sealed.filters import BITS, FILTER, FILTER_BYTES
from linkage.sealed.numbers import OWN, contradicts

LIKE = 0.93  # one or two letters of a name; no digit of a birthday
AT_ONCE = 64 * 1024 * 1024  # bytes compared in one step


def alike(unmet: pl.DataFrame, known: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    """record, dataset, person, met, flag: who is like somebody. known: record, person and the filter."""
    sought = unmet.filter(pl.col(FILTER).is_not_null())
    there = known.filter(pl.col(FILTER).is_not_null())
    return (
        contradicts(_near(sought, there), numbers)
        .group_by("record", maintain_order=True)
        .agg(
            pl.col("dataset").first(),
            pl.col("person").first(),
            pl.col("met").min(),
            flag=pl.when(pl.col("apart").any())
            .then(pl.lit(CONTRADICTION))
            .when(pl.col("person").n_unique() > 1)
            .then(pl.lit(SEVERAL)),
        )
        .sort("record")
    )


def _near(sought: pl.DataFrame, there: pl.DataFrame) -> pl.DataFrame:
    """record, dataset, own, met, person of every pair that is like enough."""
    most = int((1 - LIKE) * BITS)
    others = _matrix(there)
    rows: list[tuple[int, str, int | None, int, str]] = []
    names = there.select("record", "person").rows()
    for place, (record, dataset, own) in enumerate(sought.select("record", "dataset", OWN).iter_rows()):
        mine = _matrix(sought[place])
        for start in range(0, len(others), AT_ONCE // FILTER_BYTES):
            part = others[start : start + AT_ONCE // FILTER_BYTES]
            unlike = np.bitwise_count(part ^ mine).sum(axis=1, dtype=np.uint16)
            rows += [(record, dataset, own, *names[start + int(hit)]) for hit in np.flatnonzero(unlike <= most)]
    schema = {"record": pl.Int64, "dataset": pl.String, OWN: pl.UInt64, "met": pl.Int64, "person": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _matrix(rows: pl.DataFrame) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
    joined = b"".join(rows[FILTER].to_list())
    return np.frombuffer(joined, dtype=np.uint64).reshape(-1, FILTER_BYTES // 8)
