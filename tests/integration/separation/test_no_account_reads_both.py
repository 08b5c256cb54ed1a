"""The proof of separation: a haven with installed accounts, the whole chain, and every account trying everything."""

from __future__ import annotations

import json
import os
import pwd
import shutil
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from access.keys import KeyRing, KeyRole
from access.keys.errors import RoundDestroyed
from access.keys.round_file import SIGNER
from access.keys.rounds_here import RoundsHere
from access.keys.signatures import fingerprint, public_of_line
from infra.accounts.layout import COMMON_ROLES
from infra.accounts.roots import zone_keyring
from infra.accounts.signer import written_signer
from infra.cli.main import app
from infra.settings import SettingsError
from infra.wiring.haven import Haven
from linkage.sealed.composites import TOKENS
from linkage.zones import ZonePlan, Zones
from tests.acceptance.canaries import files_that_hold
from tests.fakes.deliveries import CANARY, nhs_number
from tests.fakes.played_chain import HARMLESS, OWN, PARTS, Played, amiss_in, linkage_zone_of

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes system accounts: run the tests as root")


def _refused(outcome: object) -> bool:
    return str(outcome).startswith("refused")


def _got(tries: dict[str, Any]) -> set[str]:
    return {kind for kinds in tries["opened"].values() for kind in kinds}


def test_the_chain_runs_through_the_accounts(played: Played) -> None:
    """Received with its bad row set aside, linked, published, and published again without a change."""
    assert played.told["rows"][0]["gp_patients"] == 39
    assert played.told["quarantined"][0]["value.not_allowed"] == 1
    assert played.told["deliveries"] == 3
    assert played.told["people"] > 70  # of three small deliveries, whose people are partly the same
    assert played.told["scope_rows"] == {"gp_events": 78}
    assert played.told["unchanged"] is True


def test_an_archive_that_only_the_intake_reads_is_received_and_a_damaged_one_refused_by_name(played: Played) -> None:
    """The orchestrator's account need not be able to open a delivery: the intake's process tells what it is."""
    assert "episodes" in str(played.told["rows"][1])
    assert played.told["refused"] == ["archive.not_for_us"]


def test_a_delivery_in_mode_b_is_received_and_linked_through_the_accounts(played: Played) -> None:
    """What the real agent packed under a round's key is taken in, and its rows meet the identified records."""
    assert played.told["rows"][2] == {"hospital_episodes": 30}
    with linkage_zone_of(played) as zone:
        rows = zone.execute("SELECT count(*), count(met), count(DISTINCT person) FROM sealed_records").fetchall()
        assert rows == [(30, 30, 30)]
        assert zone.execute("SELECT count(row_key), count(n_b) FROM sealed_rows").fetchall() == [(0, 0)]


def test_a_rounds_key_is_made_sealed_and_ended_without_the_orchestrator_having_it(played: Played) -> None:
    """Sealed for the listed controller and for nobody else; the destroyed one is certified and gone."""
    rounds = played.rounds
    keys = zone_keyring(played.haven.settings, "linkage").rounds
    held = keys.find("autumn")
    assert held is not None
    assert held.check_value == rounds["made"]["autumn"]
    assert rounds["certified"] == rounds["made"]["summer"]
    assert keys.names() == ["autumn", "spine"]
    assert [(one["name"], one["end"], one["check_value"]) for one in rounds["ended"]] == [
        ("spring", "forgotten", rounds["made"]["spring"]),
        ("summer", "destroyed", rounds["made"]["summer"]),
    ]
    assert [one["datasets"] for one in rounds["ended"]] == [["hospital"], ["hospital"]]
    assert rounds["ended"][0]["used_by"] == rounds["ended"][0]["ended_by"] == "person:eve"
    with pytest.raises(RoundDestroyed):
        keys.find("summer")
    assert rounds["refused"] == {
        "own recipient": "refused: keys.recipient_unlisted",
        "own recipient, without records": "refused: keys.recipient_unlisted",
        "standing round": "refused: keys.unavailable",
        "standing round destroyed": "refused: keys.unavailable",
        "the intake's verb": "refused: zone.forbids",
    }


def test_root_reads_the_signing_key_that_the_linkage_zones_account_wrote_down(played: Played) -> None:
    """What the orchestrator was told is the same line; the command says it to root, with its fingerprint."""
    settings, line = played.haven.settings, written_signer(played.haven.settings)
    assert played.rounds["signer"] == line == RoundsHere(zone_keyring(settings, "linkage")).signer()
    path = settings.zone_keys_folder("linkage") / "round-signer.pub"
    assert pwd.getpwuid(path.stat().st_uid).pw_name == played.haven.names["linkage"]
    said = CliRunner().invoke(app, ["keys", "round-signer", "--json", "--home", str(played.haven.home)])
    assert json.loads(said.stdout) == {"signer": line, "fingerprint": fingerprint(public_of_line(line, SIGNER))}


