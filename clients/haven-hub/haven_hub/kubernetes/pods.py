"""KubeSpawner as workspaces use it: a pod gets the variables that its description names, and no log gets a value.

Import after KUBECONFIG names where the cluster is: the library underneath looks for it when it is imported.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from kubespawner import KubeSpawner


class Pods(KubeSpawner):
    """One workspace's claim and pod. inside: the whole environment there."""

    def __init__(self, *, inside: Mapping[str, str], **arguments: Any) -> None:
        self.inside = dict(inside)
        super().__init__(**arguments)
        self.log = told_where(self.log)

    def get_env(self) -> dict[str, str]:
        """Not what JupyterHub would add."""
        return dict(self.inside)


def told_where(log: logging.Logger) -> logging.Logger:
    """A log that says which line of KubeSpawner complained and of what kind of error.

    KubeSpawner writes whole pods into its complaints, and what it overrides into its news: the server's token stands
    in both.
    """
    quiet = log.getChild("pods")
    quiet.setLevel(logging.WARNING)
    quiet.filters = [_without_values]
    return quiet


def _without_values(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    kind = f", {type(error).__name__} {getattr(error, 'status', '')}".rstrip() if error is not None else ""
    record.msg, record.args = f"KubeSpawner complained: {record.filename}, line {record.lineno}{kind}", ()
    record.exc_info = record.exc_text = record.stack_info = None
    return True
