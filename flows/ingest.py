"""Which delivery came in? Staged under an opaque id, received by linkage.intake, summarised without row values."""

from __future__ import annotations

from prefect import flow, task

from flows.plant import plant, progress
from flows.steps import RETRIES, RETRY_DELAYS_SECONDS, contained, may_pass, one_writer, show


@task(
    name="receive_delivery",
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAYS_SECONDS,
    retry_condition_fn=may_pass,
    persist_result=False,
)
@contained
def receive_delivery(batch: str) -> None:
    """Take in one staged delivery. `batch` is its opaque id."""
    with one_writer():
        summary = plant().receive(batch, progress())
    show(summary)


@flow(name="ingest", persist_result=False, log_prints=False)
def ingest(batch: str) -> None:
    """Take in one staged delivery. `batch` is its opaque id."""
    receive_delivery(batch)
