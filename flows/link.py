"""Who is who in what came in? Every received delivery is linked to the person spine."""

from __future__ import annotations

from prefect import flow, task

from flows.plant import plant, progress
from flows.publish_scope import publish_held
from flows.steps import RETRIES, RETRY_DELAYS_SECONDS, contained, may_pass, one_writer, show


@task(
    name="link_deliveries",
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAYS_SECONDS,
    retry_condition_fn=may_pass,
    persist_result=False,
)
@contained
def link_deliveries() -> None:
    """Link what was received and not yet linked."""
    with one_writer():
        summary = plant().link(progress())
    show(summary)


@flow(name="link", persist_result=False, log_prints=False)
def link() -> None:
    """Link what was received, then publish what that holds: who opted out may have been joined with who is in it."""
    link_deliveries()
    for state in publish_held():  # one project's refusal keeps no other from its narrower scope; it is told in the end
        state.result()
