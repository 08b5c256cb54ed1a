"""The errors of linkage. The whole tree is drawn in audit/errors.py."""

from __future__ import annotations

from audit.errors import HavenError


class LinkageError(HavenError):
    """Root of the errors of linkage."""

    code = "linkage.error"
