"""In which cluster do workspaces run, and how much may each take there? A frozen description.

Rule: fail closed. A name that could mean something else tomorrow (an image by its tag) describes no workspace.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import PurePosixPath
from typing import Any

IMAGE = re.compile(r"[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+@sha256:[0-9a-f]{64}")
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
SUBDOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
HIGHEST_ACCOUNT = 65534
"""A pod with a user namespace of its own has 65,536 account numbers; the last is nobody's."""
LEAST_PROCESSORS = 0.5
IN_THE_IMAGE = PurePosixPath("/opt/haven/environments/workspace")


class NotForACluster(ValueError):
    """Workspaces cannot run so in a cluster. The text says what is wrong; `mend`, what to change."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


@dataclass(frozen=True)
class Cluster:
    """Where the pods of workspaces run. Raises NotForACluster.

    image: NAME@sha256:DIGEST, with the researchers' environment, its interpreter and the client at the places that a
    WorkspaceSpec names. node: the host name (label kubernetes.io/hostname) of the node on which the haven itself runs:
    sockets reach no further. account: the number of the haven's own account there, under which pods run (in a user
    namespace of their own). doors, servers: the folders of the gateway's doors and of the hub's sockets on that node.
    imports, packages: the folders there of what was brought in for each project.
    """

    image: str
    node: str
    account: int
    storage_class: str
    doors: PurePosixPath
    servers: PurePosixPath
    imports: PurePosixPath
    packages: PurePosixPath
    environment: PurePosixPath = IN_THE_IMAGE  # the researchers'
    namespace: str = "haven-workspaces"
    processors: float = 2.0  # of one workspace
    most_workspaces: int = 20  # open at once

    def __post_init__(self) -> None:
        if not IMAGE.fullmatch(self.image):
            raise NotForACluster(
                "The image must be named by its digest, with its registry and without a tag: what a tag names can"
                " change tomorrow.",
                'image = "registry.example/haven/workspace@sha256:...": skopeo inspect or crane digest prints it.',
            )
        for name, pattern in (("namespace", LABEL), ("node", SUBDOMAIN), ("storage_class", SUBDOMAIN)):
            if not pattern.fullmatch(getattr(self, name)):
                raise NotForACluster(f"{name} is no name in Kubernetes.", "Lower-case letters, digits and dashes.")
        if not 1 <= self.account <= HIGHEST_ACCOUNT:
            raise NotForACluster(
                f"account must be a number from 1 to {HIGHEST_ACCOUNT}: no workspace runs as root.",
                "The number of the haven's own account on the node: id -u haven.",
            )
        for name in ("doors", "servers", "imports", "packages", "environment"):
            if not _is_plain(getattr(self, name)):
                raise NotForACluster(f"{name} must be the whole path of a folder.", "Begin it at the root; no '..'.")
        if not LEAST_PROCESSORS <= self.processors <= 1024 or not 1 <= self.most_workspaces <= 100_000:
            raise NotForACluster(
                f"A workspace needs at least {LEAST_PROCESSORS} processors, and there must be room for one.",
                "Say more for processors and most_workspaces.",
            )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Cluster:
        """From plain values, as settings give them. Raises NotForACluster where one is unknown, missing or no such."""
        known = {field.name: field for field in fields(cls)}
        if unknown := sorted(set(values) - set(known)):
            raise NotForACluster(
                f"There is no setting of a cluster that is called {', '.join(unknown)}.", f"Known: {', '.join(known)}."
            )
        if missing := [name for name, field in known.items() if field.default is MISSING and name not in values]:
            raise NotForACluster(
                f"A cluster needs {', '.join(missing)}.", "Add it to the settings (docs/kubernetes.md)."
            )
        for name, value in values.items():
            wanted = {"int": int, "float": (int, float)}.get(str(known[name].type), str)
            if not isinstance(value, wanted) or isinstance(value, bool):
                raise NotForACluster(f"{name} is of the wrong kind.", "Look at it in docs/kubernetes.md.")
        places = {name for name, field in known.items() if field.type == "PurePosixPath"}
        return cls(**{name: PurePosixPath(value) if name in places else value for name, value in values.items()})


def _is_plain(folder: PurePosixPath) -> bool:
    return folder.is_absolute() and ".." not in folder.parts and folder != PurePosixPath("/")
