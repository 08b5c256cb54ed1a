"""What must hold before any workspace starts, beyond what the records say? The edge is seen to guard; no hook failed.

Rule: fail closed. Whatever goes wrong here is a refusal with a sentence; a door that was opened meanwhile is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyterhub.app import JupyterHub
from jupyterhub.spawner import SpawnException

from haven_hub.control import Refusal
from haven_hub.edge import WorkspaceEdge
from haven_hub.hooks import after_stop, before_start, refusal

if TYPE_CHECKING:
    from haven_hub.spawner import BubblewrapSpawner

NO_EDGE = Refusal(
    "workspace.no_edge",
    "The edge in front of the workspaces does not guard their pages, so nothing was opened.",
    "Stop the haven and start it again with `haven up`; `haven doctor` says whether the edge then holds.",
)
HOOK_FAILED = Refusal(
    "workspace.hook_failed",
    "What must be asked before a workspace opens could not be asked, so nothing was opened.",
    "The hub's log names the error; `haven doctor` says what does not answer.",
)


async def checked_start(spawner: BubblewrapSpawner) -> None:
    """The edge first, then the records. Raises SpawnException with the reason."""
    try:
        if not await edge_holds():
            raise refusal(NO_EDGE)
        await before_start(spawner)
    except SpawnException:
        raise
    except Exception as error:  # noqa: BLE001 - whatever fails, nothing opens
        spawner.log.error("Nothing was opened: %s in what is asked before", type(error).__name__)
        await after_stop(spawner)
        raise refusal(HOOK_FAILED) from None


async def edge_holds() -> bool:
    """Is this hub's proxy our edge, and does it guard a page now?"""
    edge = JupyterHub.instance().proxy if JupyterHub.initialized() else None
    return isinstance(edge, WorkspaceEdge) and await edge.holds()
