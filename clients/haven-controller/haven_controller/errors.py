"""What can go wrong at the controller's side? Each says what was wrong, where, and how to mend it; never a value."""

from __future__ import annotations

from haven_controller.rules.audit.errors import HavenError


class AgentError(HavenError):
    """Root of the agent's own errors."""

    code = "agent.error"
    exit_status = 65


class RoundUnusable(AgentError):
    """The round's key cannot be opened, or is not what it says."""

    code = "agent.round"


class FilesRefused(AgentError):
    """The files are not what the contract says. reason: the haven's code for it (delivery-reasons)."""

    code = "agent.files"

    def __init__(self, reason: str, what: str, *, where: str | None = None, mend: str | None = None) -> None:
        super().__init__(what, where=where, mend=mend)
        self.reason = reason


class NotAgreed(AgentError):
    """Bloom filters were asked for without an agreement."""

    code = "agent.not_agreed"
    exit_status = 64