def test_no_answer_to_the_orchestrator_holds_a_token_or_a_rounds_key(played: Played) -> None:
    """Every frame that it received while rounds were made and a delivery in mode B was linked, byte by byte."""
    frames, linkage = played.haven.frames, zone_keyring(played.haven.settings, "linkage")
    with linkage_zone_of(played) as zone:
        tokens = {
            one for row in zone.execute(f"SELECT {', '.join(TOKENS)} FROM sealed_records").fetchall() for one in row
        }
        subjects = [one for (one,) in zone.execute("SELECT subject FROM sealed_records").fetchall()]
    assert len(tokens) > 100
    assert all(str(subject).encode() in frames for subject in subjects)  # what may pass is found: the search works
    keys = [linkage.token_key(name).key for name in ("autumn", "spine")]
    keys += [zone_keyring(played.haven.settings, "intake").age_secret("deliveries")]
    keys += [linkage.signing_key("round").private_bytes_raw()]
    wanted = [form for key in keys for form in (key, key.hex().encode(), b64encode(key))]
    for token in tokens - {None}:
        wanted += [token.to_bytes(8, "little"), token.to_bytes(8, "big"), str(token).encode()]
    assert [form for form in wanted if form in frames] == []


@pytest.mark.parametrize("part", PARTS)
def test_a_sealed_delivery_opens_for_the_intake_only_and_linkage_alone_has_the_rounds_key(
    played: Played, part: str
) -> None:
    """With every key that it can unwrap, and the file readable to all: the others open neither."""
    tried = played.tries[part]["mode_b"]
    assert [one for one in tried["delivery"] if not _refused(one)] == (["opened"] if part == "intake" else [])
    assert [one for one in tried["round"] if not _refused(one)] == (["found"] if part == "linkage" else [])
    assert [one for one in tried["signing"] if not _refused(one)] == (["signs"] if part == "linkage" else [])


def test_a_reference_table_of_roots_goes_through_the_intake_and_the_administrators_own_does_not(played: Played) -> None:
    """It says whose NHS number is whose: root puts it there, the intake's account reads it, and counts come back."""
    own, roots = played.told["references"]
    assert "install -m 0640 -g haven-intake own.csv" in own["refused"]
    assert roots == {"rows": 1, "bad": {}, "waited": True, "in_force": True}


def test_no_answer_to_the_orchestrator_holds_identifiers_or_payload(played: Played) -> None:
    """Every frame that it received in the whole chain was kept and searched: a verb that gave rows would be found."""
    assert played.told["answers"]["A"] > 10
    assert played.told["answers"]["T"] > 0
    assert played.told["marks"] == []


@pytest.mark.parametrize("part", PARTS)
def test_no_account_gets_both_identifiers_and_payload(played: Played, part: str) -> None:
    """With every key it can unwrap, an account reads at most one of the two; each zone's own account reads its own."""
    got = _got(played.tries[part])
    assert got == {"linkage": {"identifiers"}, "research": {"payload"}, "orchestrator": {"payload"}}.get(part, set())
    if part == "orchestrator":  # what it has is the project's own file: approved columns under pseudonyms
        assert [name for name, kinds in played.tries[part]["opened"].items() if kinds] == ["0 scope"]


@pytest.mark.parametrize("part", PARTS)
def test_no_account_reads_anothers_files(played: Played, part: str) -> None:
    """Stores, drafts, spilled pages and keys of a zone are read and listed by its own account and by no other."""
    tries = played.tries[part]["files"]
    for zone in OWN:
        mine = {what: got for what, got in tries.items() if f"zones/{zone}" in what or f"keys/{zone}" in what}
        if part == zone:
            assert not _refused(mine[f"read zones/{zone}/{zone}.duckdb"])
            assert not _refused(mine[f"read keys/{zone}/roles.json"])
        else:
            assert all(map(_refused, mine.values())), mine
    assert all(_refused(got) == (part != "intake") for what, got in tries.items() if "keys/intake" in what)
    assert _refused(tries["list zones/logs"])
    assert _refused(tries["list intake"]) == (part != "intake")
    assert _refused(tries["read keys/passphrase"]) == (part != "orchestrator")


@pytest.mark.parametrize("part", PARTS)
def test_no_account_is_answered_what_it_may_not_ask(played: Played, part: str) -> None:
    """Each verb that is another's is refused by the process itself; what an account may ask is answered."""
    tries = dict(played.tries[part]["verbs"])
    assert len(tries) >= 6
    for process, (verb,) in HARMLESS.items():
        outcome = tries.pop(f"{process} {verb}")
        assert outcome == ("answered" if part == "orchestrator" else "refused: zone.forbids")
    assert set(tries.values()) == {"refused: zone.forbids"}


