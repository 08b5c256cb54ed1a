"""How are the pieces of a partitioned linkage made within a flow? Each as a task; its parameter is an opaque id.

What a piece is stays in this process: Prefect sees the id, and how many rows came of it is not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prefect import task
from prefect.futures import wait

from flows.steps import contained

_waiting: dict[str, Callable[[], int]] = {}


@task(name="make_piece", persist_result=False)
@contained
def make_piece(piece: str) -> int:
    """Make the piece that waits under this id."""
    return _waiting[piece]()


def as_tasks(makes: Mapping[str, Callable[[], int]]) -> list[int]:
    """Make pieces as tasks; the rows of each. A single one is not worth a task. Raises what a piece raises.

    Not before every task has ended: what they read and write goes with the run.
    """
    if len(makes) == 1:
        return [make() for make in makes.values()]
    _waiting.update(makes)
    try:
        futures = [make_piece.submit(piece) for piece in makes]
        wait(futures)
        return [int(future.result()) for future in futures]
    finally:
        for piece in makes:
            del _waiting[piece]
