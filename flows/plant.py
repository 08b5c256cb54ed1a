"""What do the flows drive? This port; `infra` puts the haven behind it in each process that runs flows.

A flow's parameters and results are kept and shown by Prefect, so nothing but opaque ids goes in and nothing
but a `Summary` of codes and suppressed counts comes out (house rule; Caldicott 3).
"""

from __future__ import annotations

import atexit
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from audit.errors import HavenError
from audit.progress import Progress, silent


class PlantMissing(HavenError):
    """A flow was started in a process in which no haven was put behind it."""

    code = "flows.no_haven"
    exit_status = 78


@dataclass(frozen=True)
class Summary:
    """What a step did, fit to be shown: a headline and labelled values, no row values, no small counts."""

    key: str
    headline: str
    rows: tuple[tuple[str, str], ...] = field(default=())


class Plant(Protocol):
    """The verbs that flows put in order. Each is idempotent: run again after a crash it finishes the work."""

    def waiting_batches(self, dataset: str) -> list[str]:
        """The opaque ids of deliveries that lie in the dataset's inbox."""
        ...

    def receive(self, batch: str, progress: Progress = silent) -> Summary:
        """Take in the delivery that was staged under this opaque id."""
        ...

    def link(self, progress: Progress = silent) -> Summary:
        """Link every delivery that was received and not yet linked."""
        ...

    def train_linkage(self, progress: Progress = silent) -> Summary:
        """Train a model of linkage on what was received; it waits for its approval."""
        ...

    def publish_scope(self, project: str, progress: Progress = silent) -> Summary:
        """Materialise the project's live approval."""
        ...

    def refresh_optouts(self, progress: Progress = silent) -> Summary:
        """Ask for the list of opt-outs and wait for it; it goes on with an asking that is under way."""
        ...

    def optouts_are_due(self) -> bool:
        """Is there a mailbox to ask through, and no answer to an asking of today?"""
        ...

    def projects_to_publish(self) -> list[str]:
        """The live projects whose scope stands, by id: a new list is applied to each."""
        ...

    def projects_held(self) -> list[str]:
        """Those of them whose scope is not used as it stands: a new list, linkage, decision or objection came."""
        ...

    def release(self, request: str) -> Summary:
        """Ask everything again and release an approved request."""
        ...

    def keep_house(self) -> Summary:
        """Write what time brought about, and tell who must act; once a day each."""
        ...

    def identity_is_kept(self) -> bool:
        """Is there an identity provider whose realm and log-ins this haven keeps?"""
        ...

    def keep_identity(self) -> Summary:
        """Compare the realm with what it should be, and let exactly those log in who may."""
        ...

    def destroy_overdue(self, progress: Progress = silent) -> Summary:
        """Destroy what may not be kept longer, where its agreement lets the haven do so."""
        ...

    def publish_register(self) -> Summary:
        """Publish the public register as of today."""
        ...


class _Holder:
    make: Callable[[], Plant] | None = None
    progress: Progress = staticmethod(silent)


def use(make: Callable[[], Plant], progress: Progress = silent) -> None:
    """Put a haven behind the flows of this process."""
    _Holder.make = make
    _Holder.progress = staticmethod(progress)
    # Prefect keeps its flows to the very end of the process, and through this what stands behind them: DuckDB's
    # binding then complains on standard error of types that nobody freed.
    atexit.register(leave)


def leave() -> None:
    """Put nothing behind the flows of this process."""
    _Holder.make = None
    _Holder.progress = staticmethod(silent)


def plant() -> Plant:
    """The haven behind the flows. Raises PlantMissing when there is none."""
    if _Holder.make is None:
        raise PlantMissing(
            "No haven stands behind the flows of this process.",
            mend="Start flows with `haven flow run`, or from the deployments in prefect.yaml with HAVEN_HOME set.",
        )
    return _Holder.make()


def progress() -> Progress:
    """How this process shows progress."""
    return _Holder.progress
