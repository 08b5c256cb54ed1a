"""The shape of the table of attempts from a kernel, and the program that runs many of them at one go.

An attempt is a function that returns when it got through and raises OSError when it was stopped; anything else means
that the attempt itself is broken, which is no evidence. Its text runs by plain Python, in a process of its own: in a
workspace's kernel, and as a control without the protection.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

REACHED = "REACHED"
STOPPED = "stopped"
LACKING = frozenset({"ENOSYS", "EAFNOSUPPORT", "EPROTONOSUPPORT", "EOPNOTSUPP", "ENODEV", "killed by signal 11"})
PREAMBLE = Path(__file__).with_name("preamble.py")
Things = Mapping[str, str]


class Control(Enum):
    """Where an attempt must succeed, so that it is known to be one."""

    PLAIN = "by plain Python, under the account of the hub"
    ROOTED = "by plain Python as root of namespaces of its own"
    REAL_ROOT = "by plain Python as root; on a machine where the tests are not root there is no control"


@dataclass(frozen=True)
class Probe:
    """One attempt: its name, what it is about, its text, where it must succeed, and whether a machine may lack it."""

    name: str
    group: str
    says: str  # what it means when it got through
    text: str
    control: Control
    may_lack: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt: it got through, or what stopped it."""

    word: str
    by: str = ""

    @property
    def is_lack(self) -> bool:
        """Does this kernel not have what the attempt needs?"""
        return self.word == STOPPED and self.by in LACKING


@dataclass
class Table:
    """A group of attempts, filled by its decorator."""

    group: str
    probes: list[Probe]

    def probe(self, control: Control = Control.PLAIN, *, may_lack: bool = False) -> Callable[[Attempt], Attempt]:
        """Add the decorated function. Its docstring says what is so when it gets through."""

        def add(function: Attempt) -> Attempt:
            source = inspect.getsource(function)
            text = source[source.index("def ") :]
            says = inspect.getdoc(function) or ""
            self.probes.append(Probe(function.__name__, self.group, says, text, control, may_lack))
            return function

        return add


Attempt = Callable[[Things], object]

RUNNER = r"""
import json, subprocess, sys
def run_all(preamble, attempts, things, before, seconds=60):
    found = {}
    for name, attempt in attempts.items():
        text = f"{preamble}\n{attempt}\nreport({name}, {things!r})"
        done = subprocess.run([*before, sys.executable, "-I", "-S", "-c", text], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=seconds)
        if done.returncode < 0:
            found[name] = ["stopped", f"killed by signal {-done.returncode}"]
        else:
            found[name] = json.loads(done.stdout) if done.stdout else ["broken", done.stderr[-500:]]
    return found
"""


def program(probes: list[Probe], things: Things, *, before: tuple[str, ...] = ()) -> str:
    """Python text that runs these attempts on these things and prints one line of JSON: an outcome for each.

    before: a command under which each of them is run, by itself.
    """
    attempts = {probe.name: probe.text for probe in probes}
    told = f"{PREAMBLE.read_text(encoding='utf-8')!r}, {attempts!r}, {dict(things)!r}, {before!r}"
    return f"{RUNNER}\nprint(json.dumps(run_all({told})))"


def outcomes(line: str) -> dict[str, Outcome]:
    """What the program printed."""
    return {name: Outcome(*found) for name, found in json.loads(line).items()}
