"""The log as a rule-based state machine: appended to, signed, crashed with a torn tail, restarted, tampered with."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from audit.canonical import from_entry, to_entry
from audit.events import EventName
from audit.merkle import leaf_hash
from audit.model import AuditEvent, person
from audit.reader import LogReader
from audit.tree import LogTree
from audit.verifier import Verdict, verify
from tests.fakes.havens import START

KEY = Ed25519PrivateKey.generate()
ORIGIN = "haven.test/log"


def _entry(number: int) -> bytes:
    return to_entry(AuditEvent(name=EventName.QUERY_REQUESTED, at=START, by=person("asha"), details={"n": number}))


class LogMachine(RuleBasedStateMachine):
    """The model is the list of acknowledged entries."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="log-"))
        (self.folder / "log.pub").write_bytes(KEY.public_key().public_bytes_raw().hex().encode())
        (self.folder / "origin").write_text(ORIGIN, encoding="ascii")
        (self.folder / "journal").mkdir()
        self.tree = LogTree(self.folder, ORIGIN, KEY)
        self.acknowledged: list[bytes] = []

    def teardown(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @rule(count=st.sampled_from([1, 2, 3, 40, 256, 300]))
    def append(self, count: int) -> None:
        """A batch: indexes go on without a gap, leaves are the entries' own."""
        entries = [_entry(len(self.acknowledged) + n) for n in range(count)]
        receipts = self.tree.append(entries)
        first = len(self.acknowledged)
        assert receipts == [(first + n, leaf_hash(entry)) for n, entry in enumerate(entries)]
        self.acknowledged += entries

    @rule()
    def checkpoint(self) -> None:
        """Tiles and a signed note."""
        self.tree.checkpoint()

    @rule()
    def stop_and_start(self) -> None:
        """A clean stop signs everything; a start finds it."""
        self.tree.close()
        self.tree = LogTree(self.folder, ORIGIN, KEY)

    @rule(torn=st.binary(min_size=0, max_size=300))
    def crash_with_a_torn_tail(self, torn: bytes) -> None:
        """Power goes while a frame is written: what was acknowledged is there, what was not is not."""
        (journal,) = (self.folder / "journal").iterdir()
        with journal.open("ab") as file:
            file.write(torn)
        self.tree = LogTree(self.folder, ORIGIN, KEY)

    @precondition(lambda self: self.acknowledged)
    @rule(data=st.data())
    def crash_in_the_middle_of_a_frame(self, data: st.DataObject) -> None:
        """A frame of a real entry, cut at any byte, is never kept."""
        before = len(self.acknowledged)
        (journal,) = (self.folder / "journal").iterdir()
        size = journal.stat().st_size
        self.tree.append([_entry(before)])
        (journal,) = (self.folder / "journal").iterdir()
        cut = data.draw(st.integers(size, journal.stat().st_size - 1))
        with journal.open("r+b") as file:
            file.truncate(cut)
        self.tree = LogTree(self.folder, ORIGIN, KEY)

    @invariant()
    def everything_acknowledged_is_there_and_nothing_else(self) -> None:
        """The reader gives back exactly what was acknowledged, in order."""
        assert [entry for _, entry in LogReader(self.folder).entries()] == self.acknowledged
        assert self.tree.size == len(self.acknowledged)

    @invariant()
    def it_verifies(self) -> None:
        """The verifier, which shares nothing with the writer, finds it whole."""
        verdict = verify(self.folder, None, None)
        assert verdict.whole, verdict.sentences()
        assert verdict.entries + verdict.unsigned == len(self.acknowledged)

    @precondition(lambda self: self.tree.signed_size > 0)
    @rule(data=st.data())
    def tampering_is_found_and_its_place_named(self, data: st.DataObject) -> None:
        """Any byte of any file changed, any file cut, removed, or added: not whole, and a file is named."""
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / "log"
            shutil.copytree(self.folder, copy)
            evidence = ("tile", "checkpoint", "checkpoints.log")
            files = [p for p in sorted(copy.rglob("*")) if p.is_file() and p.relative_to(copy).parts[0] in evidence]
            path = data.draw(st.sampled_from(files))
            content = path.read_bytes()
            kind = data.draw(st.sampled_from(["change", "cut", "grow", "remove"]))
            if kind == "change":
                place = data.draw(st.integers(0, len(content) - 1))
                flip = data.draw(st.integers(1, 255))
                path.write_bytes(content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :])
            elif kind == "cut":
                path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
            elif kind == "grow":
                path.write_bytes(content + b"x")
            else:
                path.unlink()
            verdict: Verdict = verify(copy, None, None)
            assert not verdict.whole, f"{kind} in {path.relative_to(copy)} was not found"
            assert all(finding.file for finding in verdict.findings)


TestLogMachine = LogMachine.TestCase
TestLogMachine.settings = settings(
    max_examples=30, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_an_entry_comes_back_as_the_event_it_was() -> None:
    """Canonical bytes and event are two forms of one thing."""
    event = AuditEvent(
        name=EventName.QUERY_REQUESTED, at=START, by=person("asha"), project="p", details={"a": [1, None]}
    )
    assert from_entry(to_entry(event)) == event
