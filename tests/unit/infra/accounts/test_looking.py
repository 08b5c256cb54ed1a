"""What `haven accounts check` looks at besides the folders: libraries, passphrases, damaged envelopes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.accounts.check import _keys, _library, _passphrases, _recipients
from infra.accounts.layout import PARTS, Accounts
from infra.accounts.serving import listed_recipients
from infra.settings import load_settings

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
