"""`haven doctor` on real homes: what is broken in one is named, with its mend; nothing is changed by the look."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from access.organisations.model import Organisation
from audit.model import service
from infra.errors import DeploymentError
from infra.migrations import HEAD
from infra.servers.catalogue import services_of
from infra.servers.gateway import enclosure_of, may_open_here
from infra.servers.model import Service
from infra.servers.supervisor import Supervisor, read_state
from infra.settings import Settings
from infra.wiring.haven import Haven
from tests.fakes.postgres import postgresql
from tests.fakes.workspaces import short_folder

ROOT = Path(__file__).resolve().parents[3]
NOT_PASSED = 65
LISTENER = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); open({!r}, 'w').close(); time.sleep(600)"


class Told(dict[str, dict[str, str]]):
    """The doctor's findings by what they are of, and the exit status."""

    status: int


def _doctor(home: Path) -> Told:
    """The command, whole."""
    command = [sys.executable, "-P", "-m", "infra.cli", "doctor", "--json", "--home", str(home)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode in (0, NOT_PASSED), done.stderr
    told = json.loads(done.stdout)
    assert (done.returncode == 0) == told["well"]
    findings = Told({one["what"]: one for one in told["findings"]})
    findings.status = done.returncode
    return findings


def _made(home: Path) -> Haven:
    """A home with keys, records and a log that holds entries."""
    haven = Haven.at(home)
    assert haven.keyring.root_name == "sealed-file"
    haven.access.register_organisation(Organisation("team", "The team"), by=service("administration"))
    haven.audit_log.sign()
    haven.audit_log.close()
    return haven


def _files(home: Path) -> dict[str, tuple[int, int]]:
    """Every file but sockets and what an open database keeps beside itself: size and time of change."""
    left_out = ("-wal", "-shm", ".sock")
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in home.rglob("*")
        if path.is_file() and not path.name.endswith(left_out)
    }


def test_a_home_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """The programs and the machine are looked at all the same; that there is no haven is wrong."""
    told = _doctor(tmp_path / "home")
    assert told.status == NOT_PASSED
    assert told[str(tmp_path / "home")]["standing"] == "wrong"
    assert {"environment hub", "call filter", "DuckDB"} <= told.keys()
    assert not (tmp_path / "home").exists()


def test_a_sound_home_whose_services_are_down(tmp_path: Path) -> None:
    """All of it holds; that nothing runs is for somebody to look at; and no file of the home was changed."""
    _made(tmp_path / "home")
    before = _files(tmp_path / "home")
    told = _doctor(tmp_path / "home")
    for what in ("role keys", "database (sqlite)", "look-up of approvals", "quick verification", "files with secrets"):
        assert told[what]["standing"] == "holds", what
    assert told["services"]["standing"] == "doubtful"
    assert told["witness"]["standing"] == "doubtful"
    wrong = {one["area"] for one in told.values() if one["standing"] == "wrong"}
    assert wrong <= {"Programs"}  # of the environments that these tests run in
    assert _files(tmp_path / "home") == before


def _open_a_secret(haven: Haven) -> None:
    (haven.settings.keys_folder / "roles.json").chmod(0o644)


def _open_the_home(haven: Haven) -> None:
    haven.settings.home.chmod(0o777)


def _lose_the_keys(haven: Haven) -> None:
    haven.settings.scopes_folder.mkdir(exist_ok=True)
    (haven.settings.scopes_folder / "asthma-1.duckdb").touch()
    for path in haven.settings.keys_folder.glob("*.*"):
        path.unlink()


def _lose_the_passphrase(haven: Haven) -> None:
    (haven.settings.keys_folder / "passphrase").unlink()


def _change_the_passphrase(haven: Haven) -> None:
    (haven.settings.keys_folder / "passphrase").write_bytes(b"another")


def _change_an_entry(haven: Haven) -> None:
    path = next((haven.settings.audit_folder / "tile" / "entries").rglob("[0-9]*"))
    path = path if path.is_file() else next(path.rglob("[0-9]*"))
    path.write_bytes(path.read_bytes().replace(b"team", b"tean"))


def _newer_schema(haven: Haven) -> None:
    with haven.records.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")


