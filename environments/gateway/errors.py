"""The errors of the gateway. The tree is drawn in environments/errors.py and audit/errors.py.

EnvironmentsError
└── GatewayError
    ├── QueryFailed   the statement ran and failed: its kind and advice, never the engine's text (it quotes cells)
    ├── QueryCut      a limit, the approval or the end of the gateway cut it short
    ├── WorkerDown    the process that holds the project's scope does not answer
    ├── EvidenceInvalid   the evidence of a query was changed, or moved to another's place
    └── PeopleNotListed   who stood behind a query cannot be told any more
"""

from __future__ import annotations

from environments.errors import EnvironmentsError


class GatewayError(EnvironmentsError):
    """Root of the gateway's errors."""

    code = "gateway.error"


class QueryFailed(GatewayError):
    """The statement failed while it ran. detail: the digest of the engine's text, which stands beside the log."""

    code = "query.failed"
    http_status = 422
    exit_status = 65
    detail: str | None = None


class QueryCut(GatewayError):
    """The query was cut short; what was sent of it is not a result."""

    http_status = 403
    exit_status = 75
    code = "query.cut"

    def __init__(self, rule: str, what: str, *, mend: str | None = None) -> None:
        super().__init__(what, where=f"rule {rule}", mend=mend)
        self.rule = rule


class WorkerDown(GatewayError):
    """The project's worker does not answer."""

    code = "gateway.worker_down"
    http_status = 503
    exit_status = 75


class EvidenceInvalid(GatewayError):
    """The evidence of a query does not verify; it counts for nothing."""

    code = "gateway.evidence_invalid"
    http_status = 409
    exit_status = 65


class PeopleNotListed(GatewayError):
    """Who stood behind a query cannot be told any more: no table that was made from it is released."""

    code = "query.people_not_listed"
    exit_status = 65
