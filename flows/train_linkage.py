"""How much does each agreement weigh? A model of linkage is trained; a person approves it before it is used."""

from __future__ import annotations

from prefect import flow, task

from flows.plant import plant, progress
from flows.steps import RETRIES, RETRY_DELAYS_SECONDS, contained, may_pass, show


@task(
    name="train_model",
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAYS_SECONDS,
    retry_condition_fn=may_pass,
    persist_result=False,
)
@contained
def train_model() -> None:
    """Train on what was received."""
    show(plant().train_linkage(progress()))


@flow(name="train_linkage", persist_result=False, log_prints=False)
def train_linkage() -> None:
    """Train a model of linkage on what was received."""
    train_model()
