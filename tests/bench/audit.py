"""What does evidence cost? Appends one by one and grouped, each fsynced before its acknowledgement; then verifying."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.canonical import to_entry
from audit.client import SocketAuditLog
from audit.clock import SystemClock
from audit.events import EventName
from audit.model import AuditEvent, person
from audit.tree import LogTree
from audit.verifier import verify

NAME = "audit: durable appends through the writer's process, and verifying"
GROUP = 20


def _events(count: int) -> list[AuditEvent]:
    now = SystemClock().now()
    return [
        AuditEvent(name=EventName.QUERY_REQUESTED, at=now, by=person("asha"), project="p", details={"n": number})
        for number in range(count)
    ]


def run(quick: bool) -> list[tuple[str, float, str]]:
    """Rates side by side on one disk, in one run."""
    seconds, entries = (1.0, 20_000) if quick else (5.0, 1_000_000)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        log = SocketAuditLog(folder / "audit", folder / "s")
        log.append(_events(1))
        single = _rate(log, 1, seconds)
        grouped = _rate(log, GROUP, seconds)
        log.close()
        many = _many_clients(folder, seconds)
        checked, size = _verified(folder / "large", entries)
    return [
        ("one event at a time, one client", single, "events/s"),
        (f"{GROUP} events in a call, one client", grouped, "events/s"),
        ("one event at a time, 8 clients (group commit)", many, "events/s"),
        ("grouped beside single", grouped / single, "times"),
        (f"verify {entries:,} events", checked, "s"),
        ("verify", entries / checked, "events/s"),
        ("disk per event", size / entries, "bytes"),
    ]


def _rate(log: SocketAuditLog, group: int, seconds: float) -> float:
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        log.append(_events(group))
        done += group
    return done / (time.perf_counter() - started)


def _many_clients(folder: Path, seconds: float) -> float:
    rates: list[float] = []

    def one() -> None:
        log = SocketAuditLog(folder / "audit", folder / "s")
        rates.append(_rate(log, 1, seconds))
        log.close()

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(rates)


def _verified(folder: Path, entries: int) -> tuple[float, int]:
    """A log of this size, written without the socket; seconds to derive all of it again, and its bytes."""
    key = Ed25519PrivateKey.generate()
    (folder / "journal").mkdir(parents=True)
    (folder / "log.pub").write_bytes(key.public_key().public_bytes_raw().hex().encode())
    (folder / "origin").write_text("haven.bench/log", encoding="ascii")
    tree = LogTree(folder, "haven.bench/log", key)
    block = 5_000
    for _ in range(0, entries, block):
        tree.append([to_entry(event) for event in _events(block)])
        tree.checkpoint()
    tree.close()
    started = time.perf_counter()
    verdict = verify(folder, None, None)
    taken = time.perf_counter() - started
    if not verdict.whole or verdict.entries < entries:
        raise RuntimeError("the log that was just written does not verify")
    return taken, sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
