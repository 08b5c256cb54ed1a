"""The errors of access. The whole tree is drawn in audit/errors.py."""

from __future__ import annotations

from audit.errors import HavenError


class AccessError(HavenError):
    """Root of the errors of access."""

    code = "access.error"
