"""Where may a workspace open? Only where it can be kept apart; otherwise the reason and the mend are said."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from access.decisions import Allowed, Refused
from environments.workspaces.model import LoginCode, Machine, WorkspaceRequest
from environments.workspaces.policies import may_redeem, may_run_workspaces, protections

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


FIT = Machine(
    sandbox_program=True,
    trial_answered=True,
    filter_library=True,
    trial_ran=True,
    kept_apart=True,
    filter_in_force=True,
)


def test_a_machine_that_can_keep_workspaces_apart_may_run_them() -> None:
    """Seen in a trial: namespaces, walls, the filter of kernel calls; as root also the accounts of projects."""
    assert may_run_workspaces(FIT) == Allowed()
    assert may_run_workspaces(replace(FIT, account_taken=True)) == Allowed()


@pytest.mark.parametrize("fact", [one.name for one in fields(Machine) if one.default is False])
def test_what_was_not_seen_to_hold_does_not_hold(fact: str) -> None:
    """Of a machine of which nothing is known nothing is believed, and each fact alone is enough for a refusal."""
    assert not may_run_workspaces(Machine())
    assert not may_run_workspaces(replace(FIT, **{fact: False}))


@pytest.mark.parametrize(
    ("lacks", "code", "mend"),
    [
        ({"sandbox_program": False}, "workspace.no_sandbox_program", "./haven"),
        ({"trial_answered": False}, "workspace.trial_failed", "./haven"),
        ({"filter_library": False}, "workspace.no_call_filter", "libseccomp2"),
        ({"filter_in_force": False}, "workspace.call_filter_not_in_force", "CONFIG_SECCOMP_FILTER"),
        ({"kept_apart": False}, "workspace.not_apart", "./haven"),
        ({"account_taken": False}, "workspace.no_accounts", "450000"),
        (
            {"trial_ran": False, "namespaces_switch": "0"},
            "workspace.no_namespaces",
            "kernel.unprivileged_userns_clone=1",
        ),
        ({"trial_ran": False, "most_namespaces": "0"}, "workspace.no_namespaces", "user.max_user_namespaces=15000"),
        (
            {"trial_ran": False, "apparmor_switch": "1"},
            "workspace.no_namespaces",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ({"trial_ran": False}, "workspace.no_namespaces", "container"),
    ],
)
def test_a_machine_that_cannot_is_refused_with_what_to_change(
    lacks: dict[str, bool | str], code: str, mend: str
) -> None:
    """Each thing that is missing has its own rule, and says what an administrator changes."""
    decision = may_run_workspaces(replace(FIT, **lacks))
    assert isinstance(decision, Refused)
    assert decision.code == code
    assert mend in (decision.mend or "")


def test_every_protection_is_told_by_itself() -> None:
    """One after the other, up to the first without which the others cannot be tried."""
    told = [(name, bool(decision)) for name, decision in protections(replace(FIT, account_taken=False))]
    assert told == [
        ("sandbox program", True),
        ("call filter library", True),
        ("user namespaces", True),
        ("walls of the sandbox", True),
        ("call filter", True),
        ("accounts of projects", False),
    ]
    assert [name for name, _ in protections(replace(FIT, trial_ran=False))][-1] == "user namespaces"


def test_a_login_code_is_good_until_its_minutes_are_over() -> None:
    """Known and in time: yes. Known and late, or unknown: no."""
    code = LoginCode(WorkspaceRequest("asha", "diabetes"), NOON)
    assert may_redeem(code, NOON - timedelta(seconds=1)) == Allowed()
    assert isinstance(may_redeem(code, NOON), Refused)
    assert isinstance(may_redeem(None, NOON), Refused)
