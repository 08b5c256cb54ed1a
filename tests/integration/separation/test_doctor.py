"""`haven doctor` where accounts are installed: root sees all and leaves nothing of its own; others are told of it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.doctor import service
from infra.doctor.model import Finding, Standing
from tests.fakes.installed import InstalledHaven, installed_haven

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes system accounts: run the tests as root")

OF_THE_HAVEN = ("role keys", "database (sqlite)", "look-up of approvals", "quick verification", "services")


@pytest.fixture(scope="module")
def haven() -> Iterator[InstalledHaven]:
    """Accounts, folders and keys; the haven's own account has made records, and a log."""
    with installed_haven() as installed:
        installed.install()
        words = ("organisation", "add", "team", "The team")
        done = installed.run_as("orchestrator", "infra.cli", *words, "--home", installed.home)
        assert done.returncode == 0, done.stderr
        yield installed


def _as_root(haven: InstalledHaven, monkeypatch: pytest.MonkeyPatch) -> dict[str, Finding]:
    """Root's look; the interpreter is one that the accounts can run, with what it needs to find our packages."""
    monkeypatch.setattr(sys, "executable", str(haven.python))
    monkeypatch.setattr(service, "KEPT_VARIABLES", (*service.KEPT_VARIABLES, *haven.environment))
    for name, value in haven.environment.items():
        monkeypatch.setenv(name, value)
    return {finding.what: finding for finding in service.examine(haven.home)}


def _as(haven: InstalledHaven, part: str) -> dict[str, dict[str, str]]:
    done = haven.run_as(part, "infra.cli", "doctor", "--json", "--home", haven.home)
    assert done.stdout, done.stderr
    return {one["what"]: one for one in json.loads(done.stdout)["findings"]}


def _owners(home: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_uid for path in home.rglob("*")}


def test_root_sees_all_and_leaves_nothing_of_its_own(haven: InstalledHaven, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zones and keys are looked at by root, records and log by the haven's own account; no file changes its owner."""
    before = _owners(haven.home)
    told = _as_root(haven, monkeypatch)
    unseen = [what for what, one in told.items() if one.standing is Standing.UNSEEN]
    # The environments' own interpreter may lie under root's folder, where the haven's account cannot walk to.
    assert [what for what in unseen if not what.startswith("environment ")] == []
    for what in (*OF_THE_HAVEN[:-1], str(haven.settings.linkage_zone), "linkage keys"):
        assert told[what].standing is Standing.HOLDS, told[what]
    after = _owners(haven.home)
    assert {path: owner for path, owner in after.items() if before.get(path, owner) != owner} == {}
    assert [path for path, owner in after.items() if path not in before and owner == 0] == []


def test_a_zone_that_was_opened_is_told_to_root(haven: InstalledHaven, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder, and the command that mends it."""
    zone = haven.settings.linkage_zone
    zone.chmod(0o755)
    told = _as_root(haven, monkeypatch)
    zone.chmod(0o700)
    assert (told[str(zone)].standing, told[str(zone)].mend) == (Standing.WRONG, f"chmod 0700 {zone}")


def test_the_administrators_account_is_told_what_it_does_not_see(haven: InstalledHaven) -> None:
    """It looks at its own, and the zones' keys are not its to look at."""
    told = _as(haven, "orchestrator")
    assert {told[what]["standing"] for what in OF_THE_HAVEN[:-1]} == {"holds"}
    assert told["services"]["standing"] == "doubtful"
    assert told["linkage keys"]["standing"] == "unseen"


def test_another_account_sees_next_to_nothing(haven: InstalledHaven) -> None:
    """Programs and machine are anybody's to look at; of the haven's own things it is told that it cannot."""
    told = _as(haven, "stranger")
    assert told["records, keys, log and services"]["standing"] == "unseen"
    assert not set(OF_THE_HAVEN) & told.keys()
    assert "DuckDB" in told
