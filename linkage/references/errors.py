"""The errors of reference tables. The tree is drawn in linkage/errors.py."""

from __future__ import annotations

from linkage.errors import LinkageError


class ReferenceRefused(LinkageError):
    """A reference table cannot be used; what was loaded before stays."""

    code = "reference.refused"
    exit_status = 65
    http_status = 422


class UnknownReference(LinkageError):
    """No reference table of this kind exists, or none is loaded."""

    code = "reference.unknown"
    exit_status = 66
    http_status = 404