def _lose_a_table(haven: Haven) -> None:
    with haven.records.engine.begin() as connection:
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        for name in (one for one in tables if "person" in one or "people" in one or "project" in one):
            connection.exec_driver_sql(f"DROP TABLE {name}")


def _spoil_the_database(haven: Haven) -> None:
    haven.records.engine.dispose()
    (haven.settings.home / "records" / "haven.db").write_bytes(b"no database" * 1000)


def _unknown_setting(haven: Haven) -> None:
    (haven.settings.home / "haven.toml").write_text("[gateway]\nrows = 5\n")


@pytest.mark.parametrize(
    ("damage", "what", "said"),
    [
        (_open_a_secret, "roles.json", "chmod 0600"),
        (_open_the_home, "home", "chmod 0700"),
        (_lose_the_keys, "role keys", "backup"),
        (_lose_the_passphrase, "role keys", "backup"),
        (_change_the_passphrase, "role keys", "passphrase"),
        (_change_an_entry, "quick verification", "haven audit verify"),
        (_newer_schema, "database (sqlite)", "version of Haven"),
        (_lose_a_table, "look-up of approvals", "backup"),
        (_spoil_the_database, "database (sqlite)", "backup"),
        (_unknown_setting, "settings", "Correct"),
    ],
)
def test_what_is_broken_is_named_with_its_mend(
    tmp_path: Path, damage: Callable[[Haven], None], what: str, said: str
) -> None:
    """One thing is broken in a sound home: it is found wrong, and the mend is said."""
    haven = _made(tmp_path / "home")
    damage(haven)
    told = _doctor(tmp_path / "home")
    assert told.status == NOT_PASSED
    found = next(one for name, one in told.items() if name.endswith(what))
    assert found["standing"] == "wrong"
    assert found["why"]
    assert said in found["mend"]


