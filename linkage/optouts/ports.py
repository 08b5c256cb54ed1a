"""Through what is the list asked for? A mailbox; MESH stands behind it (linkage.optouts.mesh)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Protocol

from linkage.optouts.model import MailboxMessage


class Mailbox(Protocol):
    """One MESH mailbox that is used for nothing else. Raises MailboxAway. Holds no answer of its own."""

    def find_sent(self, local_id: str) -> bool:
        """Was a message with this id of ours sent, whole?"""
        ...

    def send(self, local_id: str, content: bytes) -> None:
        """Send a request, in as many pieces as MESH wants."""
        ...

    def waiting(self) -> list[str]:
        """The ids of all messages that wait, whatever they are."""
        ...

    def take(self, message: str, most: int) -> MailboxMessage:
        """A message that waits, and goes on waiting. most: bytes; of a longer one a byte more is read, no further."""
        ...

    def acknowledge(self, message: str) -> None:
        """The message is kept here; MESH removes it. Nothing happens where it is gone."""
        ...


class MailboxPlace(Protocol):
    """Where a mailbox is, before anybody opens it."""

    @property
    def mailbox(self) -> str:
        """Its id."""
        ...

    @property
    def recipient(self) -> str:
        """The national service's mailbox, to which requests go and from which answers come."""
        ...

    @property
    def workflow(self) -> str:
        """The workflow of requests and answers."""
        ...

    @property
    def patience(self) -> timedelta:
        """In which time an answer must have come."""
        ...

    def opened(self) -> AbstractContextManager[Mailbox]:
        """The mailbox. Raises MailboxAway."""
        ...
