"""The local issuer as its own process, started and used from the command line as a developer would."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.issuers import published_at
from tests.fakes.local_logins import approve

ROOT = Path(__file__).resolve().parents[3]
PEOPLE = (
    ("organisation", "add", "university", "University", "--invented"),
    ("person", "add", "asha", "--organisation", "university", "--role", "researcher", "--invented"),
)


class CommandLine:
    """`haven` at one home, with a configuration folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.environment = {**os.environ, "XDG_CONFIG_HOME": str(folder / "config"), "HAVEN_HOME": str(self.home)}

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A command under way, with its output."""
        return subprocess.Popen(
            [sys.executable, "-m", "infra.cli", *words], cwd=ROOT, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *words: str) -> tuple[int, str]:
        """A whole command: its exit status and what it printed."""
        with self.start(*words) as process:
            printed, _ = process.communicate(timeout=400)
        return process.returncode, printed


@pytest.fixture(scope="module")
def haven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A home whose local issuer runs."""
    haven = CommandLine(tmp_path_factory.mktemp("issuer"))
    for words in PEOPLE:
        assert haven.run(*words)[0] == 0
    with haven.start("issuer", "serve") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "is up" in line:
                break
        try:
            yield haven
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


def _log_in(haven: CommandLine) -> str:
    """Log in as asha; what the command printed."""
    with haven.start("login") as process:
        assert process.stdout is not None
        printed = process.stdout.readline() + process.stdout.readline()
        address = re.search(r"Open (\S+)/device\?user_code=(\S+)", printed)
        assert address is not None, printed
        with httpx.Client(base_url=address[1], trust_env=False) as http:
            approve(http, address[2], "asha").raise_for_status()
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    return printed + rest


def test_a_developer_logs_in_rotates_the_key_and_logs_out(haven: CommandLine) -> None:
    """The whole of it, on one running issuer that is not restarted; no token is printed."""
    assert "Logged in as asha, without a second factor" in _log_in(haven)
    status, printed = haven.run("whoami", "--json")
    assert (status, json.loads(printed)["person"]) == (0, "asha")
    state = json.loads((haven.home / "run" / "services.json").read_text())
    address = state["services"]["issuer"]["address"]
    before = [key["kid"] for key in published_at(address)["keys"]]
    status, printed = haven.run("issuer", "rotate")
    after = [key["kid"] for key in published_at(address)["keys"]]
    assert status == 0
    assert after == [printed.split()[-1], *before]
    assert haven.run("whoami")[0] == 0
    printed = _log_in(haven)
    assert haven.run("whoami") == (0, "asha, without a second factor\n")
    assert "eyJ" not in printed
    assert haven.run("logout") == (0, "Logged out: asha.\n")
    status, printed = haven.run("whoami")
    assert status == 77
    assert "haven login" in printed


def test_no_token_lies_in_the_home_or_the_logs(haven: CommandLine) -> None:
    """After a log-in, only the person's own configuration holds one."""
    _log_in(haven)
    (kept,) = (path for path in (haven.home.parent / "config").rglob("*.json"))
    said = json.loads(kept.read_text())
    files = [path for path in haven.home.rglob("*") if path.is_file()]
    assert len(files) > 5
    for path in files:
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # the log's writer takes an entry out of its journal once it stands in a tile
            assert "journal" in path.parts
            continue
        assert said["access"].rpartition(".")[2].encode() not in content, path
        assert said["refresh"].encode() not in content, path


@pytest.mark.parametrize("text", ["", "[identity]\nissuer = 'https://id.example/realms/haven'"])
def test_with_real_data_the_local_issuer_does_not_start(tmp_path: Path, text: str) -> None:
    """Neither where the settings name no identity provider, nor beside one."""
    haven = CommandLine(tmp_path)
    haven.home.mkdir()
    (haven.home / "haven.toml").write_text("real_data = true\n" + text)
    status, printed = haven.run("issuer", "serve")
    assert status == 78
    assert "is up" not in printed
    assert "identity provider" in printed
