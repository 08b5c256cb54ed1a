"""Is this the answer to what was asked? Each way in which it is not, with its sentence. Fail closed: a list or none."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from linkage.optouts.form import is_subset, read
from linkage.optouts.model import MailboxMessage

FAILURES = {
    "no_reply": "No answer came within the time that is set for it.",
    "empty": "The answer is empty: that is taken for a failure, never for everybody's opt-out.",
    "not_a_subset": "The answer holds a number that was not asked for, or one twice.",
    "malformed": "A line of the answer is not ten digits, a comma and a line feed.",
    "wrong_sender": "A message came from another mailbox than the national service's.",
    "wrong_workflow": "A message came under another workflow than the opt-outs'.",
    "another_request": "A message came that answers another request.",
    "duplicate": "More than one answer came to the request.",
    "undeliverable": "MESH reports that the request could not be delivered.",
}
"""What can be wrong with an answer; the codes are stable."""


def judge(
    messages: Sequence[MailboxMessage], *, sender: str, workflow: str, local_id: str, request: Collection[str]
) -> tuple[list[str], str | None]:
    """The numbers that may be used, and None; or nothing, and what was wrong. messages: all that wait, at least one."""
    for message in messages:
        if fault := _wrongly_addressed(message, sender, workflow, local_id):
            return [], fault
    if len(messages) > 1:
        return [], "duplicate"
    content = messages[0].content
    if not content:
        return [], "empty"
    numbers = read(content)
    if numbers is None:
        return [], "malformed"
    return (numbers, None) if is_subset(numbers, request) else ([], "not_a_subset")


def _wrongly_addressed(message: MailboxMessage, sender: str, workflow: str, local_id: str) -> str | None:
    if message.report:
        return "undeliverable"
    if message.sender.upper() != sender.upper():
        return "wrong_sender"
    if message.workflow != workflow:
        return "wrong_workflow"
    return None if message.local_id == local_id else "another_request"
