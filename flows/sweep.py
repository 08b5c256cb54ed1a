"""What lies in a dataset's inbox? Scheduled per dataset: each delivery found is taken in, then linked."""

from __future__ import annotations

from prefect import flow

from flows.ingest import ingest
from flows.link import link
from flows.plant import plant


@flow(name="sweep_inbox", persist_result=False, log_prints=False)
def sweep_inbox(dataset: str) -> None:
    """Take in every delivery that waits for this dataset, and link when anything came."""
    waiting = plant().waiting_batches(dataset)
    for batch in waiting:
        ingest(batch)
    if waiting:
        link()
