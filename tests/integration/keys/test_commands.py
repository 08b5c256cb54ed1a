"""`haven keys` as a data engineer, a delegate and a recipient use it; the root key moved between real stores."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyrage
import pytest

from access.keys.round_file import parts_of, statement_of
from tests.fakes.key_stores import ACCESS, PIN, TOKEN, openbao, secret_file, softhsm_module, softhsm_token

ROOT = Path(__file__).resolve().parents[3]
PROJECT = ROOT / "docs" / "examples" / "blood-pressure.yaml"


class Commands:
    """The command line on a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)

    def run(self, *words: str | Path, status: int = 0) -> str:
        """All that a command printed."""
        done = subprocess.run(
            [sys.executable, "-m", "infra.cli", *map(str, words)],
            cwd=self.folder,
            env={**os.environ, "HAVEN_HOME": str(self.home)},
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def json(self, *words: str | Path) -> Any:
        """What a command gives to a program."""
        return json.loads(self.run(*words, "--json"))

    def people(self) -> None:
        """A data engineer, a delegate, a researcher and a project of hers."""
        for name in ("haven", "university", "gp", "hospital"):
            self.run("organisation", "add", name, name, "--invented")
        for name, where, role in (
            ("daria", "haven", "data_engineer"),
            ("gwen", "gp", "controller_delegate"),
            ("asha", "university", "researcher"),
            ("greta", "haven", "caldicott_guardian"),
        ):
            self.run("person", "add", name, "--name", name, "--organisation", where, "--role", role, "--invented")
        for contract in ("gp", "hospital"):
            path = ROOT / "linkage" / "contracts" / f"{contract}.yaml"
            self.run("contract", "install", path, "--as", "daria")
        self.run("project", "apply", PROJECT, "--as", "asha")
        for controller in ("gp", "hospital"):
            self.run("project", "approve", "blood-pressure", "--as", controller)
        answers = ROOT / "docs" / "examples" / "release-test.yaml"
        self.run("project", "endorse", "blood-pressure", "--answers", answers, "--as", "greta")


@pytest.fixture(scope="module")
def peopled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with its people and a project of one of them: set up once, by commands."""
    commands = Commands(tmp_path_factory.mktemp("peopled"))
    commands.people()
    return commands.home


@pytest.fixture
def commands(tmp_path: Path, peopled: Path) -> Commands:
    """A home of this test's own, as those commands left it; what runs there is started anew."""
    shutil.copytree(peopled, tmp_path / "home", ignore=shutil.ignore_patterns("run", "*.sock"))
    return Commands(tmp_path)


def test_the_life_of_keys_by_hand(commands: Commands, tmp_path: Path) -> None:
    """List, rotate, a round from its making to its certificate, a project's key by two people; no key printed."""
    identity = pyrage.x25519.Identity.generate()
    recipient = str(identity.to_public())
    printed = commands.run("keys", "list")
    printed += commands.run("keys", "rotate", "root", "--as", "daria")
    printed += commands.run("keys", "rotate", "project/blood-pressure", "--as", "daria", "--reason", "test")
    assert [one["version"] for one in commands.json("keys", "show", "project/blood-pressure")] == [1, 2]
    printed += commands.run("keys", "rotate", "zone/linkage", "--as", "daria", status=78)

    printed += commands.run("keys", "new-round", "census", "--dataset", "gp", "--purpose", "tokens", "--as", "daria")
    used = ("keys", "use-round", "census", "--as", "daria", "--recipient", recipient, "--out")
    printed += commands.run(*used, "census.age")
    printed += commands.run(*used, "again.age", status=77)
    assert not (tmp_path / "again.age").exists()
    printed += commands.run("keys", "destroy-round", "census", "--as", "asha", status=77)
    printed += commands.run("keys", "destroy-round", "census", "--as", "daria")
    (tmp_path / "certificate.json").write_text(commands.run("keys", "certificate", "census"))
    signer = commands.json("keys", "round-signer")
    assert commands.run("keys", "round-signer", "--fingerprint").strip() == signer["fingerprint"]
    (ended,) = commands.json("keys", "ended-rounds")
    assert (ended["name"], ended["end"], ended["datasets"]) == ("census", "destroyed", ["gp"])
    assert (ended["used_by"], ended["ended_by"]) == ("person:daria", "person:daria")
    printed += commands.run("keys", "ended-rounds") + str(signer)
    assert "Genuine." in commands.run("keys", "certificate", "census", "--check", "certificate.json")
    (tmp_path / "certificate.json").write_text("[]")
    commands.run("keys", "certificate", "census", "--check", "certificate.json", status=78)

    asked = commands.json("keys", "unwrap", "request", "blood-pressure", "--as", "daria", "--recipient", recipient,
                          "--reason", "a finding")["id"]  # fmt: skip
    printed += commands.run("keys", "unwrap", "hand-out", asked, "--as", "daria", "--out", "key.age", status=77)
    printed += commands.run("keys", "unwrap", "approve", asked, "--as", "gwen")
    printed += commands.run("keys", "unwrap", "hand-out", asked, "--as", "daria", "--out", "key.age")
    printed += commands.run("keys", "unwrap", "list")

    for name in ("census.age", "key.age"):
        content = (tmp_path / name).read_bytes()
        parts = parts_of(content)
        assert (parts is not None) == (name == "census.age")
        sealed = statement_of(parts[1]).sealed if parts else content
        held = json.loads(pyrage.decrypt(sealed, [identity]))
        assert held["key"] not in printed
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
        for path in (*commands.home.rglob("*"),):
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                assert held["key"].encode() not in content
                assert bytes.fromhex(held["key"]) not in content
    assert "keys.no_keeper" in commands.run("audit", "search", "--verb", "key.round_destroy_refused", "--json")
    assert "The log is whole" in commands.run("audit", "verify")


@pytest.mark.needs_softhsm
def test_the_root_key_moves_from_file_to_token_to_key_server_and_back(
    commands: Commands, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each move by settings and one command; every key stays; each wrong arrangement is one sentence."""
    before = commands.json("keys", "list")
    stores = tmp_path_factory.mktemp("stores")
    softhsm_token(stores)
    pin, access = secret_file(stores / "pin", PIN), secret_file(stores / "access", ACCESS)
    with openbao(stores) as address:
        tables = (
            f'[keys.pkcs11]\nmodule = "{softhsm_module()}"\ntoken = "{TOKEN}"\npin_file = "{pin}"\n'
            f'[keys.transit]\naddress = "{address}"\ntoken_file = "{access}"\n'
        )
        for place in ("pkcs11", "transit", "sealed-file"):
            (commands.home / "haven.toml").write_text(f'[keys]\nroot = "{place}"\n{tables}')
            assert "rotate root" in commands.run("keys", "list", status=78)
            commands.run("keys", "rotate", "root", "--as", "daria")
            now = commands.json("keys", "list")
            assert now["root"].startswith(place)
            assert now["keys"] == before["keys"]
            assert (commands.home / "keys" / "root.key").exists() == (place == "sealed-file")
            commands.run("keys", "rotate", "root", "--as", "daria")
            assert commands.json("keys", "list") == now
    (commands.home / "haven.toml").write_text('[keys]\nroot = "transit"\n')
    assert "needs the table [keys.transit]" in commands.run("keys", "list", status=78)
