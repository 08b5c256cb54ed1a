"""The writer's process: killed, starved of disk, attacked over its socket, and taken over from."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from audit.client import SocketAuditLog
from audit.errors import AuditUnavailable
from audit.events import EventName
from audit.model import AuditEvent, person
from audit.reader import LogReader
from audit.verifier import verify
from tests.fakes.havens import START


def _event(number: int) -> AuditEvent:
    return AuditEvent(name=EventName.QUERY_REQUESTED, at=START, by=person("asha"), details={"n": number})


@contextmanager
def _writer(folder: Path, path: Path, *, limit: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    def small_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit or 0, resource.RLIM_INFINITY))

    process = subprocess.Popen(
        [sys.executable, "-m", "audit.writer", "--folder", str(folder), "--socket", str(path)],
        preexec_fn=small_disk if limit else None,  # noqa: PLW1509 - one thread, one call
    )
    until = time.monotonic() + 20
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.01)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        path.unlink(missing_ok=True)


def test_killed_again_and_again_it_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """kill -9 under load, fifteen times: every acknowledged event is there once, at the index that was acknowledged."""
    folder, path = tmp_path / "audit", tmp_path / "s"
    acknowledged: dict[int, str] = {}
    number = 0
    for _ in range(15):
        with _writer(folder, path) as process:
            killer = threading.Timer(0.15, process.kill)
            killer.start()
            log = SocketAuditLog(folder, path, start_writer=False)
            try:
                while True:
                    batch = [_event(number + n) for n in range(3)]
                    number += 3
                    for event, receipt in zip(batch, log.append(batch), strict=True):
                        acknowledged[receipt.index] = event.id
            except AuditUnavailable:
                pass
            finally:
                log.close()
                killer.cancel()
    assert len(acknowledged) > 30
    with _writer(folder, path):
        pass
    found = dict(LogReader(folder).entries())
    for index, event_id in acknowledged.items():
        assert event_id.encode() in found[index]
    ids = [entry[entry.index(b'"id":"') + 6 :][:36] for entry in found.values()]
    assert len(set(ids)) == len(ids)
    assert verify(folder, None, None).whole


def test_it_signs_when_asked(tmp_path: Path) -> None:
    """What was acknowledged is under the checkpoint when the answer comes; an empty note kept by somebody proves
    nothing, and is told."""
    folder, path = tmp_path / "audit", tmp_path / "s"
    with _writer(folder, path):
        log = SocketAuditLog(folder, path, start_writer=False)
        assert log.sign() == {"size": 0, "signed": 0}
        log.append([_event(1), _event(2)])
        assert log.sign() == {"size": 2, "signed": 2}
        assert LogReader(folder).signed_size() == 2
        log.close()
        assert verify(folder, newest=(folder / "checkpoint").read_text()).whole
        assert not verify(folder, newest="").whole


def test_it_can_be_verified_while_it_is_written(tmp_path: Path) -> None:
    """A checkpoint half way is no finding: a log under load is whole each time that it is looked at."""
    folder, path = tmp_path / "audit", tmp_path / "s"
    with _writer(folder, path):
        log, done = SocketAuditLog(folder, path, start_writer=False), threading.Event()

        def write() -> None:
            number = 0
            while not done.is_set():
                number += 1
                log.append([_event(number)])
                log.sign()
                time.sleep(0.5)

        writing = threading.Thread(target=write)
        writing.start()
        until, verdicts = time.monotonic() + 12, []
        while time.monotonic() < until:
            verdicts.append(verify(folder))
        done.set()
        writing.join()
        log.close()
    assert [verdict.sentences() for verdict in verdicts if not verdict.whole] == []


def test_a_full_disk_refuses_and_recovers(tmp_path: Path) -> None:
    """No room for another frame: a sentence, nothing half kept; with room again it goes on, and verifies."""
    folder, path = tmp_path / "audit", tmp_path / "s"
    with _writer(folder, path, limit=40_000):
        log = SocketAuditLog(folder, path, start_writer=False)
        kept = 0
        with pytest.raises(AuditUnavailable) as told:
            for number in range(100_000):
                log.append([_event(number)])
                kept += 1
        assert told.value.mend
        with pytest.raises(AuditUnavailable):
            log.append([_event(-1)])
        log.close()
    assert kept > 10
    with _writer(folder, path):
        log = SocketAuditLog(folder, path, start_writer=False)
        assert log.append([_event(1)])[0].index == kept
        log.close()
    assert len(list(LogReader(folder).entries())) == kept + 1
    assert verify(folder, None, None).whole


def test_hostile_clients_do_not_disturb_the_others(tmp_path: Path) -> None:
    """Garbage, a giant length, half a message, and silence: each ends alone."""
    folder, path = tmp_path / "audit", tmp_path / "s"
    with _writer(folder, path):
        log = SocketAuditLog(folder, path, start_writer=False)
        left_open = []
        for content in (b"\x00" * 3, b"\xff" * 64, os.urandom(4096), b"\x00\x00\x00\x05[1,2]", b"\x00\x00\x00\x02{}"):
            hostile = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            hostile.connect(str(path))
            hostile.sendall(content)
            left_open.append(hostile)
        for message in (
            '{"op":"append"}',
            '{"op":"append","entries":["{}"]}',
            '{"op":"delete"}',
            "null",
            '{"op":"append","entries":"x"}',
        ):
            hostile = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            hostile.connect(str(path))
            hostile.sendall(len(message).to_bytes(4, "big") + message.encode())
            assert b"error" in hostile.recv(65_536)
            hostile.close()
        assert log.append([_event(1)])[0].index == 0
        for one in left_open:
            one.close()
        log.close()
    assert verify(folder, None, None).whole


def test_there_is_one_writer(tmp_path: Path) -> None:
    """A second one that would stay is refused; the first goes on."""
    folder, path = tmp_path / "audit", tmp_path / "s"
    with _writer(folder, path):
        second = subprocess.run(
            [sys.executable, "-m", "audit.writer", "--folder", str(folder), "--socket", str(tmp_path / "t")],
            capture_output=True,
            timeout=40,
            check=False,
        )
        assert second.returncode == 73
        log = SocketAuditLog(folder, path, start_writer=False)
        assert log.append([_event(1)])[0].index == 0
        log.close()


def test_one_that_stays_takes_over_from_one_started_on_demand(tmp_path: Path) -> None:
    """`haven up` after a command: the on-demand writer retires, no event is lost or doubled, its client goes on."""
    folder, path = tmp_path / "audit", tmp_path / "s"
    log = SocketAuditLog(folder, path)
    log.append([_event(0)])
    command = [sys.executable, "-m", "audit.writer", "--folder", str(folder), "--socket", str(path)]
    stays = subprocess.Popen(command)
    try:
        for number in range(1, 200):
            log.append([_event(number)])
        time.sleep(1)
        assert stays.poll() is None
        assert log.append([_event(200)])[0].index == 200
    finally:
        stays.terminate()
        assert stays.wait(20) == 0
        log.close()
    verdict = verify(folder, None, None)
    assert verdict.whole
    assert verdict.entries + verdict.unsigned == 201


def test_the_writer_of_a_home_that_is_gone_ends_and_leaves_the_next_one_alone(tmp_path: Path) -> None:
    """A home is deleted and made anew under the same name: the old writer ends, the new one's socket stays."""
    folder, path = tmp_path / "audit", tmp_path / "s"
    command = [sys.executable, "-m", "audit.writer", "--folder", str(folder), "--socket", str(path)]
    old = subprocess.Popen([*command, "--idle-seconds", "60"])
    try:
        until = time.monotonic() + 20
        while not path.exists() and time.monotonic() < until:
            time.sleep(0.01)
        path.unlink()
        folder.rename(tmp_path / "deleted")
        log = SocketAuditLog(folder, path)
        log.append([_event(0)])
        assert old.wait(20) == 0
        assert path.exists()
        log.close()
        assert log.append([_event(1)])[0].index == 1
        log.close()
    finally:
        old.kill()
        old.wait()
