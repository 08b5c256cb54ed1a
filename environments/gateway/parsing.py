"""How does the gate have a text read? By a process of its own, which is ended where it takes too long or too much."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
import weakref

from environments.gateway.parser import DONE, FRAME

# -P: nothing is imported from where it starts
PARSE = [sys.executable, "-P", "-m", "environments.gateway.parser"]
SECONDS_TO_WAIT = 30.0  # by the clock, on a machine that is busy; the limit of processor time is the parser's own
LONGEST_ANSWER = 512 * 1024**2


class NotParsed(Exception):
    """The engine has no answer to it: an error of its own."""


class TooHard(Exception):
    """Reading it took more time or memory than one text is given; the process that read it was ended."""


class Parser:
    """DuckDB's parser, started when first asked. One thread at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.last_used = time.monotonic()

    def tree(self, sql: str) -> str:
        """The statements' tree as JSON. Raises NotParsed, TooHard."""
        return self._asked("tree", sql)

    def text(self, tree: str) -> str:
        """The statement that has this tree. Raises NotParsed, TooHard."""
        return self._asked("text", tree)

    def close(self) -> None:
        """End the process, if there is one; the next text starts another."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)

    def _asked(self, what: str, text: str) -> str:
        self.last_used = time.monotonic()
        process = self._process
        if process is None or process.poll() is not None:
            process = self._start()
        try:
            if process.stdin is None or process.stdout is None:
                raise EOFError
            process.stdin.write(json.dumps([what, text]).encode() + b"\n")
            process.stdin.flush()
            ends, answers = time.monotonic() + SECONDS_TO_WAIT, process.stdout.fileno()
            how, length = FRAME.unpack(_read(answers, FRAME.size, ends))
            content = _read(answers, min(length, LONGEST_ANSWER), ends)
        except (OSError, EOFError, TimeoutError):
            self.close()
            raise TooHard from None
        if how != DONE:
            raise NotParsed
        return content.decode()

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            PARSE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a fault's text may quote a value
            env={"LANG": "C.UTF-8"},
        )
        self._process = process
        weakref.finalize(self, _end, process)
        return process


def _read(source: int, size: int, ends: float) -> bytes:
    """So many bytes. Raises EOFError, TimeoutError."""
    content = bytearray()
    while len(content) < size:
        if not select.select([source], [], [], max(0.0, ends - time.monotonic()))[0]:
            raise TimeoutError
        part = os.read(source, min(size - len(content), 1024 * 1024))
        if not part:
            raise EOFError
        content += part
    return bytes(content)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    process.wait()
