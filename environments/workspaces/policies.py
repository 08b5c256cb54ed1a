"""May this workspace open here? Pure: the machine's facts and the approvals' decision go in, a decision comes out.

Rule: fail closed. Without namespaces or the call filter there is no workspace (safe haven rules, Safe Settings).
"""

from __future__ import annotations

from datetime import datetime

from access.decisions import Allowed, Decision, Refused
from environments.workspaces.model import LoginCode, Machine, ShownConditions, WorkspaceRequest


def may_run_workspaces(machine: Machine) -> Decision:
    """Can this machine keep a workspace apart? If not: the reason, and the setting that an administrator changes."""
    if not machine.sandbox_program:
        return Refused(
            "workspace.no_sandbox_program",
            "The sandbox program is not installed, so no workspace can be kept apart.",
            "Make the hub's environment again: run `./haven` from the checkout.",
        )
    if not machine.filter_library:
        return Refused(
            "workspace.no_call_filter",
            "The library libseccomp is missing, so a workspace's calls to the kernel cannot be filtered.",
            "Install it (Debian: `apt-get install libseccomp2`).",
        )
    if machine.trial_ran:
        return Allowed()
    return Refused("workspace.no_namespaces", "This machine allows no user namespaces.", _how_to_allow(machine))


def _how_to_allow(machine: Machine) -> str:
    if machine.namespaces_switch == "0":
        return "Ask an administrator for `sysctl kernel.unprivileged_userns_clone=1`."
    if machine.most_namespaces == "0":
        return "Ask an administrator for `sysctl user.max_user_namespaces=15000`."
    if machine.apparmor_switch == "1":
        return (
            "Ask an administrator for `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, "
            "or for an AppArmor profile that allows user namespaces to the sandbox program."
        )
    return "In a container, ask for one that may make namespaces; the rest of the haven works without workspaces."


def may_redeem(code: LoginCode | None, now: datetime) -> Decision:
    """Is this one-time code known and still within its minutes?"""
    if code is None:
        return Refused(
            "workspace.code_unknown",
            "This address has been used already, or was never given.",
            "Get a new one with `haven workspace open PROJECT`.",
        )
    if now >= code.ends:
        return Refused(
            "workspace.code_expired",
            "This address is too old.",
            "Get a new one with `haven workspace open PROJECT`.",
        )
    return Allowed()


def may_start(shown: ShownConditions | None, request: WorkspaceRequest, now: datetime) -> Decision:
    """Has this person been shown this project's conditions for this session, and acknowledged them in time?"""
    if shown is None or shown.request != request or now >= shown.ends:
        return Refused(
            "workspace.not_acknowledged",
            "The project's conditions were not acknowledged for this session.",
            "Read them on the page before the workspace, and acknowledge them.",
        )
    return Allowed()
