"""The supervisor with real processes: order, readiness, failure, clean stop."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from infra.servers.model import Service, ServiceError, ServicesRunning
from infra.servers.supervisor import Supervisor, read_state


def _service(name: str, code: str, ready: Path | None, *, optional: bool = False) -> Service:
    return Service(
        name=name,
        purpose="test",
        command=(sys.executable, "-c", code),
        ready=(lambda: ready.exists()) if ready else (lambda: False),
        address="nowhere",
        seconds_to_start=10,
        optional=optional,
    )


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_services_start_ready_and_stop_clean(tmp_path: Path) -> None:
    """A service is ready when it says so, is seen in the state, and no process is left after the stop."""
    sign, said = tmp_path / "ready", list[str]()
    code = f"import pathlib,time; pathlib.Path({str(sign)!r}).touch(); time.sleep(60)"
    supervisor = Supervisor(tmp_path / "run", tmp_path / "logs", said.append)
    with supervisor.running([_service("one", code, sign)]):
        state = read_state(tmp_path / "run")
        pid = state["services"]["one"]["pid"]  # type: ignore[index,call-overload]
        assert _lives(pid)
        with (
            pytest.raises(ServicesRunning),
            Supervisor(tmp_path / "run", tmp_path / "logs", said.append).running([]),
        ):
            pass
    assert read_state(tmp_path / "run") is None
    assert not _lives(pid)
    assert any("ready" in line for line in said)


def test_a_service_that_ends_at_its_start_is_an_error(tmp_path: Path) -> None:
    """A service that does not come up stops everything and names its log."""
    supervisor = Supervisor(tmp_path / "run", tmp_path / "logs", lambda _: None)
    with (
        pytest.raises(ServiceError) as caught,
        supervisor.running([_service("bad", "raise SystemExit(3)", None)]),
    ):
        pass
    assert "bad.log" in str(caught.value)
    assert read_state(tmp_path / "run") is None


def test_an_optional_service_may_be_left_out(tmp_path: Path) -> None:
    """Where workspaces cannot run, the rest goes on and the state says what was left out."""
    supervisor = Supervisor(tmp_path / "run", tmp_path / "logs", lambda _: None)
    with supervisor.running([_service("hub", "raise SystemExit(3)", None, optional=True)]):
        state = read_state(tmp_path / "run")
        assert state is not None
        assert "hub" in state["left_out"]  # type: ignore[operator]


def test_a_service_that_dies_is_noticed(tmp_path: Path) -> None:
    """When a service ends by itself the supervisor says which, and stops."""
    sign = tmp_path / "ready"
    code = f"import pathlib,time; pathlib.Path({str(sign)!r}).touch(); time.sleep(1)"
    supervisor = Supervisor(tmp_path / "run", tmp_path / "logs", lambda _: None)
    guard = threading.Timer(30, supervisor.stopping.set)
    guard.start()
    with pytest.raises(ServiceError), supervisor.running([_service("short", code, sign)]):
        supervisor.watch()
    guard.cancel()


@pytest.mark.parametrize("opens", [True, False])
def test_only_a_service_that_opens_the_records_is_told_of_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opens: bool
) -> None:
    """The database's address may hold a password: a zone's process does not inherit it."""
    monkeypatch.setenv("HAVEN_DATABASE", "postgresql://haven:secret@nowhere/haven")
    sign, draft = tmp_path / "sign", tmp_path / "draft"
    code = f"import os,time; open({str(draft)!r},'w').write(str('HAVEN_DATABASE' in os.environ))"
    one = _service("one", f"{code}; os.replace({str(draft)!r},{str(sign)!r}); time.sleep(60)", sign)
    with Supervisor(tmp_path / "run", tmp_path / "logs", lambda _: None).running([replace(one, opens_records=opens)]):
        assert sign.read_text() == str(opens)
