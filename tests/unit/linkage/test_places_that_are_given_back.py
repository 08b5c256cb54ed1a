"""What is held only for a while is given back, also where the next step fails: a place at a zone, a transaction."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import duckdb
import pytest

from linkage.matching.in_zones import transaction
from linkage.separation.ports import Answer, Asker
from linkage.separation.server import ZoneServer


def test_a_place_is_free_again_where_no_thread_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each failed start gives its place back: there is room for the next conversation."""
    monkeypatch.setattr("linkage.separation.server.MOST_AT_ONCE", dict.fromkeys(Asker, 1))
    path, tried, start = tmp_path / "s", threading.Event(), threading.Thread.start

    def none_left(_: threading.Thread) -> None:
        tried.set()
        raise RuntimeError("can't start new thread")

    with ZoneServer(path, {os.geteuid(): Asker.ORCHESTRATOR}, lambda *_: Answer()) as server:
        monkeypatch.setattr(server, "handle_error", lambda *_: None)
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        monkeypatch.setattr(threading.Thread, "start", none_left)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asker:
            asker.settimeout(5)
            asker.connect(str(path))
            assert asker.recv(1) == b""
        monkeypatch.setattr(threading.Thread, "start", start)
        until = time.monotonic() + 5
        while not (free := server._rooms[Asker.ORCHESTRATOR].acquire(blocking=False)) and time.monotonic() < until:
            time.sleep(0.02)
        server.shutdown()
        serving.join()
    assert tried.is_set()
    assert free


def test_what_ended_a_transaction_is_told_where_it_cannot_be_rolled_back() -> None:
    """The engine that has given up refuses the way back too; the first error is the one that says why."""
    with duckdb.connect() as zone, pytest.raises(ValueError, match="the real one"), transaction(zone):
        zone.execute("ROLLBACK")  # nothing is left to roll back
        raise ValueError("the real one")
