"""What `haven accounts check` looks at besides the folders: libraries, passphrases, damaged envelopes."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.accounts.check import Looked, _keys, _library, _passphrases, _recipients
from infra.accounts.layout import PARTS, Accounts
from infra.accounts.serving import listed_recipients
from infra.cli.main import app
from infra.settings import Settings, load_settings

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
SOMEBODY = 54321


@pytest.fixture
def library() -> Iterator[Path]:
    """A folder of Python's path that all can reach, with a package in it."""
    with tempfile.TemporaryDirectory(dir="/var") as name:
        Path(name).chmod(0o755)
        (Path(name) / "package").mkdir(mode=0o755)
        (Path(name) / "package" / "__init__.py").touch(0o644)
        yield Path(name)


@pytest.mark.parametrize("what", ["package", "package/__init__.py"])
def test_a_library_that_another_account_can_change_is_amiss(library: Path, what: str) -> None:
    """A folder or file below Python's path that is not root's is told by its path."""
    assert _library(library).amiss is None
    os.chown(library / what, SOMEBODY, SOMEBODY)
    assert str(library / what) in str(_library(library).amiss)


def test_a_passphrase_of_another_account_is_amiss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file is its account's alone: another owner, or a mode that lets others read, is told."""
    settings, accounts = load_settings(tmp_path), Accounts(dict.fromkeys(PARTS, "one"))
    monkeypatch.setattr(Accounts, "uid", lambda *_: SOMEBODY)
    path = settings.keys_folder / "passphrase"
    path.parent.mkdir(parents=True)
    path.touch(0o600)
    assert [bool(one.amiss) for one in _passphrases(settings, accounts)] == [True]
    os.chown(path, SOMEBODY, SOMEBODY)
    assert [bool(one.amiss) for one in _passphrases(settings, accounts)] == [False]
    path.chmod(0o640)
    assert [bool(one.amiss) for one in _passphrases(settings, accounts)] == [True]


def test_a_damaged_envelope_is_told(tmp_path: Path) -> None:
    """It is not taken for one that this account may not read."""
    settings = load_settings(tmp_path)
    settings.keys_folder.mkdir(parents=True)
    (settings.keys_folder / "roles.json").write_text("{", encoding="utf-8")
    found = {one.what: one.amiss for one in _keys(settings)}
    assert "damaged" in str(found["common keys"])


def test_a_recipient_that_another_account_can_write_is_amiss_and_not_heeded(tmp_path: Path) -> None:
    """Whoever could write it would get the keys of rounds: it is told, and nothing is sealed for it."""
    settings = load_settings(tmp_path)
    settings.controller_keys_folder.mkdir(parents=True, mode=0o755)
    path = settings.controller_keys_folder / "gp.recipient"
    path.write_text("age1one\n", encoding="utf-8")
    listed = listed_recipients(settings.controller_keys_folder)
    assert ([one.amiss for one in _recipients(settings)], listed("age1one")) == ([None], True)
    os.chown(path, SOMEBODY, SOMEBODY)
    assert ([bool(one.amiss) for one in _recipients(settings)], listed("age1one")) == ([True], False)


@contextmanager
def _as_somebody() -> Iterator[None]:
    """The kernel asks this account's rights, not root's."""
    os.seteuid(SOMEBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def closed() -> Iterator[Settings]:
    """A home that all can pass through, with a zone's keys and passphrase that only root can look at."""
    with tempfile.TemporaryDirectory(dir="/var") as name:
        home = Path(name)
        settings = load_settings(home)
        settings.zone_keys_folder("linkage").mkdir(parents=True)
        for folder in (home, settings.keys_folder):
            folder.chmod(0o755)
        settings.zone_keys_folder("linkage").chmod(0o700)
        yield settings


def test_keys_and_passphrases_that_this_account_may_not_look_at_are_told(
    closed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line for each, neither fit nor amiss; what is not there at all gets none."""
    monkeypatch.setattr(Accounts, "uid", lambda *_: SOMEBODY)
    with _as_somebody():
        keys, passphrases = _keys(closed), _passphrases(closed, Accounts(dict.fromkeys(PARTS, "one")))
    assert [one.what for one in keys if not one.seen] == ["linkage keys"]
    path = closed.zone_keys_folder("linkage") / "passphrase"
    assert [(one.what, one.amiss, one.seen) for one in passphrases] == [(f"passphrase {path}", None, False)]


def test_a_library_with_a_folder_that_this_account_may_not_look_into_is_told(library: Path) -> None:
    """What lies in it is not taken for root's alone."""
    (library / "package").chmod(0o700)
    assert _library(library).seen
    with _as_somebody():
        found = _library(library)
    assert (found.what, found.amiss, found.seen) == (f"program {library / 'package'}", None, False)


@pytest.mark.parametrize("seen", [True, False])
def test_the_check_passes_only_where_all_was_seen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, seen: bool
) -> None:
    """Nothing amiss and something unseen is no pass, in words and for a program."""
    looked = [Looked("one", "as it must be"), Looked("two", "not seen from this account", seen=seen)]
    monkeypatch.setattr("infra.accounts.check.look", lambda _: looked)
    words = CliRunner().invoke(app, ["accounts", "check", "--home", str(tmp_path)])
    assert (words.exit_code, "Not seen from this account: 1" in words.output) == ((0, False) if seen else (65, True))
    data = CliRunner().invoke(app, ["accounts", "check", "--home", str(tmp_path), "--json"])
    assert (data.exit_code, json.loads(data.output)[1]["seen"]) == (0 if seen else 65, seen)
