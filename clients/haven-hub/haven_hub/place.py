"""Where does this hub stand? Read from one file, written by the haven beside it; an unknown key is an error."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from pathlib import Path

SETTING = "HAVEN_HUB_PLACE"  # names the file; the file holds paths, the secrets stand in files of their own


@dataclass(frozen=True)
class Place:
    """Paths and numbers of one hub."""

    folder: Path  # database, cookie secret, tokens
    run: Path  # sockets; the hub's working directory, so that socket paths stay short and lower case
    workspaces: Path  # the researchers' homes
    port: int  # the edge's, on loopback
    control_socket: Path  # the gateway process
    control_token: Path
    orchestrator_token: Path
    environment: Path
    python: Path
    client: Path
    jupyter: Path
    first_account: int  # as root, projects get account numbers from here on; 0 keeps the hub's own account
    memory: int  # bytes, of one process
    home_quota: int  # bytes on the disk, of one workspace's home
    workspace_memory: int  # bytes, of all processes of one workspace

    @property
    def drops_account(self) -> bool:
        """Does each project run under an account of its own? Only root can hand over to another."""
        return self.first_account > 0 and os.geteuid() == 0


def read_place() -> Place:
    """The place named by the environment. Raises KeyError, OSError or ValueError: then the hub does not start."""
    values = json.loads(Path(os.environ[SETTING]).read_text(encoding="utf-8"))
    known = {field.name: field.type for field in fields(Place)}
    if set(values) != set(known):
        raise ValueError(f"the hub's place must name exactly {', '.join(known)}")
    return Place(**{name: Path(value) if known[name] == "Path" else value for name, value in values.items()})
