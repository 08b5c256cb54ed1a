"""Whose key does the agent use? Everything that can be wrong with a round's file, each with its sentence."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.keys.model import HeldKey, check_value
from access.keys.round_file import SIGNER, RoundFile, signed_file
from access.keys.rounds_here import as_text
from access.keys.sealing import sealed_for
from access.keys.signatures import fingerprint, line_of
from tests.fakes.agent import (
    CONTRACTS,
    KEY,
    RECIPIENT,
    ROOT,
    SECRET,
    Controller,
    agent,
    round_statement,
    sealed_round,
)

VECTORS = ROOT / "linkage" / "standardise" / "vectors.json"
OURS = ("audit", "access", "linkage", "environments", "flows", "infra")


def _another_identity(desk: Controller) -> None:
    (desk.desk / "agent.key").unlink()
    agent("key-new", desk.desk / "agent.key")
    (desk.desk / "agent.key.haven").unlink()
    desk.pin()


def _open_to_all(desk: Controller) -> None:
    (desk.desk / "agent.key").chmod(0o644)


def _forged_key(desk: Controller) -> None:
    desk.take_round(sealed_round(HeldKey("token/r1", 1, SECRET, "0" * 16), desk.recipient))


def _unsigned(desk: Controller) -> None:
    desk.take_round(pyrage.encrypt(as_text(KEY), [pyrage.x25519.Recipient.from_str(desk.recipient)]))


def _by_somebody_else(desk: Controller) -> None:
    desk.take_round(signed_file(round_statement(KEY, desk.recipient), Ed25519PrivateKey.generate()))


def _changed(desk: Controller, name: str, value: object) -> None:
    """Another word in the statement, under the signature as it was."""
    header, signed, statement = desk.round.read_bytes().split(b"\n", 2)
    told = json.loads(statement)
    assert told[name] != value
    desk.take_round(b"\n".join((header, signed, json.dumps({**told, name: value}, indent=1).encode())))


def _use(desk: Controller, key: HeldKey, **said: object) -> None:
    """Another round's file, with which the agent packs."""
    desk.take_round(sealed_round(key, desk.recipient, **said))
    desk.pack(desk.desk / "outgoing", CONTRACTS / "gp.yaml", RECIPIENT, f"with-{key.key_id.removeprefix('token/')}")


def _an_older_one_again(desk: Controller) -> None:
    older = desk.round.read_bytes()
    _use(desk, replace(KEY, key_id="token/r2"))
    desk.take_round(older)


def _another_key_for_its_name(desk: Controller) -> None:
    _use(desk, KEY)
    desk.take_round(sealed_round(HeldKey("token/r1", 1, SECRET[::-1], check_value(SECRET[::-1])), desk.recipient))


def _sealed_for_others(desk: Controller) -> None:
    other = str(pyrage.x25519.Identity.generate().to_public())
    desk.take_round(sealed_round(KEY, desk.recipient, sealed=sealed_for(other, as_text(KEY))))


CHANGED_WORDS: dict[str, object] = {
    "key_id": "token/r9",
    "version": 2,
    "check_value": "0" * 16,
    "datasets": ["gp", "deaths"],
    "recipient": RECIPIENT,
    "made_at": "2030-01-01T00:00:00+00:00",
    "expires": "2090-01-01T00:00:00+00:00",
    "sealed": b64encode(sealed_for(RECIPIENT, as_text(KEY))).decode(),
}
NOT_THE_HAVENS = "not by the haven's pinned key"
EXPIRED = datetime.now(UTC) - timedelta(seconds=1)


