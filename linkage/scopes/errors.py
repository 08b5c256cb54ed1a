"""The errors of scope building. The tree is drawn in linkage/errors.py."""

from __future__ import annotations

from linkage.errors import LinkageError


class ScopeUnbuildable(LinkageError):
    """The approval asks for what the research zone does not hold (yet)."""

    code = "scope.unbuildable"
    exit_status = 66
    http_status = 409
