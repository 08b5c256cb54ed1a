"""The proof of separation: a haven with installed accounts, the whole chain, and every account trying everything."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from access.keys import KeyRing, KeyRole
from access.keys.errors import RoundDestroyed
from access.keys.round_file import SIGNER
from access.keys.rounds_here import RoundsHere
from access.keys.signatures import fingerprint, public_of_line
from audit.clock import FixedClock
from infra.accounts.check import Looked, look
from infra.accounts.layout import COMMON_ROLES, Accounts
from infra.accounts.roots import zone_keyring
from infra.accounts.signer import written_signer
from infra.cli.main import app
from infra.database import open_database
from infra.settings import Settings, SettingsError
from infra.wiring import Haven
from linkage.matching.service import Linker
from linkage.sealed.composites import TOKENS
from linkage.sealed.door import SealedDoor
from linkage.separation.ports import Asker
from linkage.separation.processes import SERVED
from linkage.separation.verbs import VERBS
from linkage.zones import ZonePlan, Zones
from tests.acceptance.canaries import files_that_hold
from tests.fakes.agent import CONTRACTS, Controller
from tests.fakes.damaged_rows import DAMAGES
from tests.fakes.deliveries import CANARY, ENGINEER, IntakeBench, as_csv, episodes, intact, nhs_number, repack
from tests.fakes.havens import START, memory_records
from tests.fakes.installed import InstalledHaven, installed_haven

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes system accounts: run the tests as root")
PARTS = ("orchestrator", "linkage", "research", "intake", "reviewer", "stranger")
ASKS = {"orchestrator": Asker.ORCHESTRATOR, "intake": Asker.INTAKE, "reviewer": Asker.REVIEWER}
HARMLESS = {"linkage": ["linkage.unlinked"], "research": ["research.linked"]}
OWN = {"linkage": "identifiers", "research": "payload"}


@dataclass
class Played:
    """The haven after the chain, what the orchestrator was told, and what came of each account's tries."""

    haven: InstalledHaven
    told: dict[str, Any]
    tries: dict[str, dict[str, Any]]
    before: dict[str, str]  # the zones' keys, and for whom deliveries were sealed, before the accounts were installed
    rounds: dict[str, Any]  # what came of the orchestrator's rounds
    reviewed: list[str]  # what the reviewer saw at the terminal, twice
    again: dict[str, Any]  # what the next linkage made of the answers


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    """A home that holds data of one account is moved over; two deliveries more, one with a bad row, and one in mode B,
    which the real agent packs; then the tries."""
    with installed_haven() as haven:
        before = _received_by_one_account(haven)
        haven.install()
        controller = Controller(haven.folder / "desk")
        listed = haven.settings.controller_keys_folder / "hospital.recipient"
        listed.write_text(controller.recipient, encoding="utf-8")
        with haven.running() as pids:
            rounds = haven.rounds(controller.recipient)
            controller.pin(written_signer(haven.settings))
            controller.take_round(b64decode(rounds["sealed"]))
            tokens = _packed_in_mode_b(haven, controller, rounds["recipient"])
            gp, hospital = intact(haven.folder / "gp1"), intact(haven.folder / "hospital1", "hospital")
            next(one for one in DAMAGES if one.name == "a code not agreed").make(gp)
            repack(gp)
            archive, sealed = _archived(hospital), haven.folder / "damaged.age"
            sealed.write_bytes(b"age-encryption.org/v1\n-> X25519 x\n")
            references = haven.settings.reference_tables_folder / "superseded.csv"
            references.write_text(f"old_nhs_number,new_nhs_number\n{nhs_number(3)},{nhs_number(900)}\n", "utf-8")
            own = Path(shutil.copy(references, haven.folder / "own.csv"))
            shutil.chown(references, "root", haven.names["intake"])
            references.chmod(0o640)
            shutil.chown(own, haven.names["orchestrator"])
            own.chmod(0o644)
            for path in (gp, archive, sealed, tokens):
                haven.hand_to_intake(path)
            told = haven.chain(gp, archive, sealed, own, references, tokens)
            own.unlink()
            tokens.chmod(0o644)  # the tries with it are on what it holds
            references.unlink()
            archive.unlink()
            for folder in (gp, hospital):
                shutil.rmtree(folder)  # as the inbox does; while it lay there, the intake's account could read it
            tries = {part: _tries(haven, part, pids, tokens) for part in PARTS}
            reviewed = [haven.review(typed) for typed in ("x\nn\n", "d\nZqcanary told me\n")]
            assert [done.returncode for done in reviewed] == [0, 0], reviewed[-1].stderr[-3000:]
            again = haven.link_again()
        yield Played(haven, told, tries, before, rounds, [done.stdout for done in reviewed], again)


def _packed_in_mode_b(haven: InstalledHaven, controller: Controller, recipient: str) -> Path:
    """Thirty of the hospital's people, sealed by the agent in the environment `controller`."""
    files = haven.folder / "in-mode-b"
    files.mkdir()
    (files / "apc_episodes.csv").write_bytes(as_csv(episodes(30)).encode())
    packed = controller.pack(files, CONTRACTS / "hospital.yaml", recipient, "hospital-sealed")
    shutil.rmtree(files)
    return Path(shutil.move(packed, haven.folder / "hospital-sealed.age"))


def _archived(folder: Path) -> Path:
    """The same delivery as one file."""
    return Path(shutil.make_archive(str(folder.parent / "hospital-archive"), "gztar", folder))


