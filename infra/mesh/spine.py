"""Who answers in the sandbox? A simulated national service: it sends back what was asked, less who opted out.

It can be told to misbehave in each way that the haven must notice. Only in trials: nobody is asked about for real.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from infra.mesh.sandbox import NATIONAL, OURS, PASSWORD, SHARED_KEY, Sandbox
from linkage.optouts.form import read, written
from linkage.optouts.mesh import WORKFLOW

SECONDS_BETWEEN_LOOKS = 0.1
STRANGER = "X26ABC3"
ALWAYS_THERE = "9990000018"
"""A number of the range for tests; where nobody asked for it, it is what makes an answer no subset."""


class Misbehaviour(StrEnum):
    """What the simulated service does wrong."""

    SILENT = "silent"
    EMPTY = "empty"
    NOT_A_SUBSET = "not-a-subset"
    MALFORMED = "malformed"
    CRLF = "crlf"
    WRONG_SENDER = "wrong-sender"
    WRONG_WORKFLOW = "wrong-workflow"
    DUPLICATE = "duplicate"
    ANOTHER_REQUEST = "another-request"


class SimulatedSpine:
    """Answers what waits in the national mailbox. opted_out: numbers; misbehaves: None for a good answer."""

    def __init__(
        self, sandbox: Sandbox, opted_out: Collection[str] = (), misbehaves: Misbehaviour | None = None
    ) -> None:
        self.sandbox = sandbox
        self.opted_out = set(opted_out)
        self.misbehaves = misbehaves
        self.requests: list[str] = []
        """The id of each request that came, in order: one that was sent twice stands here twice."""

    def answer_all(self) -> int:
        """Answer each request that waits; how many did."""
        with self._client(NATIONAL) as client:
            waiting = list(client.iterate_message_ids())
            for name in waiting:
                message = client.retrieve_message(name)
                self.requests.append(message.local_id)
                self._answer(client, message.local_id, message.read())
                message.close()
                client.acknowledge_message(name)
        return len(waiting)

    def _answer(self, client: Any, local_id: str, request: bytes) -> None:
        asked = read(request)
        if asked is None:
            self._send(client, b"one line of the file is not valid", local_id)
            return
        good = written(number for number in asked if number not in self.opted_out)
        wrong: dict[Misbehaviour, Callable[[], None]] = {
            Misbehaviour.SILENT: lambda: None,
            Misbehaviour.EMPTY: lambda: self._send(client, b"", local_id, compress=True),
            Misbehaviour.NOT_A_SUBSET: lambda: self._send(client, good + written([_other(asked)]), local_id),
            Misbehaviour.MALFORMED: lambda: self._send(client, good.replace(b",", b";", 1), local_id),
            Misbehaviour.CRLF: lambda: self._send(client, good.replace(b"\n", b"\r\n"), local_id),
            Misbehaviour.WRONG_WORKFLOW: lambda: self._send(client, good, local_id, workflow_id="TEST_WORKFLOW"),
            Misbehaviour.ANOTHER_REQUEST: lambda: self._send(client, good, "X26ABC1-010101-NOTOURS"),
        }
        match self.misbehaves:
            case None:
                self._send(client, good, local_id)
            case Misbehaviour.DUPLICATE:
                self._send(client, good, local_id)
                self._send(client, good, local_id)
            case Misbehaviour.WRONG_SENDER:
                with self._client(STRANGER) as stranger:
                    self._send(stranger, good, local_id)
            case other:
                wrong[other]()

    def _send(self, client: Any, content: bytes, local_id: str, workflow_id: str = WORKFLOW, **options: Any) -> None:
        client.send_message(OURS, content, workflow_id=workflow_id, local_id=local_id, subject=local_id, **options)

    @contextmanager
    def _client(self, mailbox: str) -> Iterator[Any]:
        from mesh_client import MeshClient

        with MeshClient(self.sandbox.url, mailbox, PASSWORD, shared_key=SHARED_KEY.encode(), timeout=60) as client:
            client._session.trust_env = False
            yield client


@contextmanager
def answering(spine: SimulatedSpine) -> Iterator[SimulatedSpine]:
    """The service looks into its mailbox again and again while the block runs."""
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(SECONDS_BETWEEN_LOOKS):
            spine.answer_all()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield spine
    finally:
        stop.set()
        thread.join()


def numbers_in(path: Path) -> list[str]:
    """The opted-out numbers of a file, one a line."""
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _other(asked: Collection[str]) -> str:
    return ALWAYS_THERE if ALWAYS_THERE not in asked else "9990000026"
