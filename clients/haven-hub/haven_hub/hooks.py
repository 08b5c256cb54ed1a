"""What happens before a workspace starts and after it ends? The approval records are asked first, each time.

Rule: fail closed. Any error before the start is a refusal; no process has been started then.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jupyterhub.spawner import SpawnException

from haven_hub.control import Refusal, ask
from haven_hub.ended import forget_end
from haven_hub.recording import forget, volume_of

if TYPE_CHECKING:
    from haven_hub.spawner import BubblewrapSpawner

FORBIDDEN = 403


async def before_start(spawner: BubblewrapSpawner) -> None:
    """Ask whether this person may open this project's workspace; take the door that is opened for them."""
    if not spawner.name:
        raise refusal(
            Refusal("workspace.no_project", "A workspace belongs to a project.", "Use `haven workspace open PROJECT`.")
        )
    try:
        answer = await ask(
            spawner.place,
            "workspaces/open",
            person=spawner.user.name,
            project=spawner.name,
            acknowledged=str(spawner.user_options.get("acknowledged", "")),
        )
    except Refusal as refused:
        raise refusal(refused) from None
    forget_end(spawner.user.name, spawner.name)
    spawner.door = Path(answer["door"])
    spawner.conditions = tuple(map(str, answer["conditions"]))


async def after_stop(spawner: BubblewrapSpawner) -> None:
    """Close the door of a workspace that has ended. Nothing to close when it was refused."""
    if spawner.door is None:
        return
    door, spawner.door = spawner.door, None
    rule = spawner.ended_by.code if spawner.ended_by else ""
    names = {"person": spawner.user.name, "project": spawner.name}
    try:
        await ask(spawner.place, "workspaces/close", **names, door=str(door), rule=rule)
    except Refusal as refused:
        spawner.log.warning("The door of a stopped workspace was not closed (%s)", refused.code)
    try:
        await _tell_what_was_used(spawner)
    except Refusal as refused:
        spawner.log.warning("What a stopped workspace had used was not recorded (%s)", refused.code)


async def _tell_what_was_used(spawner: BubblewrapSpawner) -> None:
    volume = volume_of(spawner.user.name, spawner.name)
    forget(spawner.user.name, spawner.name)
    await ask(
        spawner.place,
        "workspaces/used",
        person=spawner.user.name,
        project=spawner.name,
        bytes_to_browser=volume.to_browser,
        bytes_from_browser=volume.from_browser,
        processor_seconds=round(spawner.watch.processor_seconds) if spawner.watch else 0,
        most_memory=spawner.watch.most_memory if spawner.watch else 0,
    )


def refusal(refused: Refusal) -> SpawnException:
    """The refusal as JupyterHub shows it to the person."""
    return SpawnException(str(refused), reason=refused.code, status_code=FORBIDDEN)
