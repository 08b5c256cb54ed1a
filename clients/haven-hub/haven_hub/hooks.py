"""What happens before a workspace starts and after it ends? The approval records are asked first, each time.

Rule: fail closed. Any error before the start is a refusal; no process has been started then.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jupyterhub.spawner import SpawnException

from haven_hub.control import Refusal, ask

if TYPE_CHECKING:
    from haven_hub.spawner import BubblewrapSpawner

FORBIDDEN = 403


async def before_start(spawner: BubblewrapSpawner) -> None:
    """Ask whether this person may open this project's workspace; take the door that is opened for them."""
    if not spawner.name:
        raise refusal(
            Refusal("workspace.no_project", "A workspace belongs to a project.", "Use `haven workspace open PROJECT`.")
        )
    if ended := spawner.told_at_next_start.pop((spawner.user.name, spawner.name), None):
        raise refusal(ended)  # told once; asked again, it opens
    try:
        answer = await ask(spawner.place, "workspaces/open", person=spawner.user.name, project=spawner.name)
    except Refusal as refused:
        raise refusal(refused) from None
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


def refusal(refused: Refusal) -> SpawnException:
    """The refusal as JupyterHub shows it to the person."""
    return SpawnException(str(refused), reason=refused.code, status_code=FORBIDDEN)
