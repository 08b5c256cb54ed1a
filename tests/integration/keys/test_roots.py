"""One contract for every place of the root key: a sealed file, a real SoftHSM token, a real OpenBao server."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from access.keys import KeyRing, KeyRingError, rotate_root
from access.keys.errors import RootUnavailable, WrongRoot
from access.keys.ports import RootKeys
from access.keys.roots.hardware import HardwareRoot
from access.keys.roots.sealed_file import SealedFileRoot
from access.keys.roots.transit import TransitRoot
from tests.fakes.key_stores import ACCESS, PIN, TOKEN, openbao, secret_file, softhsm_module, softhsm_token

Maker = Callable[[], RootKeys]
KEY = bytes(range(32))


@pytest.fixture(
    scope="module", params=["sealed file", pytest.param("pkcs11", marks=pytest.mark.needs_softhsm), "transit"]
)
def new_root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maker]:
    """Makes a root key of one kind, another one at each call."""
    folder = tmp_path_factory.mktemp("roots")
    numbers = itertools.count()
    if request.param == "sealed file":
        yield lambda: _made(SealedFileRoot(_folder(folder, next(numbers)), b"a passphrase"))
    elif request.param == "pkcs11":
        softhsm_token(folder)
        pin = secret_file(folder / "pin", PIN)
        yield lambda: _made(HardwareRoot(softhsm_module(), TOKEN, f"root-{next(numbers)}", pin))
    else:
        token = secret_file(folder / "token", ACCESS)
        with openbao(folder) as address:
            yield lambda: _made(TransitRoot(address, f"root-{next(numbers)}", token))


def _folder(top: Path, number: int) -> Path:
    folder = top / str(number)
    folder.mkdir()
    return folder


def _made(root: RootKeys) -> RootKeys:
    root.make()
    return root


def test_what_is_wrapped_opens_for_its_own_context_only(new_root: Maker) -> None:
    """The same key comes back; another context, a changed byte, a cut end and another root open nothing."""
    root = new_root()
    wrapped = root.wrap(KEY, "role/linkage")
    assert KEY not in wrapped
    assert root.unwrap(wrapped, "role/linkage") == KEY
    assert root.wrap(KEY, "role/linkage") != wrapped
    changed = wrapped[:-6] + bytes([wrapped[-6] ^ 1]) + wrapped[-5:]
    for content, context in ((wrapped, "role/research"), (changed, "role/linkage"), (wrapped[:-9], "role/linkage"),
                             (b"", "role/linkage"), (b"vault:v1:", "role/linkage")):  # fmt: skip
        with pytest.raises(WrongRoot) as told:
            root.unwrap(content, context)
        assert told.value.mend
    with pytest.raises(WrongRoot):
        new_root().unwrap(wrapped, "role/linkage")


def test_making_again_changes_nothing(new_root: Maker) -> None:
    """The root key that is there stays."""
    root = new_root()
    wrapped = root.wrap(KEY, "c")
    root.make()
    assert root.unwrap(wrapped, "c") == KEY


def test_a_new_version_wraps_and_the_old_ones_open_until_they_are_retired(new_root: Maker) -> None:
    """Rotation: what was wrapped before opens still; after retirement it opens nowhere."""
    root = new_root()
    before = root.wrap(KEY, "c")
    newest = root.rotate()
    after = root.wrap(KEY, "c")
    assert root.unwrap(before, "c") == root.unwrap(after, "c") == KEY
    root.retire(newest)
    assert root.unwrap(after, "c") == KEY
    with pytest.raises(WrongRoot):
        root.unwrap(before, "c")


def test_a_key_ring_stands_on_it(new_root: Maker, tmp_path: Path) -> None:
    """Opened twice, rotated and opened again: every key the same; with another root: a sentence."""
    root = new_root()
    first = KeyRing.open(tmp_path, root=root)
    token = first.token_key("spine")
    rotate_root(tmp_path, root, root)
    again = KeyRing.open(tmp_path, root=root)
    assert again.zone_key("linkage") == first.zone_key("linkage")
    assert again.token_key("spine") == token
    assert again.project_key("p") == first.project_key("p")
    with pytest.raises(KeyRingError):
        KeyRing.open(tmp_path, root=new_root())


def test_the_root_key_moves_and_every_key_stays(new_root: Maker, tmp_path: Path) -> None:
    """From the laptop's sealed file to this store: the same keys, and no root key left in the file."""
    before = KeyRing.open(tmp_path)
    target = new_root()
    passphrase = (tmp_path / "passphrase").read_bytes()
    if isinstance(target, SealedFileRoot):
        return
    rotate_root(tmp_path, SealedFileRoot(tmp_path, passphrase), target)
    after = KeyRing.open(tmp_path, root=target)
    assert after.zone_key("research") == before.zone_key("research")
    assert after.project_key("p") == before.project_key("p")
    assert not (tmp_path / "root.key").exists()
    with pytest.raises(KeyRingError, match="wrapped by"):
        KeyRing.open(tmp_path)


