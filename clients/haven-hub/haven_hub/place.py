"""Where does this hub stand? Read from one file, written by the haven beside it; an unknown key is an error."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
SETTING = "HAVEN_HUB_PLACE"  # names the file; the file holds paths, the secrets stand in files of their own


@dataclass(frozen=True)
class OpenID:
    """Where people log in, and the files of what the hub needs there."""

    authorize_url: str
    token_url: str
    callback_url: str
    logout_url: str
    secret_file: Path
    ca_file: Path | None


@dataclass(frozen=True)
class Place:
    """Paths and numbers of one hub."""

    folder: Path  # database, cookie secret, tokens
    run: Path  # sockets; the hub's working directory, so that socket paths stay short and lower case
    workspaces: Path  # the researchers' homes
    imports: Path  # what was brought in, one folder per project
    packages: Path  # what may be installed, one folder per project
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
    idle_seconds: int  # without any use, before it is closed; 0: no bound
    longest_seconds: int  # of a whole stay; 0: no bound
    openid: OpenID | None  # None: people come by one-time codes
    cluster: dict[str, Any] | None  # of pods, as kubernetes/model.py takes it; None: sandboxes of this machine
    kubeconfig: Path | None  # where the cluster is, and who the hub is there

    @property
    def drops_account(self) -> bool:
        """Does each project run under an account of its own? Only root can hand over to another."""
        return self.first_account > 0 and os.geteuid() == 0


def read_place() -> Place:
    """The place named by the environment. Raises KeyError, OSError or ValueError: then the hub does not start."""
    values = json.loads(Path(os.environ[SETTING]).read_text(encoding="utf-8"))
    if isinstance(values, dict) and values.get("openid") is not None:
        values["openid"] = _filled(OpenID, values["openid"])
    return _filled(Place, values)


def _filled(kind: type[T], values: dict[str, Any]) -> T:
    known = {field.name: str(field.type) for field in fields(kind)}  # type: ignore[arg-type]
    if set(values) != set(known):
        raise ValueError(f"{kind.__name__} must name exactly {', '.join(known)}")
    return kind(
        **{
            name: Path(value) if known[name].startswith("Path") and value is not None else value
            for name, value in values.items()
        }
    )
