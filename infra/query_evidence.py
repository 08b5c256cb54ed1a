"""How does the airlock read what the gateway sealed? Opened, verified, and handed on as the airlock knows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from environments.airlock.errors import EvidenceBroken
from environments.disclosure.sealed.model import FigurePeople, QueryEvidence, QueryFigure, QueryGroup
from environments.gateway.errors import EvidenceInvalid
from environments.gateway.evidence.sealed import Evidence, EvidenceFolder


class OpenedEvidence:
    """The evidence of queries, behind the airlock's port `SealedEvidence`."""

    def __init__(self, folder: EvidenceFolder) -> None:
        self._folder = folder

    def of(self, project: str, query: str) -> QueryEvidence | None:
        """Of one query; None where this project has none of it. Raises EvidenceBroken."""
        try:
            found = self._folder.open(project, query)
            return None if found is None else _as_known(query, found)
        except (EvidenceInvalid, OSError, KeyError, TypeError, ValueError):
            raise EvidenceBroken(
                "The sealed evidence of a query does not verify or cannot be read: it counts for nothing.",
                where=f"query {query}",
                mend="Keep the machine as it is and tell the data team; for the table, run the query again.",
            ) from None


def _as_known(query: str, evidence: Evidence) -> QueryEvidence:
    header = evidence.header
    figures = tuple(QueryFigure(one["column"], one["function"], one["adding"]) for one in header["figures"])
    keys = tuple(header["keys"])
    groups = tuple(_group(row, len(keys), len(figures)) for row in evidence.groups.to_pylist())
    columns = tuple(header.get("columns", ()))  # older evidence does not name them
    return QueryEvidence(query, header["scope_version"], columns, keys, figures, groups)


def _group(row: Mapping[str, Any], keys: int, figures: int) -> QueryGroup:
    return QueryGroup(
        tuple(row[f"key_{place}"] for place in range(keys)),
        row["people"],
        row["rows"] or 0,
        tuple(
            FigurePeople(row[f"people_{place}"], _numbers(row[f"largest_{place}"]), row[f"total_{place}"] or 0.0)
            for place in range(figures)
        ),
    )


def _numbers(found: list[float | None] | None) -> tuple[float, ...]:
    return tuple(one for one in found or () if one is not None)
