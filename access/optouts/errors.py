"""The errors of opt-outs. The tree is drawn in audit/errors.py."""

from __future__ import annotations

from access.errors import AccessError


class UnknownOptOut(AccessError):
    """No decision, objection, list or certificate has this name."""

    code = "optouts.unknown"
    exit_status = 66
    http_status = 404
