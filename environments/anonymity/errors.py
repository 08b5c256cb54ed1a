"""What can go wrong with anonymity. Below EnvironmentsError in the tree of audit/errors.py."""

from __future__ import annotations

from environments.errors import EnvironmentsError


class AnonymityError(EnvironmentsError):
    """Anonymity could not be judged or reached: then nothing is released."""

    code = "anonymity.failed"
    exit_status = 65
    http_status = 422


class ColumnsUnfit(AnonymityError):
    """The columns or numbers that were named do not fit the file or each other."""

    code = "anonymity.columns_unfit"
    exit_status = 64


class HierarchyUnfit(AnonymityError):
    """A hierarchy cannot be read, or does not cover what the file holds."""

    code = "anonymity.hierarchy_unfit"


class Unreachable(AnonymityError):
    """No generalisation reaches what is required within the limit of suppression."""

    code = "anonymity.unreachable"
