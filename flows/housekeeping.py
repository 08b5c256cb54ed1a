"""What does the haven do each day by itself? Retention, expiries, warnings, log-ins, opt-outs, the register.

Each step is idempotent: a second run on the same day does nothing and says so. One that fails keeps no other from
being done.
"""

from __future__ import annotations

from prefect import flow, task

from flows.plant import plant, progress
from flows.publish_scope import publish_held
from flows.refresh_optouts import refresh_optouts
from flows.steps import RETRIES, RETRY_DELAYS_SECONDS, contained, may_pass, one_writer, show


@task(
    name="keep_house",
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAYS_SECONDS,
    retry_condition_fn=may_pass,
    persist_result=False,
)
@contained
def keep_house() -> None:
    """Write what time brought about, and tell who must act."""
    with one_writer():
        summary = plant().keep_house()
    show(summary)


@task(
    name="destroy_overdue",
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAYS_SECONDS,
    retry_condition_fn=may_pass,
    persist_result=False,
)
@contained
def destroy_overdue() -> None:
    """Destroy what may not be kept longer, where its agreement lets the haven do so."""
    with one_writer():
        summary = plant().destroy_overdue(progress())
    show(summary)


@task(
    name="keep_identity",
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAYS_SECONDS,
    retry_condition_fn=may_pass,
    persist_result=False,
)
@contained
def keep_identity() -> None:
    """Look at the realm, and make log-ins follow the records. No zone is written, so no writer is kept waiting."""
    show(plant().keep_identity())


@task(
    name="publish_register",
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAYS_SECONDS,
    retry_condition_fn=may_pass,
    persist_result=False,
)
@contained
def publish_register() -> None:
    """Publish the register as of today."""
    with one_writer():
        summary = plant().publish_register()
    show(summary)


@flow(name="housekeeping", persist_result=False, log_prints=False)
def housekeeping() -> None:
    """The day's housekeeping. What failed is told in the end: without a list no day is left out of the register."""
    states = [destroy_overdue(return_state=True), keep_house(return_state=True)]
    if plant().identity_is_kept():  # after keep_house: who was closed as dormant today loses their log-in today
        states.append(keep_identity(return_state=True))
    if plant().optouts_are_due():
        states.append(refresh_optouts(return_state=True))
    states += publish_held()  # a destruction links anew; also where no list came
    states.append(publish_register(return_state=True))
    for state in states:
        state.result()
