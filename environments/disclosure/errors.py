"""What can go wrong in disclosure control. Below EnvironmentsError in the tree of audit/errors.py."""

from __future__ import annotations

from environments.errors import EnvironmentsError


class DisclosureError(EnvironmentsError):
    """Disclosure control could not do what was asked: then nothing is released."""

    code = "disclosure.failed"


class UnknownProfile(DisclosureError):
    """No profile has this name."""

    code = "disclosure.unknown_profile"
    exit_status = 64
    http_status = 422


class ContextInvalid(DisclosureError):
    """The context does not fit its form; every problem is named."""

    code = "disclosure.context_invalid"
    exit_status = 65
    http_status = 422


class TableUnfit(DisclosureError):
    """The file is not a table that can be checked; the message says why and how to mend it."""

    code = "disclosure.table_unfit"
    exit_status = 65
    http_status = 422


class EngineFailed(DisclosureError):
    """The check itself broke: not checked means not released (rules/airlock.md, 10)."""

    code = "disclosure.engine_failed"
    exit_status = 70