@pytest.mark.parametrize("part", PARTS)
def test_no_account_looks_into_a_zones_process(played: Played, part: str) -> None:
    """Environment, memory, open files and a debugger: refused, even to the zone's own account; the tries do work."""
    tries = played.tries[part]["processes"]
    own = {what: got for what, got in tries.items() if what.startswith("own ")}
    assert not any(map(_refused, own.values())), own
    assert len(tries) == 16
    assert all(_refused(got) for what, got in tries.items() if what not in own), tries


def test_no_mark_of_a_person_and_no_key_stands_where_it_must_not(played: Played) -> None:
    """Byte search of the whole home: no identifier, no payload in the clear, no key of one role anywhere."""
    settings = played.haven.settings
    linkage, research = zone_keyring(settings, "linkage"), zone_keyring(settings, "research")
    common, intake = KeyRing.open(settings.keys_folder, roles=COMMON_ROLES), zone_keyring(settings, "intake")
    token, of_round = linkage.token_key("spine").key, linkage.token_key("autumn").key
    wanted = [nhs_number(3).encode(), CANARY.encode(), b"Zqcanary", token, token.hex().encode()]
    wanted += [of_round, of_round.hex().encode(), intake.age_secret("deliveries")]
    wanted += [linkage.signing_key("round").private_bytes_raw()]
    wanted += [linkage.zone_key("linkage").encode(), research.zone_key("research").encode()]
    rings = {**dict.fromkeys(COMMON_ROLES, common), KeyRole.LINKAGE: linkage, KeyRole.RESEARCH: research}
    rings |= {KeyRole.INTAKE: intake}
    wanted += [ring._key_of(role) for role, ring in rings.items()]
    wanted += [common.scope_file_key("study", 1).encode(), common.project_key("study").key]
    assert files_that_hold(settings.home, wanted, ()) == []
    assert any(settings.linkage_zone.rglob("*.duckdb"))
    assert any((settings.home / "records").iterdir())


def test_a_home_that_held_data_was_moved_over(played: Played) -> None:
    """The zones' keys are what they were; a row in quarantine lost its content, and its place and reason stay."""
    settings = played.haven.settings
    for zone in OWN:
        assert zone_keyring(settings, zone).zone_key(zone) == played.before[zone]
    assert played.rounds["recipient"] == played.before["recipient"]
    assert not (settings.intake_folder / "quarantine.duckdb").exists()
    folder = settings.linkage_zone
    with Zones(ZonePlan(folder, folder, folder), zone_keyring(settings, "linkage")).quarantine(read_only=True) as zone:
        rows = zone.execute("SELECT dataset, row_number, reasons, content FROM quarantine ORDER BY dataset").fetchall()
    assert {dataset for dataset, *_ in rows} == {"gp", "social_care"}
    assert all(content is None for *_, content in rows)
    assert all(reasons for _, _, reasons, _ in rows)


def test_the_home_is_as_the_table_says_and_every_deviation_is_told(played: Played) -> None:
    """`haven accounts check` finds nothing amiss; a folder opened to others is told with the command that mends it."""
    settings = played.haven.settings
    assert amiss_in(settings) == []
    settings.linkage_zone.chmod(0o755)
    (amiss,) = amiss_in(settings)
    assert (amiss.what, amiss.mend) == (str(settings.linkage_zone), f"chmod 0700 {settings.linkage_zone}")
    settings.linkage_zone.chmod(0o700)


def test_root_leaves_no_files_of_its_own(played: Played) -> None:
    """Where accounts are installed, every command but those of the accounts refuses another account, root too."""
    with pytest.raises(SettingsError, match="run as the account") as refused:
        Haven.at(played.haven.home)
    assert played.haven.names["orchestrator"] in str(refused.value.mend)


def test_a_zone_starts_as_its_account_and_on_roots_settings_only(played: Played) -> None:
    """Another account cannot start it; settings that another account can write, which name libraries, start nothing."""
    haven, toml = played.haven, played.haven.home / "haven.toml"
    serve = ("infra.cli", "zone", "serve", "linkage", "--home", haven.home)
    other = haven.run_as("orchestrator", *serve)
    assert (other.returncode, "runs as the account" in other.stderr) == (77, True)
    shutil.chown(toml, haven.names["orchestrator"])
    refused = haven.run_as("linkage", *serve)
    (amiss,) = amiss_in(haven.settings)
    shutil.chown(toml, "root")
    assert (refused.returncode, "not root's alone" in refused.stderr) == (77, True)
    assert amiss.what == str(toml)


def test_installing_again_changes_nothing(played: Played) -> None:
    """The same keys, the same owners; the data are there after it."""
    settings = played.haven.settings
    before = zone_keyring(settings, "research").zone_key("research")
    played.haven.install()
    assert zone_keyring(settings, "research").zone_key("research") == before
    assert amiss_in(settings) == []
    home = Path(settings.research_zone)
    assert home.stat().st_uid != 0
