"""The controller's agent as a controller has it: the real wheel, in the environment `controller`, without a haven."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pyrage

from access.keys.model import HeldKey

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


def sealed_round(key: HeldKey, recipient: str) -> bytes:
    """The round's file as `haven keys use-round` writes it (access.keys.custody)."""
    content = {"key_id": key.key_id, "version": key.version, "check_value": key.check_value, "key": key.key.hex()}
    return pyrage.encrypt(json.dumps(content).encode(), [pyrage.x25519.Recipient.from_str(recipient)])
