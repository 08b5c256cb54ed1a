"""Whom does the gateway ask? The approvals, and what is published; infra puts the real ones behind these."""

from __future__ import annotations

from typing import Protocol

from access.decisions import Decision, Refused
from environments.gateway.model import ScopeFile


class Approvals(Protocol):
    """The approval records, asked at every query and while it runs."""

    def may_query(self, person: str, project: str) -> Decision: ...

    def why(self, person: str, project: str, action: str) -> Decision: ...


class Scopes(Protocol):
    """What is published. A scope that is not the live approval's is none: refused, never served."""

    def current(self, project: str) -> ScopeFile | Refused: ...
