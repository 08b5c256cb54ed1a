"""The errors of the engines. The tree is drawn in linkage/errors.py."""

from __future__ import annotations

from linkage.errors import LinkageError


class EngineMissing(LinkageError):
    """What the chosen engine needs is not there: its environment, or Java. Nothing was begun."""

    code = "linkage.engine_missing"
    exit_status = 69


class EngineFailed(LinkageError):
    """The engine ended without the links. The zone is as it was."""

    code = "linkage.engine_failed"
    exit_status = 70
