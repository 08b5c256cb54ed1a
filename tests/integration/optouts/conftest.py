"""NHS England's own sandbox of MESH, started once, with a simulated national service behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.mesh.sandbox import Sandbox, running_sandbox
from infra.settings import ROOT


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The sandbox, on this machine's loopback."""
    with running_sandbox(ROOT / ".haven" / "envs", tmp_path_factory.mktemp("mesh")) as running:
        yield running


@pytest.fixture(autouse=True)
def emptied(sandbox: Sandbox, tmp_path: Path) -> None:
    """Nothing of another test waits in a mailbox."""
    for mailbox in ("X26ABC1", "X26ABC2"):
        with sandbox.place(mailbox).opened() as opened:
            for name in opened.waiting():
                opened.acknowledge(name)
