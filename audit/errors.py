"""What can go wrong, said to a person: what was wrong, where, and how to mend it.

Every error of Haven descends from one root; each component has one family below it:

    HavenError
    ├── AuditError          (audit.errors)     the log cannot be written, or does not verify
    ├── RefusedError        (access.decisions) a policy said no
    ├── AccessError         (access.errors)
    ├── DocumentError       (access.documents) a YAML file that a person wrote is wrong, with its line
    ├── LinkageError        (linkage.errors)
    ├── EnvironmentsError   (environments.errors)
    └── DeploymentError     (infra.errors)     settings, set-up, servers

Rule: no message holds a row value, an identifier, a key, or an unsuppressed count (Caldicott 3).
"""

from __future__ import annotations

from typing import ClassVar


class HavenError(Exception):
    """Root of all errors. `code` is stable and never reused; `exit_status` is the command line's.

    what: one sentence, what was wrong. where: file, line, column or step. mend: what to do about it.
    """

    code: ClassVar[str] = "haven.error"
    exit_status: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, what: str, *, where: str | None = None, mend: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.mend = mend

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        advice = f" {self.mend}" if self.mend else ""
        return f"{self.what}{place}{advice}"

    def as_dict(self) -> dict[str, str | None]:
        """The same for a program: code, what, where, mend."""
        return {"code": self.code, "what": self.what, "where": self.where, "mend": self.mend}


class AuditError(HavenError):
    """The audit log cannot be written or read: whatever was asked does not happen."""

    code = "audit.error"
    exit_status = 70
    http_status = 503


class AuditUnavailable(AuditError):
    """The log's writer does not answer, or refused the entry (for instance: disk full). No log, no change."""

    code = "audit.unavailable"
