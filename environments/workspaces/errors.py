"""What can go wrong with workspaces. Below EnvironmentsError in the tree of audit/errors.py."""

from __future__ import annotations

from environments.errors import EnvironmentsError


class WorkspaceError(EnvironmentsError):
    """A workspace, or the hub that gives it, does not do what was asked."""

    code = "workspace.failed"
    exit_status = 69
    http_status = 503


class WorkspacesDown(WorkspaceError):
    """The services that give workspaces do not run."""

    code = "workspace.services_down"


class NotebookFailed(WorkspaceError):
    """A notebook's cell raised, or its kernel did not answer in time."""

    code = "workspace.notebook_failed"
    exit_status = 1
    http_status = 422
