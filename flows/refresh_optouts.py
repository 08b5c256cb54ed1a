"""Who has opted out by now? The list is asked for, and applied to every scope that stands."""

from __future__ import annotations

from prefect import flow, task

from flows.plant import plant, progress
from flows.publish_scope import publish_scope
from flows.steps import RETRIES, RETRY_DELAYS_SECONDS, contained, may_pass, show


@task(
    name="ask_for_optouts",
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAYS_SECONDS,
    retry_condition_fn=may_pass,
    persist_result=False,
)
@contained
def ask_for_optouts() -> None:
    """Ask, and wait for the answer: it can take tens of minutes, so no writer is kept waiting meanwhile."""
    show(plant().refresh_optouts(progress()))


@flow(name="refresh_optouts", persist_result=False, log_prints=False)
def refresh_optouts() -> None:
    """Ask for the list, then publish each live project's scope anew: until then its queries are refused."""
    ask_for_optouts()
    states = [publish_scope(project, return_state=True) for project in plant().projects_to_publish()]
    for state in states:  # one project's refusal keeps no other from its narrower scope; it is told in the end
        state.result()
