"""May it leave? Everything is asked again, then the approved files go out."""

from __future__ import annotations

from prefect import flow, task

from flows.plant import plant
from flows.steps import RETRIES, RETRY_DELAYS_SECONDS, contained, may_pass, one_writer, show


@task(
    name="release_request",
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAYS_SECONDS,
    retry_condition_fn=may_pass,
    persist_result=False,
)
@contained
def release_request(request: str) -> None:
    """Release one approved request."""
    with one_writer():
        summary = plant().release(request)
    show(summary)


@flow(name="release", persist_result=False, log_prints=False)
def release(request: str) -> None:
    """Release one approved request."""
    release_request(request)
