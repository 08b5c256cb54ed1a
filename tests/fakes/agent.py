"""The controller's agent as a controller has it: the real wheel, in the environment `controller`, without a haven."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.keys.model import HeldKey, check_value
from access.keys.round_file import SIGNER, RoundFile, signed_file
from access.keys.rounds_here import as_text
from access.keys.sealing import sealed_for
from access.keys.signatures import fingerprint, line_of, public_of_line
from tests.fakes.deliveries import as_csv, events, patients

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / "linkage" / "contracts"


@cache
def installer() -> ModuleType:
    """scripts/install.py."""
    spec = importlib.util.spec_from_file_location("haven_install", ROOT / "scripts" / "install.py")
    if spec is None or spec.loader is None:
        raise RuntimeError("scripts/install.py is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def agent_folder() -> Path:
    """The agent's own programs; its environment is made, or made again from this checkout, on first use."""
    if installer().main(["controller"]):
        raise RuntimeError("the environment 'controller' could not be made")
    folder: Path = installer().ENVIRONMENTS / "controller" / "bin"
    return folder


def agent(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the agent; nothing of this checkout is on its path."""
    command = [str(agent_folder() / "haven-controller"), *map(str, arguments)]
    plain = {"PATH": os.environ["PATH"], "HOME": str(cwd or "/nonexistent")}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd or "/", env=plain)


def in_agent(code: str) -> Any:
    """What a program in the agent's environment prints as JSON."""
    command = [str(agent_folder() / "python"), "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    return json.loads(done.stdout)


@dataclass
class Controller:
    """A controller's desk: its identity, and the round's file that it was sent."""

    desk: Path

    def __post_init__(self) -> None:
        self.desk.mkdir(parents=True, exist_ok=True)
        done = agent("key-new", self.desk / "agent.key")
        self.recipient = done.stdout.strip()
        self.round = self.desk / "round.age"

    def pin(self, line: str = "") -> None:
        """The haven's signing key, compared by telephone; else the one of a test without a haven."""
        line = line or line_of(HAVENS_KEY.public_key().public_bytes_raw(), SIGNER)
        told = fingerprint(public_of_line(line, SIGNER))
        done = agent("pin", line, "--fingerprint", told, "--identity", self.desk / "agent.key")
        if done.returncode:
            raise AssertionError(done.stderr)

    def take_round(self, sealed: bytes) -> None:
        """What the haven sent."""
        self.round.write_bytes(sealed)

    def pack(self, folder: Path, contract: Path, to: str, name: str, *more: object) -> Path:
        """The sealed delivery. Raises AssertionError with what the agent said."""
        out = self.desk / f"{name}.age"
        done = self.try_to_pack(folder, contract, to, name, *more)
        if done.returncode:
            raise AssertionError(done.stderr)
        return out

    def try_to_pack(
        self, folder: Path, contract: Path, to: str, name: str, *more: object
    ) -> subprocess.CompletedProcess[str]:
        """The same, as it ended."""
        keys = ("--round", self.round, "--identity", self.desk / "agent.key", "--to", to)
        told = ("--name", name, "--out", self.desk / f"{name}.age", "--invented", *more)
        return agent("pack", folder, "--contract", contract, *keys, *told, cwd=self.desk)


HAVENS_KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
"""Signs rounds' files where a test has no haven."""


def round_statement(key: HeldKey, recipient: str, **said: object) -> RoundFile:
    """What a round's file says, for the dataset `gp`, made now and for a month; with other words."""
    now = datetime.now(UTC)
    file = RoundFile(key.key_id, key.version, key.check_value, ("gp",), recipient, now, now + timedelta(days=30),
                     sealed_for(recipient, as_text(key)))  # fmt: skip
    return replace(file, **said)  # type: ignore[arg-type]


def sealed_round(key: HeldKey, recipient: str, **said: object) -> bytes:
    """The round's file, as the linkage zone writes it (access.keys.rounds_here)."""
    return signed_file(round_statement(key, recipient, **said), HAVENS_KEY)


SECRET = bytes(range(32))
KEY = HeldKey("token/r1", 1, SECRET, check_value(SECRET))
RECIPIENT = (ROOT / "docs" / "examples" / "recipient.txt").read_text(encoding="utf-8").strip()
"""A round's key that everybody may know, and for whom test deliveries are sealed."""


def prepared_desk(folder: Path) -> Controller:
    """A controller with forty patients, their events, and a round's file."""
    controller = Controller(folder)
    controller.pin()
    controller.take_round(sealed_round(KEY, controller.recipient))
    folder = folder / "outgoing"
    folder.mkdir()
    (folder / "patients.csv").write_bytes(as_csv(patients()).encode())
    (folder / "events.csv").write_bytes(as_csv(events()).encode())
    return controller
