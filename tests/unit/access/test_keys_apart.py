"""A role's key gets a root of its own: every key stays what it was, and the common envelope holds it no more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from access.keys import KeyRing, KeyRingError, KeyRole
from access.keys.apart import ROTATION_OWED, set_apart
from access.keys.envelope import Envelope
from access.keys.ring import sealed_file
from tests.unit.access.test_keys import first_home

INTAKE = (KeyRole.INTAKE,)
LINKAGE, REST = (KeyRole.LINKAGE,), tuple(role for role in KeyRole if role is not KeyRole.LINKAGE)


def _set_apart(folder: Path, roles: tuple[KeyRole, ...] = LINKAGE) -> bool:
    common = sealed_file(folder, real_data=False, passphrase_file=None)
    place = folder / roles[0].value
    place.mkdir(exist_ok=True)
    own = sealed_file(place, real_data=False, passphrase_file=None)
    return set_apart(folder, common, place, own, roles)


def test_its_keys_stay_and_the_common_ring_derives_them_no_more(tmp_path: Path) -> None:
    """Zone key, token key and rounds are the same from the new place; the old one opens all the others only."""
    before = KeyRing.open(tmp_path)
    had = (before.zone_key("linkage"), before.token_key("spine").key, before.rounds.create("census").key)
    before.rounds.destroy("census")
    assert _set_apart(tmp_path)
    own = KeyRing.open(tmp_path / "linkage", roles=LINKAGE)
    assert (own.zone_key("linkage"), own.token_key("spine").key) == had[:2]
    with pytest.raises(KeyRingError, match="destroyed"):
        own.token_key("census")
    common = KeyRing.open(tmp_path, roles=REST)
    assert common.zone_key("research") == before.zone_key("research")
    assert not common.derives("zone/linkage")
    for refused in (
        lambda: common.zone_key("linkage"),
        lambda: own.zone_key("research"),
        lambda: KeyRing.open(tmp_path),
    ):
        with pytest.raises(KeyRingError):
            refused()
    assert list((tmp_path / "rounds").iterdir()) == []


def test_done_again_it_changes_nothing(tmp_path: Path) -> None:
    """The second time says that it was done, and not a byte of the keys changes."""
    KeyRing.open(tmp_path)
    assert _set_apart(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert not _set_apart(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("moment", ["_copy_rounds", "Envelope.without", "_erase_rounds", "rotate_root"])
def test_killed_at_any_point_and_run_again_it_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The keys are the same, and the common place holds none of them at the end."""
    before = KeyRing.open(tmp_path)
    had = (before.zone_key("linkage"), before.token_key("spine").key)
    kept = (tmp_path / "roles.json").read_bytes()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"access.keys.apart.{moment}", killed)
        with pytest.raises(KeyboardInterrupt):
            _set_apart(tmp_path)
    _set_apart(tmp_path)
    own = KeyRing.open(tmp_path / "linkage", roles=LINKAGE)
    assert (own.zone_key("linkage"), own.token_key("spine").key) == had
    assert list((tmp_path / "rounds").iterdir()) == []
    assert not (tmp_path / ROTATION_OWED).exists()
    (tmp_path / "roles.json").write_bytes(kept)  # the common root was rotated: an older copy opens no more
    with pytest.raises(KeyRingError):
        KeyRing.open(tmp_path, roles=LINKAGE)


def test_an_older_copy_of_the_envelope_opens_no_more(tmp_path: Path) -> None:
    """Whoever kept the file of wrapped keys, and not the root key's file, has nothing of it."""
    KeyRing.open(tmp_path)
    kept = (tmp_path / "roles.json").read_bytes()
    _set_apart(tmp_path)
    copy = tmp_path.parent / "copy"
    shutil.copytree(tmp_path, copy)
    (copy / "roles.json").write_bytes(kept)
    with pytest.raises(KeyRingError):
        KeyRing.open(copy, roles=LINKAGE)


def test_roles_that_share_one_secret_cannot_be_parted(tmp_path: Path) -> None:
    """A home from before there were role keys is refused, as it is: its roles would only seem to be apart."""
    folder = first_home(tmp_path / "keys")
    KeyRing.open(folder)
    with pytest.raises(KeyRingError, match="share one secret"):
        _set_apart(folder)
    assert KeyRing.open(folder).founding


def test_the_key_of_the_intake_stays_and_no_other_ring_derives_it(tmp_path: Path) -> None:
    """Deliveries are sealed for whom they were before; neither the common ring nor linkage's opens them."""
    secret = KeyRing.open(tmp_path).age_secret("deliveries")
    assert _set_apart(tmp_path)
    assert _set_apart(tmp_path, INTAKE)
    assert KeyRing.open(tmp_path / "intake", roles=INTAKE).age_secret("deliveries") == secret
    others = (
        KeyRing.open(tmp_path, roles=[role for role in REST if role is not KeyRole.INTAKE]),
        KeyRing.open(tmp_path / "linkage", roles=LINKAGE),
    )
    for ring in others:
        with pytest.raises(KeyRingError, match="not given"):
            ring.age_secret("deliveries")


def _without_intake(folder: Path) -> None:
    """As homes were before the intake had a role of its own."""
    envelope = Envelope.read(folder)
    assert envelope is not None
    envelope.without(INTAKE).write(folder)


def test_accounts_that_were_installed_before_the_intake_had_a_key_get_one(tmp_path: Path) -> None:
    """Made once, in its own folder; a zone's key that is nowhere is never made anew."""
    KeyRing.open(tmp_path)
    _set_apart(tmp_path)
    _without_intake(tmp_path)
    assert _set_apart(tmp_path, INTAKE)
    secret = KeyRing.open(tmp_path / "intake", roles=INTAKE).age_secret("deliveries")
    assert not _set_apart(tmp_path, INTAKE)
    assert KeyRing.open(tmp_path / "intake", roles=INTAKE).age_secret("deliveries") == secret
    shutil.rmtree(tmp_path / "linkage")
    assert not _set_apart(tmp_path)
    assert not (tmp_path / "linkage" / "roles.json").exists()


@pytest.mark.parametrize("founding", [False, True])
def test_a_home_from_before_the_intake_had_a_role_gets_it(tmp_path: Path, founding: bool) -> None:
    """Every other key stays what it was; the new one is the same at each opening, and a zone's own ring gets none."""
    folder = first_home(tmp_path / "keys") if founding else tmp_path / "keys"
    before = KeyRing.open(folder)
    _without_intake(folder)
    after = KeyRing.open(folder)
    assert after.zone_key("linkage") == before.zone_key("linkage")
    assert after.age_secret("deliveries") == KeyRing.open(folder).age_secret("deliveries")
    assert (after.age_secret("deliveries") == before.age_secret("deliveries")) == founding
    if not founding:
        _set_apart(folder)
        KeyRing.open(folder / "linkage", roles=LINKAGE)
        own = Envelope.read(folder / "linkage")
        assert own is not None
        assert set(own.wrapped) == set(LINKAGE)
