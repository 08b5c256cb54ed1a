"""How is a record written? In one whole row of those it was received in: never one column of one and one of another.

A record stays one record when rules change, and its rows may then be written in several ways: the most frequent speaks
for it, and of equally frequent ones the first by its values. A mixture would be a person who never was.
"""

from __future__ import annotations

from linkage.standardise.specification import IDENTITY

NAMES = ", ".join(IDENTITY)


def writings_sql(where: str = "record IS NOT NULL") -> str:
    """A query in a linkage zone: record, dataset and IDENTITY, one row a record of those that `where` is true of."""
    return (
        f"SELECT record, dataset, {NAMES} FROM (SELECT record, min(dataset) AS dataset, {NAMES}, count(*) AS often"
        f" FROM identity WHERE {where} GROUP BY record, {NAMES})"
        f" QUALIFY row_number() OVER (PARTITION BY record ORDER BY often DESC, {NAMES}) = 1"
    )
