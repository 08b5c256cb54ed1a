"""How does a step run? Retried when the cause may pass, one writer at a time, and its failure told without row values.

Prefect keeps and shows exception texts. A library's exception may quote a cell, so only Haven's own errors pass;
of any other only the type and the place are told.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from prefect.artifacts import create_table_artifact
from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency

from audit.errors import AuditUnavailable, HavenError
from flows.plant import Summary
from linkage.full_disks import is_no_room, no_room

P = ParamSpec("P")
R = TypeVar("R")

WRITER = "haven-writer"
"""The concurrency limit that every writing step holds; the zones' own file locks stand behind it."""
RETRIES = 3
RETRY_DELAYS_SECONDS: list[float] = [1, 5, 20]
BUSY_CODES = frozenset({"zone.busy", "linkage.zone_busy", "optouts.mailbox_away", "realm.unreachable"})


class StepFailed(HavenError):
    """A step failed in a way that Haven does not know; the place is told, the library's text is not."""

    code = "flows.step_failed"


def contained(step: Callable[P, R]) -> Callable[P, R]:
    """Let Haven's errors pass and turn every other into StepFailed with type and place only."""

    @functools.wraps(step)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return step(*args, **kwargs)
        except HavenError:
            raise
        except Exception as error:  # noqa: BLE001 - any library's: its text may quote a row
            failure = _failure(step.__name__, error)
        raise failure

    return run


def _failure(step: str, error: Exception) -> HavenError:
    if is_no_room(error):
        return no_room()
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return StepFailed(
        f"{step} failed with {type(error).__name__}.",
        where=f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}",
        mend="What was complete is kept; run the flow again, and report the place if it fails again.",
    )


def may_pass(_task: Any, _run: Any, state: Any) -> bool:
    """Is it worth another try? Where the cause can pass by itself: log's writer, MESH or Keycloak away, a zone busy."""
    error = state.result(raise_on_failure=False)
    if isinstance(error, HavenError):
        return isinstance(error, AuditUnavailable) or error.code in BUSY_CODES
    return False


@contextmanager
def one_writer() -> Iterator[None]:
    """Hold the writers' concurrency limit; it is made on first use, and a missing limit is an error."""
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(WRITER, limit=1)
    with concurrency(WRITER, occupy=1, strict=True):
        yield


def show(summary: Summary) -> None:
    """Keep a step's summary as an artifact."""
    create_table_artifact(
        key=summary.key,
        table=[{"what": label, "value": value} for label, value in summary.rows],
        description=summary.headline,
    )
