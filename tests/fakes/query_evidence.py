"""Evidence of queries as a test lays it down, and the same sealed by the gateway's own folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from environments.disclosure.sealed.model import FigurePeople, QueryEvidence, QueryFigure, QueryGroup
from environments.gateway.evidence.sealed import Evidence

QUERY, OTHER = "11111111-2222-4333-8444-555555555555", "66666666-7777-4888-9999-000000000000"
TRUE_COUNTS = {("0-39", "F"): 121, ("0-39", "M"): 134, ("40+", "F"): 209, ("40+", "M"): 4}
"""What stands behind tests.fakes.airlock.GOOD_TABLE."""


def counted(
    groups: Mapping[tuple[Any, ...], int],
    *columns: str,
    query: str = QUERY,
    figures: Mapping[str, tuple[str, bool]] | None = None,
    behind: Mapping[tuple[Any, ...], tuple[FigurePeople, ...]] | None = None,
    rows: int = 3,
    version: int = 1,
) -> QueryEvidence:
    """Groups with their people; columns: the keys' names. figures: of further columns, function and whether it adds."""
    told = dict(figures or {"people": ("count", False)})
    names = (*columns, *told)
    return QueryEvidence(
        query,
        version,
        names,
        tuple(range(len(columns))),
        tuple(QueryFigure(names.index(name), *one) for name, one in told.items()),
        tuple(
            QueryGroup(key, people, people * rows, (behind or {}).get(key) or (FigurePeople(people),) * len(told))
            for key, people in groups.items()
        ),
    )


def as_sealed(known: QueryEvidence, project: str) -> Evidence:
    """The same as the gateway seals it."""
    header = {
        "query": known.query,
        "project": project,
        "sql_digest": "0" * 64,
        "scope_version": known.scope_version,
        "scope_build": "b",
        "at": "2026-11-02T09:00:00+00:00",
        "columns": list(known.columns),
        "keys": list(known.keys),
        "figures": [{"column": f.column, "function": f.function, "adding": f.adding} for f in known.figures],
    }
    columns: dict[str, Any] = {
        f"key_{place}": [group.key[place] for group in known.groups] for place in range(len(known.keys))
    }
    columns |= {"people": [group.people for group in known.groups], "rows": [group.rows for group in known.groups]}
    for place, figure in enumerate(known.figures):
        stand = [group.figures[place] for group in known.groups]
        columns[f"people_{place}"] = [one.people for one in stand]
        columns[f"largest_{place}"] = [list(one.largest) if figure.adding else None for one in stand]
        columns[f"total_{place}"] = [one.total if figure.adding else None for one in stand]
    return Evidence(header, pa.table(columns))
