"""Which services does a home have? The local issuer only where no identity provider is set, and before the gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from access.decisions import Refused
from audit.clock import SystemClock
from infra.servers.catalogue import services_of
from infra.settings import Settings
from infra.wiring.haven import Haven


@pytest.mark.parametrize(
    ("identity", "names"),
    [
        ({}, ["log", "issuer", "gateway", "prefect"]),
        ({"issuer": "https://id.example/realms/haven"}, ["log", "gateway", "prefect"]),
    ],
    ids=["a laptop", "with an identity provider"],
)
def test_the_local_issuer_runs_only_where_nobody_else_says_who_somebody_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, identity: dict[str, str], names: list[str]
) -> None:
    """Two issuers beside each other would be two truths; no secret stands in any command."""
    monkeypatch.setattr("infra.servers.catalogue.may_run_here", lambda *_: Refused("x", "Not here."))
    settings = Settings.model_validate({"home": tmp_path, "identity": identity})
    services = services_of(Haven(settings, SystemClock()))
    assert [service.name for service in services] == names
