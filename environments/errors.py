"""The errors of environments. The whole tree is drawn in audit/errors.py."""

from __future__ import annotations

from audit.errors import HavenError


class EnvironmentsError(HavenError):
    """Root of the errors of environments."""

    code = "environments.error"
