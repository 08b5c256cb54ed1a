"""The errors of matching. The tree is drawn in linkage/errors.py."""

from __future__ import annotations

from linkage.errors import LinkageError


class WrongKey(LinkageError):
    """The key ring's token key is not the one under which this zone was linked so far."""

    code = "linkage.wrong_key"
    exit_status = 78


class TruthError(LinkageError):
    """The file that says who is who cannot be read as such."""

    code = "linkage.truth"
    exit_status = 65


class NoRun(LinkageError):
    """No linkage has been run yet."""

    code = "linkage.no_run"
    exit_status = 66
