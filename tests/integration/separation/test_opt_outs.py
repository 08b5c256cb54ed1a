"""Opt-outs with installed accounts: the linkage account alone asks, keeps and reads the list and who objects."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.accounts.roots import zone_keyring
from infra.mesh.sandbox import PASSWORD, SHARED_KEY, running_sandbox
from infra.mesh.spine import SimulatedSpine, answering
from infra.settings import ROOT
from linkage.zones import ZonePlan, Zones
from tests.fakes.deliveries import PEOPLE, intact, nhs_number
from tests.fakes.installed import InstalledHaven, installed_haven

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes system accounts: run the tests as root")


@dataclass
class Played:
    """What each step told, whom the service was asked about, and which account could read the stores."""

    haven: InstalledHaven
    told: list[dict[str, Any]]
    requests: list[str]
    opened: dict[str, str]
    number: str
    terminal: str


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """A practice delivers, one patient opted out nationally, another objects to the practice; each scope is built."""
    mesh = tmp_path_factory.mktemp("mesh")
    with installed_haven() as haven, running_sandbox(ROOT / ".haven" / "envs", mesh) as sandbox:
        _describe_mailbox(haven, sandbox.url)
        haven.install()
        for secret in ("password", "shared-key"):
            shutil.chown(haven.folder / secret, haven.names["linkage"], haven.names["linkage"])
        gp = intact(haven.folder / "gp1")
        haven.hand_to_intake(gp)
        with haven.running(), answering(SimulatedSpine(sandbox, [nhs_number(1)])) as spine:
            told = [_step(haven, "fill", gp), _step(haven, "refresh"), _step(haven, "publish")]
            name, terminal = _named(haven, nhs_number(2))
            told += [_step(haven, "object", name), _step(haven, "publish")]
            opened = {part: haven.run_as(part, "tests.fakes.store_probe", haven.home).stdout for part in haven.names}
        yield Played(haven, told, spine.requests, opened, nhs_number(2), terminal)


def _describe_mailbox(haven: InstalledHaven, url: str) -> None:
    for name, content in (("password", PASSWORD), ("shared-key", SHARED_KEY)):
        (haven.folder / name).write_text(content, encoding="ascii")
        (haven.folder / name).chmod(0o600)
    with (haven.home / "haven.toml").open("a", encoding="utf-8") as file:
        file.write(
            f'[optouts]\nlongest_age_days = 2\n[optouts.mesh]\nurl = "{url}"\nmailbox = "X26ABC1"\n'
            f'recipient = "X26ABC2"\npassword_file = "{haven.folder / "password"}"\n'
            f'shared_key_file = "{haven.folder / "shared-key"}"\n'
        )


def _step(haven: InstalledHaven, step: str, *words: str | Path) -> dict[str, Any]:
    done = haven.run_as("orchestrator", "tests.fakes.installed_optouts", haven.home, step, *words)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout))


def _named(haven: InstalledHaven, number: str) -> tuple[str, str]:
    """A reviewer's own account tells the linkage zone who objects, from a private file."""
    letter = haven.folder / "letter"
    letter.write_text(number, encoding="ascii")
    shutil.chown(letter, haven.names["reviewer"])
    letter.chmod(0o600)
    done = haven.run_as(
        "reviewer", "infra.cli", "optout", "name-objector", "--number-file", letter, "--home", haven.home
    )
    assert done.returncode == 0, done.stderr[-3000:]
    letter.unlink()
    return done.stdout.split()[-1], done.stdout


def test_the_list_is_fetched_by_the_linkage_account_and_applied(played: Played) -> None:
    """One person fewer by the list, another by the objection; one request was sent."""
    _, refreshed, first, recorded, second = played.told
    assert refreshed["asked"] == PEOPLE
    assert (first["people"], second["people"]) == ([PEOPLE, PEOPLE - 1], [PEOPLE, PEOPLE - 2])
    assert first["applied"]
    assert recorded["unrecorded"] == []
    assert played.requests == [refreshed["list"]]


def test_no_number_comes_over_a_socket_to_the_orchestrator(played: Played) -> None:
    """In all the frames that it received there is no identifier, and no number of who objects."""
    assert [told["marks"] for told in played.told] == [[]] * len(played.told)
    assert played.number.encode() not in played.haven.frames
    assert played.number not in played.terminal


def test_only_the_linkage_account_reads_the_stores(played: Played) -> None:
    """The administrator's account, research, the intake, a reviewer and a stranger cannot read a byte of them."""
    opened = dict(played.opened)
    assert opened.pop("linkage") == "optouts read\nobjections read\n"
    assert set(opened.values()) == {"optouts closed\nobjections closed\n"}


def test_the_stores_have_keys_of_their_own(played: Played) -> None:
    """Under the linkage role, and not the zone's: who has one file's key has none of the others'."""
    ring = zone_keyring(played.haven.settings, "linkage")
    assert len({ring.zone_key(zone) for zone in ("linkage", "review", "optouts", "objections")}) == 4
    folder = played.haven.settings.linkage_zone
    zones = Zones(ZonePlan(folder, folder, folder), ring)
    with zones.objections(read_only=True) as store:
        assert store.execute("SELECT number FROM objectors").fetchall() == [(played.number,)]
