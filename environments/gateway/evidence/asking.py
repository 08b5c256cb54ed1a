"""What is asked of the worker for evidence, and what becomes of its answer? Pure: the core asks, and keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from environments.gateway.evidence.sealed import Evidence
from environments.gateway.evidence.shape import EvidenceQuestion, Figure
from environments.gateway.model import Parameters

MOST_GROUPS, MOST_BYTES = 100_000, 64 * 1024 * 1024


class EvidenceStore(Protocol):
    """Keeps evidence, sealed."""

    def seal(self, evidence: Evidence) -> str: ...


@dataclass(frozen=True)
class AskedEvidence:
    """The statement that counts the people, the parameters it uses, and how its columns are to be read.

    no_evidence: why its answer is none, but for the brakes: it counts the people behind the query's rows alone.
    """

    sql: str
    used: frozenset[str]
    keys: tuple[int | None, ...]
    figures: tuple[Figure, ...]
    no_evidence: str | None = None

    @classmethod
    def of(cls, question: EvidenceQuestion, sql: str) -> AskedEvidence:
        """From the question, with its text."""
        return cls(
            sql, frozenset(_identifiers(question.sql_tree)), question.keys, question.figures, question.no_evidence
        )

    def parameters(self, given: Parameters) -> Parameters:
        """Of a query's parameters those that are used here, by name or by number."""
        if given is None:
            return None
        named = given if isinstance(given, Mapping) else {str(place): one for place, one in enumerate(given, 1)}
        return {name: value for name, value in named.items() if name in self.used} or None

    def named(self, groups: pa.Table) -> pa.Table:
        """The answer under the names that evidence has."""
        names = [f"key_{place}" for place in range(len(self.keys))] + ["people", "rows"]
        for place in range(len(self.figures)):
            names += [f"people_{place}", f"largest_{place}", f"total_{place}"]
        return groups.rename_columns(names)

    @property
    def header(self) -> dict[str, Any]:
        """What the header tells of the columns."""
        figures = [{"column": one.column, "function": one.function, "adding": one.adding} for one in self.figures]
        return {"keys": list(self.keys), "figures": figures}


def _identifiers(node: Any) -> set[str]:
    if isinstance(node, Mapping):
        own = {str(node["identifier"])} if node.get("class") == "PARAMETER" else set()
        return own.union(*(_identifiers(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(_identifiers(value) for value in node))
    return set()
