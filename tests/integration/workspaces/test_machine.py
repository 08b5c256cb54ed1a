"""Whether a machine keeps workspaces apart is tried: what it lacks is taken from it here, and that is found out."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from access.decisions import Allowed, Refused
from environments.workspaces.machine import examine, may_run_here
from tests.fakes.workspaces import ROOT, clients_folder, environments_folder

HUB = environments_folder() / "hub"
CODE = clients_folder() / "haven-hub"
ASK = """
import json, sys
from pathlib import Path
from environments.workspaces.machine import may_run_here
decision = may_run_here(Path(sys.argv[1]), Path(sys.argv[2]))
print(json.dumps({"code": getattr(decision, "code", None), "mend": getattr(decision, "mend", None)}))
"""


def _changed(folder: Path, old: str, new: str) -> Path:
    """The hub's code with one line of its filter changed."""
    shutil.copytree(CODE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "haven_hub" / "seccomp.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return folder


def _in_namespace(*before: str) -> dict[str, Any]:
    """The decision in a user namespace of its own, in which one account number is known, after these commands."""
    python = [sys.executable, "-c", ASK, str(HUB), str(CODE)]
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", "; ".join([*before, 'exec "$@"']), "sh", *python]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return dict(json.loads(done.stdout))


def test_a_machine_that_is_fit_is_found_fit() -> None:
    """The trial sandbox has no network and no rights, and no forbidden socket can be made in it."""
    machine = examine(HUB, CODE)
    assert (machine.trial_ran, machine.kept_apart, machine.filter_in_force) == (True, True, True)
    assert may_run_here(HUB, CODE) == Allowed()


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("import pyseccomp\n", "raise ImportError\n", "workspace.no_call_filter"),
        ("rules.add_rule(refuse_family, call, pyseccomp.Arg(0, pyseccomp.EQ, family))", "pass",
         "workspace.call_filter_not_in_force"),
        ("rules.add_rule(refuse_family, call, pyseccomp.Arg(0, pyseccomp.GT, HIGHEST_ALLOWED))", "pass",
         "workspace.call_filter_not_in_force"),
        ("build_filter().export_bpf(output)", "output.write(b'no filter')", "workspace.call_filter_not_in_force"),
    ],
    ids=["no library", "families let through", "high families let through", "a filter that the kernel refuses"],
)  # fmt: skip
def test_a_filter_that_does_not_hold_is_found_out(tmp_path: Path, old: str, new: str, code: str) -> None:
    """That a filter was set is not believed: a socket that it must refuse is tried, and the sandbox is told apart."""
    changed = _changed(tmp_path / "hub", old, new)
    decision = may_run_here(HUB, changed)
    assert isinstance(decision, Refused)
    assert decision.code == code
    assert examine(HUB, changed).trial_ran


def test_a_machine_without_user_namespaces_is_refused() -> None:
    """With the kernel's count of them at nought nothing can be kept apart; the switch is named."""
    told = _in_namespace("echo 0 > /proc/sys/user/max_user_namespaces")
    assert told["code"] == "workspace.no_namespaces"
    assert "user.max_user_namespaces" in told["mend"]


def test_root_that_cannot_hand_over_to_a_projects_account_is_refused() -> None:
    """As root in a container that knows few account numbers no workspace starts, and what to ask for is said."""
    told = _in_namespace()
    assert told["code"] == "workspace.no_accounts"
    assert "450000" in told["mend"]


@pytest.mark.parametrize("missing", ["environment", "code"])
def test_where_no_trial_can_be_made_nothing_is_believed(tmp_path: Path, missing: str) -> None:
    """Without the hub's environment or its code there is no sandbox to try."""
    hub, code = (tmp_path, CODE) if missing == "environment" else (HUB, tmp_path)
    decision = may_run_here(hub, code)
    assert isinstance(decision, Refused)
    assert decision.code == ("workspace.no_sandbox_program" if missing == "environment" else "workspace.trial_failed")