def test_nothing_secret_is_shown(new_root: Maker) -> None:
    """Neither the repr nor an error holds a PIN, an access token, a passphrase or a key."""
    root = new_root()
    texts = [repr(root), root.name]
    try:
        root.unwrap(root.wrap(KEY, "a"), "b")
    except WrongRoot as error:
        texts += [str(error), repr(error)]
    for secret in (PIN, ACCESS, "a passphrase", KEY.hex()):
        assert not any(secret in text for text in texts)


@pytest.mark.needs_softhsm
def test_the_token_never_gives_the_root_key_away(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Not extractable, sensitive: the token refuses to tell its value; a wrong PIN, label or module is a sentence."""
    import pkcs11
    from pkcs11 import Attribute

    folder = tmp_path_factory.mktemp("token")
    if "SOFTHSM2_CONF" not in os.environ:
        softhsm_token(folder)
    pin, wrong = secret_file(folder / "pin", PIN), secret_file(folder / "wrong", "0000000")
    root = HardwareRoot(softhsm_module(), TOKEN, "guarded", pin)
    root.make()
    with pkcs11.lib(str(softhsm_module())).get_token(token_label=TOKEN).open(user_pin=PIN) as session:
        key = session.get_key(label="guarded")
        with pytest.raises(pkcs11.exceptions.AttributeSensitive):
            _ = key[Attribute.VALUE]
    for other, said in (
        (HardwareRoot(softhsm_module(), TOKEN, "guarded", wrong), "PIN"),
        (HardwareRoot(softhsm_module(), "nowhere", "guarded", pin), "not there"),
        (HardwareRoot(folder / "none.so", TOKEN, "guarded", pin), "cannot be used"),
        (HardwareRoot(softhsm_module(), TOKEN, "nothing", pin), "no root key"),
    ):
        with pytest.raises(RootUnavailable, match=said) as told:
            other.wrap(KEY, "c")
        assert told.value.mend
        assert PIN not in str(told.value)


def test_a_key_server_that_fails_is_told_in_seconds(tmp_path: Path) -> None:
    """No server, a wrong access token, a key that is not there, no TLS: a sentence each, within seconds."""
    good, bad = secret_file(tmp_path / "good", ACCESS), secret_file(tmp_path / "bad", "not-this-one")
    with openbao(tmp_path) as address:
        for root, said in (
            (TransitRoot(address, "k", bad), "access token"),
            (TransitRoot(address, "none", good), "no key"),
            (TransitRoot("http://key-server.example", "k", good), "TLS"),
        ):
            with pytest.raises(RootUnavailable, match=said) as told:
                root.wrap(KEY, "c")
            assert ACCESS not in str(told.value)
            assert "not-this-one" not in str(told.value)
    started = time.monotonic()
    with pytest.raises(RootUnavailable, match="does not answer"):
        TransitRoot(address, "k", good).unwrap(b"vault:v1:AAAA", "c")
    assert time.monotonic() - started < 10
