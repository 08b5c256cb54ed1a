"""What can go wrong in an inspection. Below EnvironmentsError in the tree of audit/errors.py."""

from __future__ import annotations

from environments.errors import EnvironmentsError
from environments.inspection.model import FindingCode


class InspectionError(EnvironmentsError):
    """An inspection could not do what was asked: then nothing leaves."""

    code = "inspection.failed"
    exit_status = 64
    http_status = 422


class InspectorsDown(InspectionError):
    """The haven could not look into a file, or not by the rules of now: it does not leave."""

    code = "inspection.inspectors_down"
    exit_status = 75
    http_status = 503


class CannotBeRead(InspectionError):
    """The file cannot be looked into any further; becomes a finding of the file."""

    code = "inspection.cannot_be_read"
    exit_status = 65
    http_status = 422

    def __init__(self, finding: FindingCode, what: str, *, where: str | None = None, mend: str) -> None:
        super().__init__(what, where=where, mend=mend)
        self.finding = finding
