"""The errors of infra. The whole tree is drawn in audit/errors.py."""

from __future__ import annotations

from audit.errors import HavenError


class DeploymentError(HavenError):
    """Root of the errors of infra."""

    code = "infra.error"