WRONG = {
    "sealed for another": (_another_identity, "for another recipient than this identity"),
    "not signed": (_unsigned, "is not signed"),
    "signed by somebody else": (_by_somebody_else, NOT_THE_HAVENS),
    "nowhere to keep it": (lambda desk: (desk.desk / "agent.key.haven.part").mkdir(), "cannot be kept"),
    "nothing pinned": (lambda desk: (desk.desk / "agent.key.haven").unlink(), "No haven's signing key is pinned"),
    "a pin that is damaged": (lambda desk: (desk.desk / "agent.key.haven").write_text("{}"), "cannot be read"),
    "a pin that others can change": (lambda desk: (desk.desk / "agent.key.haven").chmod(0o622), "Other accounts could"),
    "expired": (
        lambda desk: desk.take_round(sealed_round(KEY, desk.recipient, expires=EXPIRED)),
        "could be used until",
    ),
    "an older round again": (_an_older_one_again, "comes a second time"),
    "another key under its name": (_another_key_for_its_name, "holds another key than"),
    "another dataset's": (
        lambda desk: desk.take_round(sealed_round(KEY, desk.recipient, datasets=("deaths", "hospital"))),
        "for deaths, hospital, and the contract for gp",
    ),
    "signed and sealed for two": (_sealed_for_others, "does not open, or is no key"),
    "readable by all": (_open_to_all, "open to other accounts"),
    "a forged key": (_forged_key, "check value"),
    "no round": (lambda desk: desk.round.unlink(), "cannot be read"),
    "a damaged round": (lambda desk: desk.round.write_bytes(desk.round.read_bytes()[:-5]), NOT_THE_HAVENS),
    "there already": (lambda desk: (desk.desk / "d.age").touch(), "there already"),
    "a strange file": (lambda desk: (desk.desk / "outgoing" / "x.csv").touch(), "no entry of the contract"),
    "a file missing": (lambda desk: (desk.desk / "outgoing" / "events.csv").unlink(), "No file matches"),
}


WRONG |= {
    f"changed: {name}": (lambda desk, name=name, value=value: _changed(desk, name, value), NOT_THE_HAVENS)
    for name, value in CHANGED_WORDS.items()
}


def test_everything_that_a_rounds_file_says_is_changed_in_a_test() -> None:
    """A new word of the statement needs its case above."""
    assert set(CHANGED_WORDS) == {one.name for one in fields(RoundFile)}


@pytest.mark.parametrize("wrong", WRONG)
def test_each_error_says_what_where_and_how_to_mend_it(desk: Controller, wrong: str) -> None:
    """One sentence on standard error, a status for programs, no traceback, nothing left behind."""
    change, said = WRONG[wrong]
    change(desk)
    done = desk.try_to_pack(desk.desk / "outgoing", CONTRACTS / "gp.yaml", RECIPIENT, "d")
    assert done.returncode == 65
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(desk.desk.glob(".haven-controller-*"))


def test_one_rounds_file_serves_several_deliveries_and_a_newer_one_the_next(desk: Controller) -> None:
    """The same file again is no replay; nor is a newer round's, or an older round's of another dataset."""
    _use(desk, replace(KEY, key_id="token/r2"))
    kept = (desk.desk / "agent.key.haven").stat().st_ino
    desk.pack(desk.desk / "outgoing", CONTRACTS / "gp.yaml", RECIPIENT, "again")
    assert (desk.desk / "agent.key.haven").stat().st_ino == kept  # nothing new was learned, so nothing is written
    _use(desk, replace(KEY, key_id="token/r3"))
    desk.take_round(sealed_round(KEY, desk.recipient, datasets=("deaths",), made_at=EXPIRED))
    told = desk.try_to_pack(desk.desk / "outgoing", CONTRACTS / "gp.yaml", RECIPIENT, "other").stderr
    assert "for deaths, and the contract for gp" in told


def test_a_key_is_pinned_as_it_was_told_and_no_other_takes_its_place(desk: Controller) -> None:
    """Another fingerprint, line or kind of key: refused, and the pinned one stays; the same again is well."""
    before = (desk.desk / "agent.key.haven").read_bytes()
    other = Ed25519PrivateKey.generate().public_key()
    line, letters = line_of(other.public_bytes_raw(), SIGNER), fingerprint(other)
    of_delivery = agent("keypair", desk.desk / "signing.key").stdout.strip()
    for given, told, said in (
        (line, "0000" + letters[4:], "not the one that you were told"),
        (line, letters, "Another key is pinned"),
        (of_delivery, letters, "no haven's signing key"),
    ):
        done = agent("pin", given, "--fingerprint", told, "--identity", desk.desk / "agent.key")
        assert done.returncode == 65
        assert said in done.stderr
    desk.pin()
    assert (desk.desk / "agent.key.haven").read_bytes() == before
    assert (desk.desk / "agent.key.haven").stat().st_mode & 0o777 == 0o600
