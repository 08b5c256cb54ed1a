"""`haven identity` as an operator uses it: up, sync, check, repair, reset, down; and where its secrets are not."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from access.realm.keycloak import Keeper, KeycloakRealm
from access.realm.wanted.settings import RealmSettings
from tests.fakes.keycloak_pages import PersonAtTheDoor, token_of

DRIFTED = 65
THIS_MACHINE, LISTENING = "0100007F", "0A"


class Commands:
    """The command line on a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "a home with spaces"

    def run(self, *words: str, status: int = 0) -> str:
        """All that a command printed."""
        done = subprocess.run(
            [sys.executable, "-m", "infra.cli", *words],
            cwd=self.folder,
            env={**os.environ, "HAVEN_HOME": str(self.home)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    """A fresh home, whose Keycloak is ended in any case."""
    commands = Commands(tmp_path)
    yield commands
    commands.run("identity", "down")


def _processes() -> dict[int, tuple[bytes, bytes]]:
    """Arguments and environment of every process that can be looked at."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found[int(folder.name)] = ((folder / "cmdline").read_bytes(), (folder / "environ").read_bytes())
        except OSError:
            continue
    return found


def _listens_at(port: int) -> set[str]:
    """The addresses at which something listens on this port, as the kernel writes them, without the map to IPv6."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in (Path("/proc/net") / table).read_text(encoding="utf-8").splitlines()[1:]:
            address, _, number = line.split()[1].partition(":")
            if line.split()[3] == LISTENING and int(number, 16) == port:
                found.add(address[-len(THIS_MACHINE) :])
    return found


def _by_the_doctor(commands: Commands, what: str) -> dict[str, str]:
    """What `haven doctor` says of one thing, whatever it says of the others."""
    command = [sys.executable, "-m", "infra.cli", "doctor", "--json", "--home", str(commands.home)]
    done = subprocess.run(command, cwd=commands.folder, capture_output=True, text=True, timeout=300, check=False)
    return dict(next(one for one in json.loads(done.stdout)["findings"] if one["what"] == what))


def test_a_days_work_with_log_ins(commands: Commands) -> None:
    """From nothing to a token; a drift is named, mended and told in the log; secrets are in files only."""
    said = commands.run("identity", "up")
    assert "haven identity sync" in said
    commands.run("organisation", "add", "university", "University", "--invented")
    asha = ("--name", "Asha", "--organisation", "university", "--role", "researcher", "--invented")
    commands.run("person", "add", "asha", *asha)
    assert "log-in made      asha" in commands.run("identity", "sync")
    assert "as it should be" in commands.run("identity", "sync")
    assert "as it should be" in commands.run("identity", "check")

    where = json.loads(commands.run("identity", "status", "--json"))
    one_time = commands.home / "identity" / "one-time" / "asha.txt"
    person = PersonAtTheDoor("asha", one_time.read_text(encoding="utf-8").strip())
    assert token_of(where["issuer"], person)["token_type"] == "Bearer"

    secret_file = commands.home / "identity" / "keeper.secret"
    secret = secret_file.read_bytes().strip()
    assert len(secret) > 30
    for path in (secret_file, one_time, commands.home / "identity" / "keycloak.conf"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for arguments, environment in _processes().values():
        assert secret not in arguments
        assert secret not in environment
    logs = b"".join(path.read_bytes() for path in (commands.home / "logs").iterdir())
    assert secret not in logs
    assert person.password.encode() not in logs

    hub_secret = commands.folder / "hub.secret"
    said = commands.run("identity", "client-secret", "haven-hub", "--file", str(hub_secret))
    assert stat.S_IMODE(hub_secret.stat().st_mode) == 0o600
    assert len(hub_secret.read_text(encoding="utf-8").strip()) >= 32
    assert hub_secret.read_text(encoding="utf-8").strip() not in said
    commands.run("identity", "client-secret", "haven-hub", "--file", str(hub_secret), status=69)

    realm = KeycloakRealm(Keeper(where["address"], "haven-keeper", secret_file), RealmSettings())
    realm.admin.update_realm("haven", {"bruteForceProtected": False})
    told = commands.run("identity", "check", status=DRIFTED)
    assert "setting 'bruteForceProtected': is False, should be True" in told
    assert _by_the_doctor(commands, "realm")["standing"] == "wrong"
    assert "mended: setting 'bruteForceProtected'" in commands.run("identity", "repair")
    commands.run("identity", "check")
    assert _by_the_doctor(commands, "realm")["standing"] == "holds"
    settings = commands.home / "haven.toml"
    settings.write_text(f'[identity]\nissuer = "{where["issuer"]}"\n', encoding="utf-8")
    assert _by_the_doctor(commands, "identity provider")["standing"] == "holds"
    settings.write_text(f'[identity]\nissuer = "{where["issuer"]}"\nalgorithms = ["Ed25519"]\n', encoding="utf-8")
    assert "no key that may sign" in _by_the_doctor(commands, "identity provider")["found"]
    settings.unlink()

    assert _listens_at(int(httpx.URL(where["address"]).port or 0)) == {THIS_MACHINE}

    assert "Stopped." in commands.run("identity", "down")
    assert "Nothing was running." in commands.run("identity", "down")
    assert "haven identity up" in commands.run("identity", "check", status=69)
    log = commands.run("audit", "log")
    for words in ("gave a person their log-in", "had drifted", "mended what had drifted"):
        assert words in log


def test_it_is_not_for_real_data(commands: Commands) -> None:
    """Where real data are, nothing is started on this machine: the page says how Keycloak is set up there."""
    commands.home.mkdir()
    issuer = 'real_data = true\n[identity]\nissuer = "https://login.example/realms/haven"\n'
    (commands.home / "haven.toml").write_text(issuer, encoding="utf-8")
    assert "docs/identity.md" in commands.run("identity", "up", status=78)
    (commands.home / "haven.toml").unlink()
