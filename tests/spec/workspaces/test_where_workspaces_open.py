"""Where may a workspace open? Only where it can be kept apart; otherwise the reason and the mend are said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from access.decisions import Allowed, Refused
from environments.workspaces.model import LoginCode, Machine, WorkspaceRequest
from environments.workspaces.policies import may_redeem, may_run_workspaces

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_a_machine_that_can_keep_workspaces_apart_may_run_them() -> None:
    """Namespaces, call filter and sandbox program: with all three, yes."""
    assert may_run_workspaces(Machine(trial_ran=True, sandbox_program=True)) == Allowed()


@pytest.mark.parametrize(
    ("machine", "code", "mend"),
    [
        (Machine(trial_ran=True, sandbox_program=False), "workspace.no_sandbox_program", "./haven"),
        (
            Machine(trial_ran=True, sandbox_program=True, filter_library=False),
            "workspace.no_call_filter",
            "libseccomp2",
        ),
        (
            Machine(trial_ran=False, sandbox_program=True, namespaces_switch="0"),
            "workspace.no_namespaces",
            "kernel.unprivileged_userns_clone=1",
        ),
        (
            Machine(trial_ran=False, sandbox_program=True, most_namespaces="0"),
            "workspace.no_namespaces",
            "user.max_user_namespaces=15000",
        ),
        (
            Machine(trial_ran=False, sandbox_program=True, apparmor_switch="1"),
            "workspace.no_namespaces",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        (Machine(trial_ran=False, sandbox_program=True), "workspace.no_namespaces", "container"),
    ],
)
def test_a_machine_that_cannot_is_refused_with_what_to_change(machine: Machine, code: str, mend: str) -> None:
    """Each thing that is missing has its own rule, and says what an administrator changes."""
    decision = may_run_workspaces(machine)
    assert isinstance(decision, Refused)
    assert decision.code == code
    assert mend in (decision.mend or "")


def test_a_login_code_is_good_until_its_minutes_are_over() -> None:
    """Known and in time: yes. Known and late, or unknown: no."""
    code = LoginCode(WorkspaceRequest("asha", "diabetes"), NOON)
    assert may_redeem(code, NOON - timedelta(seconds=1)) == Allowed()
    assert isinstance(may_redeem(code, NOON), Refused)
    assert isinstance(may_redeem(None, NOON), Refused)
