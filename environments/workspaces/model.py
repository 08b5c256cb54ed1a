"""What is a workspace? One person's place of work in one project, open while every approval is in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from access.decisions import Decision

HOUSE_CONDITIONS = (
    "You work for this project's approved purpose only, and with nobody who is not approved for it.",
    "You do not try to find out who anybody is.",
    "Nothing leaves but through the airlock, after two other people have checked it; not copied, not photographed.",
    "Every query and every cell that you run is recorded with your name.",
)


@dataclass(frozen=True)
class WorkspaceRequest:
    """A person asks for their workspace in a project."""

    person: str
    project: str


@dataclass(frozen=True)
class OpenWorkspace:
    """A workspace whose door stands open: where the gateway listens for it, under which conditions, since when."""

    request: WorkspaceRequest
    door: Path
    conditions: tuple[str, ...]
    since: datetime


@dataclass(frozen=True)
class LoginCode:
    """A one-time code that takes one person to one project's workspace, until it is used or its minutes are over."""

    request: WorkspaceRequest
    ends: datetime


@dataclass(frozen=True)
class ShownConditions:
    """The conditions that a person is shown before a session, until they acknowledge them or the minutes are over."""

    request: WorkspaceRequest
    conditions: tuple[str, ...]
    ends: datetime


@dataclass(frozen=True)
class Workplace:
    """A project that a person is of: its title, and whether they may open a workspace in it now."""

    project: str
    title: str
    decision: Decision


@dataclass(frozen=True)
class Machine:
    """What this machine says about sandboxes: a trial's outcome, and the kernel's switches (None where it has none).

    What was not seen to hold does not hold.
    """

    sandbox_program: bool = False
    trial_answered: bool = False  # the trial could be run at all
    filter_library: bool = False  # libseccomp
    account_taken: bool | None = None  # a process was handed to a project's account; None: not root, not needed
    trial_ran: bool = False  # namespaces
    kept_apart: bool = False  # no network and no rights within
    filter_in_force: bool = False  # forbidden sockets were refused within, and can be made without
    namespaces_switch: str | None = None  # kernel.unprivileged_userns_clone
    most_namespaces: str | None = None  # user.max_user_namespaces
    apparmor_switch: str | None = None  # kernel.apparmor_restrict_unprivileged_userns
    r: bool | None = None  # it has R with its kernel for notebooks: no protection, and optional; None: not known


@dataclass(frozen=True)
class CellOutcome:
    """What one cell of a notebook gave: its text as a reader sees it, and the name of the error that stopped it."""

    source: str
    text: str
    error: str | None = None
