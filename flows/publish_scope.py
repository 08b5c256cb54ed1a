"""What may the project see? Its live approval, materialised into its own file."""

from __future__ import annotations

from prefect import State, flow, task

from flows.plant import plant, progress
from flows.steps import RETRIES, RETRY_DELAYS_SECONDS, contained, may_pass, one_writer, show


@task(
    name="build_scope",
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAYS_SECONDS,
    retry_condition_fn=may_pass,
    persist_result=False,
)
@contained
def build_scope(project: str) -> None:
    """Materialise the scope of one project."""
    with one_writer():
        summary = plant().publish_scope(project, progress())
    show(summary)


@flow(name="publish_scope", persist_result=False, log_prints=False)
def publish_scope(project: str) -> None:
    """Materialise the scope of one project."""
    build_scope(project)


def publish_held() -> list[State[None]]:
    """Publish each live project anew whose file is held, as it is after a linkage where opt-outs are heeded."""
    return [publish_scope(project, return_state=True) for project in projects_held()]


@contained
def projects_held() -> list[str]:
    """Which those are; contained, as this is asked in a flow's own body."""
    return plant().projects_held()