def test_the_words_of_a_broken_database_are_not_shown(tmp_path: Path) -> None:
    """Only the kind of the error is told: a library's own text may quote a row or a password."""
    haven = _made(tmp_path / "home")
    _spoil_the_database(haven)
    environment = {**os.environ, "HAVEN_DATABASE": "postgresql+psycopg://haven:geheim@127.0.0.1:1/none"}
    command = [sys.executable, "-P", "-m", "infra.cli", "doctor", "--home", str(tmp_path / "home")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == NOT_PASSED
    assert "cannot be opened (OperationalError)" in done.stdout
    assert "geheim" not in done.stdout + done.stderr


def test_what_real_data_ask_for_is_said_one_by_one(tmp_path: Path) -> None:
    """Accounts, cipher, passphrases, the hub's log-in: each that is missing, with the line to write."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "haven.toml").write_text('real_data = true\n[identity]\nissuer = "https://id.example/realms/haven"\n')
    told = _doctor(home)
    for name in ("accounts", "cipher of the zones", "passphrase", "passphrases of the zones", "log-in at the hub"):
        assert told[f"real data: {name}"]["standing"] == "wrong"
    assert "duckdb_httpfs" in told["real data: cipher of the zones"]["mend"]
    assert told["accounts"]["standing"] == "wrong"
    assert told["identity provider"]["standing"] == "wrong"
    assert sorted(path.name for path in home.iterdir()) == ["haven.toml"]


@pytest.fixture(scope="module")
def running() -> Iterator[Haven]:
    """A home whose log, issuer, gateway and hub run; no Prefect was started."""
    with short_folder() as folder:
        haven = _made(folder / "home")
        wanted = [one for one in services_of(haven) if one.name != "prefect"]
        assert [one.name for one in wanted] == ["log", "issuer", "gateway", "hub"]
        supervisor = Supervisor(haven.settings.run_folder, haven.settings.logs_folder, lambda _: None)
        with supervisor.running(wanted):
            yield haven


def test_services_that_run_are_asked(running: Haven) -> None:
    """Writer, gateway, control routes, hub and edge answer; who reaches them is looked up; what is missing is told."""
    told = _doctor(running.settings.home)
    held = ("writer", "gateway", "gateway by TCP", "control routes of the hub", "hub", "edge", "hub's ports",
            "local development issuer")  # fmt: skip
    assert {what: told[what]["standing"] for what in held} == dict.fromkeys(held, "holds")
    assert told["prefect"]["standing"] == "wrong"


def test_a_token_that_the_gateway_does_not_take_is_told(running: Haven) -> None:
    """The hub's token was changed beside a running gateway: the hub could open nothing."""
    path = running.settings.home / "hub" / "tokens" / "hub.token"
    kept = path.read_text()
    path.write_text("another")
    told = _doctor(running.settings.home)
    path.write_text(kept)
    assert told["control routes of the hub"]["standing"] == "wrong"
    assert "token" in told["control routes of the hub"]["found"]


def test_a_hub_that_ended_is_told_with_its_edge(running: Haven) -> None:
    """The hub was started and is gone: it does not answer, and no edge gives a page. (The last test of this hub.)"""
    state: dict[str, Any] = read_state(running.settings.run_folder) or {}
    hub = int(state["services"]["hub"]["pid"])
    os.kill(hub, signal.SIGKILL)
    while Path(f"/proc/{hub}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.05)
    told = _doctor(running.settings.home)
    assert (told["hub"]["standing"], told["edge"]["standing"]) == ("wrong", "wrong")
    assert told["gateway"]["standing"] == "holds"


def test_the_gateway_opens_doors_only_out_of_tcps_reach_and_on_a_fit_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the gateway's process asks before each opening: its own sockets, and the trial of the machine."""
    settings = Haven.at(tmp_path / "home").settings
    assert may_open_here(settings)
    with socket.create_server(("127.0.0.1", 0)):
        assert getattr(may_open_here(settings), "code", None) == "gateway.reachable_by_tcp"
    monkeypatch.setenv("HAVEN_ENVIRONMENTS", str(tmp_path))
    assert getattr(may_open_here(settings), "code", None) == "workspace.no_sandbox_program"


def test_with_real_data_the_gateway_does_not_start_on_a_machine_that_keeps_nothing_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its workers could not be enclosed: it says why, how to mend it, and that the doctor tells more."""
    identity = {"issuer": "https://id.example/realms/haven"}
    real = Settings.model_validate({"home": tmp_path, "real_data": True, "identity": identity})
    assert enclosure_of(real) is not None
    monkeypatch.setenv("HAVEN_ENVIRONMENTS", str(tmp_path))
    assert enclosure_of(Settings(home=tmp_path)) is None
    with pytest.raises(DeploymentError, match="cannot be kept apart") as refused:
        enclosure_of(real)
    assert refused.value.where == "haven doctor"
    assert "./haven" in str(refused.value.mend)


@pytest.mark.needs_postgresql
def test_a_database_server_is_asked_like_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On PostgreSQL: empty before anything was recorded, then of the newest schema, and its approvals are looked up."""
    with postgresql() as url:
        monkeypatch.setenv("HAVEN_DATABASE", url)
        (tmp_path / "home").mkdir(mode=0o700)
        assert _doctor(tmp_path / "home")["database (postgresql)"]["standing"] == "doubtful"
        haven = _made(tmp_path / "home")
        told = _doctor(tmp_path / "home")
        haven.records.engine.dispose()
    assert told["database (postgresql)"]["standing"] == "holds"
    assert told["look-up of approvals"]["standing"] == "holds"


def test_a_gateway_that_listens_by_tcp_is_told(tmp_path: Path) -> None:
    """What runs as this home's gateway has a port open: it is named."""
    haven, sign = _made(tmp_path / "home"), tmp_path / "ready"
    gateway = Service(
        name="gateway",
        purpose="listens where it must not",
        command=(sys.executable, "-c", LISTENER.format(str(sign))),
        ready=sign.exists,
        address="unix:nowhere",
    )
    with Supervisor(haven.settings.run_folder, haven.settings.logs_folder, lambda _: None).running([gateway]):
        told = _doctor(haven.settings.home)
    assert told["gateway by TCP"]["standing"] == "wrong"
    assert "127.0.0.1:" in told["gateway by TCP"]["found"]
    assert told["gateway"]["standing"] == "wrong"
    assert HEAD in told["database (sqlite)"]["found"]
