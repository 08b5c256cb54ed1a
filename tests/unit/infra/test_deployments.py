"""Does every deployment start a flow that there is, with nothing but opaque ids, and never twice at once?"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[3]
DEPLOYMENTS: list[dict[str, Any]] = YAML(typ="safe").load(ROOT / "prefect.yaml")["deployments"]


def _exported() -> set[str]:
    tree = ast.parse((ROOT / "infra" / "deployments.py").read_text(encoding="utf-8"))
    (names,) = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    return set(ast.literal_eval(names))


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda one: one["name"])
def test_a_deployment_starts_a_flow_that_there_is(deployment: dict[str, Any]) -> None:
    """Its entry point is exported, its parameters are a dataset or nothing, and it runs one at a time."""
    file, _, flow = deployment["entrypoint"].partition(":")
    assert file == "infra/deployments.py"
    assert flow in _exported()
    assert set(deployment.get("parameters", {})) <= {"dataset"}
    assert deployment["concurrency_limit"] == 1


def test_housekeeping_runs_every_day() -> None:
    """Once, early in the morning, every day of the year."""
    (daily,) = [one for one in DEPLOYMENTS if one["entrypoint"].endswith(":housekeeping")]
    (schedule,) = daily["schedules"]
    assert schedule["cron"].split()[2:] == ["*", "*", "*"]
