"""What passes when the list is asked for? An exchange with its state, and the messages of a mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ExchangeState(StrEnum):
    """How far one asking has come. Each is durable before the next step begins."""

    PREPARED = "prepared"  # the request is written
    SENDING = "sending"  # it may have been sent: look before sending
    SENT = "sent"  # it was sent, and its answer is awaited
    RECEIVED = "received"  # the answer is durable here, and not yet acknowledged
    COMPLETE = "complete"
    FAILED = "failed"


MAY_FOLLOW: dict[ExchangeState, frozenset[ExchangeState]] = {
    ExchangeState.PREPARED: frozenset({ExchangeState.SENDING}),
    ExchangeState.SENDING: frozenset({ExchangeState.SENT, ExchangeState.FAILED}),
    ExchangeState.SENT: frozenset({ExchangeState.RECEIVED, ExchangeState.FAILED}),
    ExchangeState.RECEIVED: frozenset({ExchangeState.COMPLETE}),
    ExchangeState.COMPLETE: frozenset(),
    ExchangeState.FAILED: frozenset(),
}
UNDER_WAY = frozenset(state for state, after in MAY_FOLLOW.items() if after)
ANSWERED = frozenset({ExchangeState.RECEIVED, ExchangeState.COMPLETE})


@dataclass(frozen=True)
class MailboxMessage:
    """A message that waits in the mailbox. content: at most one byte more than was asked for.

    report: it is no answer but MESH's word that a message could not be delivered.
    """

    id: str
    sender: str
    workflow: str
    local_id: str
    report: bool
    content: bytes
