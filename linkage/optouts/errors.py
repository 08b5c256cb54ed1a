"""The errors of asking for opt-outs. The tree is drawn in linkage/errors.py."""

from __future__ import annotations

from linkage.errors import LinkageError


class MailboxUnset(LinkageError):
    """The settings name no MESH mailbox."""

    code = "optouts.no_mailbox"
    exit_status = 78


class MailboxAway(LinkageError):
    """MESH does not answer, or does not let us in. It may pass: what was done so far is kept."""

    code = "optouts.mailbox_away"
    exit_status = 69
    http_status = 503


class NothingToAsk(LinkageError):
    """The linkage zone holds no NHS number that can be somebody's."""

    code = "optouts.nothing_to_ask"
    exit_status = 66
    http_status = 409


class ListFailed(LinkageError):
    """The answer cannot be used; disclosures to which opt-outs apply are blocked until an asking succeeds."""

    code = "optouts.list_failed"
    exit_status = 65
    http_status = 409


class NumberUnfit(LinkageError):
    """What was given to name an objector is no NHS number that can be somebody's. The number is never told."""

    code = "optouts.number_unfit"
    exit_status = 65
    http_status = 422


class ObjectorUnknown(LinkageError):
    """An objection stands for nobody in the linkage zone."""

    code = "optouts.objector_unknown"
    exit_status = 66
    http_status = 409


class LinkageDue(LinkageError):
    """Records are linked whose rows went with their delivery: whose they are is told by nothing that is here."""

    code = "optouts.linkage_due"
    exit_status = 66
    http_status = 409


class ObjectorNamed(LinkageError):
    """Another person is named under this objection's id already."""

    code = "optouts.objector_named"
    exit_status = 65
    http_status = 409
