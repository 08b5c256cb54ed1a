"""A gate that leaves out whom a test names, and certifies nothing: for tests of building alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from access.optouts.model import DisclosurePlan
from access.projects.scope import Scope
from audit.model import Actor
from audit.records import Change
from linkage.optouts.gate import Passage


class OpenGate:
    """Leaves out the persons of these numbers. facts: what each build told."""

    def __init__(self, left_out: Iterable[str] = ()) -> None:
        self.left_out = list(left_out)
        self.runs: list[str] = []
        self.facts: list[dict[str, Any]] = []

    def open(self, scope: Scope, *, by: Actor) -> Passage:
        """Always."""
        plan = DisclosurePlan(scope.project, scope.version, (), (), None, (), "")
        return Passage(plan, pa.table({"person": pa.array(self.left_out, pa.string())}), self.runs)

    def certify(self, change: Change, passage: Passage, build: str, facts: Mapping[str, Any]) -> None:
        """Remember what was told."""
        self.facts.append(dict(facts))

    def still_certified(self, passage: Passage, build: str) -> bool:
        """Nothing to say anew."""
        return True

    def certify_again(self, change: Change, passage: Passage, build: str) -> None:
        """Never asked."""
        raise AssertionError("nothing is certified again here")