def _received_by_one_account(haven: InstalledHaven) -> dict[str, str]:
    """A council's delivery with a bad row, received and linked as on a laptop; the zones' keys by name."""
    (haven.home / "records").mkdir(mode=0o700)
    records = memory_records(FixedClock(START), open_database(haven.settings))
    bench = IntakeBench(haven.home, records)
    delivery = intact(haven.folder / "care0", "social_care")
    file = delivery / "cld_events.csv"
    file.write_bytes(file.read_bytes().replace(b"Female", b"Zqcanary", 1))
    repack(delivery, "social_care")
    assert sum(bench.receive(delivery).quarantined.values()) == 1
    Linker(bench.zones, bench.zones.keyring, records, haven.home / "reports").link(by=ENGINEER)
    shutil.rmtree(delivery)
    keyring = bench.zones.keyring
    return {zone: keyring.zone_key(zone) for zone in OWN} | {"recipient": SealedDoor(keyring).recipient}


def _linkage_zone(played: Played) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """The linkage zone, read as root with its account's key."""
    folder = played.haven.settings.linkage_zone
    ring = zone_keyring(played.haven.settings, "linkage")
    return Zones(ZonePlan(folder, folder, folder), ring).linkage(read_only=True)


def _forbidden(part: str) -> dict[str, list[str]]:
    """By process: the verbs that this account may not ask there; and, where it may ask any, one as a control."""
    at_the_door = ["intake.manifest", "intake.take_in", "intake.recipient", "intake.reference"]
    wanted: dict[str, list[str]] = {"intake": [] if part == "orchestrator" else at_the_door}
    for process, zones in SERVED.items():
        mine = [name for name, verb in VERBS.items() if verb.asked_by is ASKS.get(part) and verb.zone in zones]
        wanted[process] = [name for name in VERBS if name not in mine] + (HARMLESS[process] if part in ASKS else [])
    return wanted


def _tries(haven: InstalledHaven, part: str, pids: dict[str, int], sealed: Path) -> dict[str, Any]:
    given = {"home": str(haven.home), "pids": pids, "verbs": _forbidden(part), "sealed": str(sealed)}
    done = haven.run_as(part, "tests.fakes.account_probes", data=json.dumps(given))
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout))


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
    with _linkage_zone(played) as zone:
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
    with _linkage_zone(played) as zone:
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


def test_a_reviewer_decides_at_the_zones_own_door(played: Played) -> None:
    """As their own account, by the socket alone: both records field by field; passed over, then answered."""
    assert played.told["drawn"] == 1
    for seen, answered in zip(played.reviewed, (0, 1), strict=True):
        assert "Pairs that wait: 1" in seen
        assert "date of birth" in seen
        assert "zqcanary1" in seen.lower()  # the mark by which the tests know an identifier
        assert f"Answered: {answered}." in seen


def test_what_was_shown_and_said_is_recorded_without_a_field(played: Played) -> None:
    """Both looks and the answer are in the log under the reviewer's name; the decision stands; no mark came."""
    rosa = f"person:{played.haven.names['reviewer']}"
    assert played.again["decided"] == [[False, rosa, None]]
    events = [json.loads(one) for one in played.again["events"]]
    kinds = [one["type"] for one in events]
    assert [kinds.count(f"linkage.pair_{what}") for what in ("shown", "decided")] == [2, 1]
    assert all(rosa in str(one) for one in events)
    assert played.again["marks"] == []


def test_the_administrator_is_no_reviewer(played: Played) -> None:
    """Put into the reviewers' group, the orchestrator's account is refused all the same, and the check reports it."""
    haven = played.haven
    accounts = Accounts.installed(haven.settings)
    group, name = str(accounts.reviewers), haven.names["orchestrator"]
    assert [accounts.reviewer(accounts.uid(part)) for part in ("orchestrator", "linkage")] == [None, None]
    subprocess.run(["gpasswd", "-a", name, group], check=True, capture_output=True)
    try:
        assert accounts.reviewer(accounts.uid("orchestrator")) is None
        (amiss,) = _amiss(haven.settings)
        assert (amiss.what, amiss.mend) == ("group of the reviewers", f"gpasswd -d {name} {group}")
        with haven.running():
            given = json.dumps({"home": str(haven.home), "pids": {}, "verbs": {"linkage": ["review.next"]}})
            done = haven.run_as("orchestrator", "tests.fakes.account_probes", data=given)
            assert json.loads(done.stdout)["verbs"] == {"linkage review.next": "refused: zone.forbids"}
    finally:
        subprocess.run(["gpasswd", "-d", name, group], check=True, capture_output=True)
    assert accounts.reviewer(pwd.getpwnam(haven.names["reviewer"]).pw_uid) == haven.names["reviewer"]
    assert accounts.reviewer(pwd.getpwnam(haven.names["stranger"]).pw_uid) is None


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


def _amiss(settings: Settings) -> list[Looked]:
    """What is amiss in the home; the tests' own interpreter may lie in a closed folder."""
    return [one for one in look(settings) if one.amiss and not one.what.startswith("program")]


def test_the_home_is_as_the_table_says_and_every_deviation_is_told(played: Played) -> None:
    """`haven accounts check` finds nothing amiss; a folder opened to others is told with the command that mends it."""
    settings = played.haven.settings
    assert _amiss(settings) == []
    settings.linkage_zone.chmod(0o755)
    (amiss,) = _amiss(settings)
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
    (amiss,) = _amiss(haven.settings)
    shutil.chown(toml, "root")
    assert (refused.returncode, "not root's alone" in refused.stderr) == (77, True)
    assert amiss.what == str(toml)


def test_installing_again_changes_nothing(played: Played) -> None:
    """The same keys, the same owners; the data are there after it."""
    settings = played.haven.settings
    before = zone_keyring(settings, "research").zone_key("research")
    played.haven.install()
    assert zone_keyring(settings, "research").zone_key("research") == before
    assert _amiss(settings) == []
    home = Path(settings.research_zone)
    assert home.stat().st_uid != 0
