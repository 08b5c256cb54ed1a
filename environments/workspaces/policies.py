"""May this workspace open here? Pure: the machine's facts and the approvals' decision go in, a decision comes out.

Rule: fail closed. Without namespaces or the call filter there is no workspace (safe haven rules, Safe Settings).
"""

from __future__ import annotations

from datetime import datetime

from access.decisions import Allowed, Decision, Refused
from environments.workspaces.model import LoginCode, Machine, ShownConditions, WorkspaceRequest

CONTAINER = "In a container, ask for one that may {}; the rest of the haven works without workspaces."


def may_run_workspaces(machine: Machine) -> Decision:
    """Can this machine keep a workspace apart? If not: the reason, and the setting that an administrator changes."""
    for _, decision in protections(machine):
        if not decision:
            return decision
    return Allowed()


def protections(machine: Machine) -> list[tuple[str, Decision]]:
    """Each thing that keeps a workspace apart, and whether it holds; up to the first without which none can be."""
    found = [("sandbox program", _program(machine))]
    if found[-1][1]:
        found += [("call filter library", _library(machine)), ("user namespaces", _namespaces(machine))]
    if found[-1][1]:
        found += [("walls of the sandbox", _walls(machine)), ("call filter", _filter(machine))]
    if machine.account_taken is not None:
        found.append(("accounts of projects", _accounts(machine)))
    return found


def _program(machine: Machine) -> Decision:
    again = "Make the hub's environment again: run `./haven` from the checkout."
    if not machine.sandbox_program:
        return Refused(
            "workspace.no_sandbox_program",
            "The sandbox program is not installed, so no workspace can be kept apart.",
            again,
        )
    if not machine.trial_answered:
        return Refused(
            "workspace.trial_failed", "A trial sandbox gave no answer, so nothing is known to protect.", again
        )
    return Allowed()


def _library(machine: Machine) -> Decision:
    if machine.filter_library:
        return Allowed()
    return Refused(
        "workspace.no_call_filter",
        "The library libseccomp is missing, so a workspace's calls to the kernel cannot be filtered.",
        "Install it (Debian: `apt-get install libseccomp2`).",
    )


def _accounts(machine: Machine) -> Decision:
    if machine.account_taken:
        return Allowed()
    return Refused(
        "workspace.no_accounts",
        "A process cannot be handed to a project's own account number here (they begin at 400000).",
        CONTAINER.format("use account numbers up to 450000, or start the haven as a plain account"),
    )


def _namespaces(machine: Machine) -> Decision:
    if machine.trial_ran:
        return Allowed()
    return Refused("workspace.no_namespaces", "This machine allows no user namespaces.", _how_to_allow(machine))


def _walls(machine: Machine) -> Decision:
    if machine.kept_apart:
        return Allowed()
    return Refused(
        "workspace.not_apart",
        "A trial sandbox had a network or rights of its own.",
        "Look who changed the sandbox program; make the hub's environment again: run `./haven` from the checkout.",
    )


def _filter(machine: Machine) -> Decision:
    if machine.filter_in_force:
        return Allowed()
    return Refused(
        "workspace.call_filter_not_in_force",
        "A trial sandbox could make a forbidden socket, or the filter of kernel calls could not be set.",
        "The kernel must have CONFIG_SECCOMP_FILTER. " + CONTAINER.format("set filters of its own"),
    )


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
    return CONTAINER.format("make namespaces")


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


def may_start(
    shown: ShownConditions | None, request: WorkspaceRequest, conditions: tuple[str, ...], now: datetime
) -> Decision:
    """Has this person been shown these conditions of this project, and acknowledged them for this session in time?"""
    if shown is None or shown.request != request or shown.conditions != conditions or now >= shown.ends:
        return Refused(
            "workspace.not_acknowledged",
            "The project's conditions were not acknowledged for this session.",
            "Read them on the page before the workspace, and acknowledge them.",
        )
    return Allowed()
