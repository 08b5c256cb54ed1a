"""What the doctor says of facts: only what was seen to hold holds; all else says why it matters and how to mend it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from access.decisions import Refused
from infra.accounts.check import Looked
from infra.doctor.facts import (
    ControlFacts,
    EnvironmentFacts,
    LogFacts,
    PageFacts,
    PathFacts,
    RealDataFacts,
    RecordsFacts,
    RoomFacts,
)
from infra.doctor.model import Finding, Standing
from infra.doctor.policies import evidence, home, house, running
from infra.doctor.words import all_well, data, lines, verdict

HOLDS, DOUBTFUL, WRONG, UNSEEN = Standing
GIGABYTE = 1024**3
COMPLETE = EnvironmentFacts("hub", there=True, stamped=True, distributions=62)
OWN = PathFacts(Path("/srv/haven"), folder=True, mode=0o700)
SECRET = PathFacts(Path("/srv/haven/keys/root.key"), mode=0o600)
SOUND = LogFacts(300, 0, timedelta(days=3), None, running=True, writer_answers=True)
NEWEST = RecordsFacts("sqlite", there=True, version="0008", newest="0008")
FIT = RealDataFacts(declared=True, separated=True, cipher=True, passphrase=True, hub_log_in=True)
GUARDED = (
    ("Content-Security-Policy",
     "default-src 'self'; connect-src 'self'; form-action 'self'; frame-src 'none'; sandbox allow-scripts"),
)  # fmt: skip
PAGE = PageFacts(200, GUARDED, 403)


def _page(policy: str, *more: tuple[str, str]) -> PageFacts:
    return replace(PAGE, headers=(("content-security-policy", policy), *more))


def _found(finding: Finding | list[Finding]) -> list[Standing]:
    return [one.standing for one in (finding if isinstance(finding, list) else [finding])]


CASES: list[tuple[Callable[[], Finding | list[Finding]], list[Standing]]] = [
    (lambda: house.environment(COMPLETE), [HOLDS]),
    (lambda: house.environment(replace(COMPLETE, there=False)), [WRONG]),
    (lambda: house.environment(replace(COMPLETE, stamped=False)), [WRONG]),
    (lambda: house.environment(replace(COMPLETE, missing=("aiohttp",))), [WRONG]),
    (lambda: house.environment(replace(COMPLETE, differing=(("aiohttp", "1", "2"),))), [WRONG]),
    (lambda: house.environment(replace(COMPLETE, extra=("requests",))), [DOUBTFUL]),
    (lambda: house.duckdb("2.0.0", "2.0.0"), [HOLDS]),
    (lambda: house.duckdb("2.0.1", "2.0.0"), [WRONG]),
    (lambda: house.duckdb("2.0.0", None), [WRONG]),
    (lambda: house.kernel(None, ""), [HOLDS]),
    (lambda: house.kernel("no compiler", "install one"), [DOUBTFUL]),
    (lambda: house.kernel("other answers", "remove it", broken=True), [WRONG]),
    (lambda: house.protections([("call filter", Refused("x", "Not in force.", "Do."))]), [WRONG]),
    (lambda: house.r(True, ["r-base-core"]), [HOLDS]),
    (lambda: house.r(False, ["r-base-core"]), [HOLDS]),  # it is optional
    (lambda: house.room(RoomFacts(500 * GIGABYTE, 1000 * GIGABYTE, 5, 10)), [HOLDS, HOLDS]),
    (lambda: house.room(RoomFacts(100 * GIGABYTE, 1000 * GIGABYTE, 1, 10)), [DOUBTFUL, DOUBTFUL]),
    (lambda: house.room(RoomFacts(GIGABYTE // 2, GIGABYTE, 0, 10)), [WRONG, WRONG]),
    (lambda: house.room(RoomFacts(500 * GIGABYTE, 1000 * GIGABYTE, 0, 0)), [HOLDS]),
    (lambda: home.home_folder(OWN), [HOLDS]),
    (lambda: home.home_folder(replace(OWN, mode=0o755)), [DOUBTFUL]),
    (lambda: home.home_folder(replace(OWN, mode=0o770)), [WRONG]),
    (lambda: home.home_folder(replace(OWN, own=False, owner="asha")), [WRONG]),
    (lambda: home.home_folder(replace(OWN, folder=False)), [WRONG]),
    (lambda: home.home_folder(replace(OWN, seen=False)), [UNSEEN]),
    (lambda: home.private_folders([OWN, replace(OWN, mode=0o755)], home_closed=True), [HOLDS]),
    (lambda: home.private_folders([OWN, replace(OWN, mode=0o755)], home_closed=False), [WRONG, HOLDS]),
    (lambda: home.private_folders([replace(OWN, mode=0o722)], home_closed=True), [WRONG]),
    (lambda: home.private_folders([replace(OWN, plain=False)], home_closed=True), [WRONG]),
    (lambda: home.secrets([SECRET]), [HOLDS]),
    (lambda: home.secrets([replace(SECRET, mode=0o640)]), [WRONG]),
    (lambda: home.secrets([replace(SECRET, there=False)]), [WRONG]),
    (lambda: home.secrets([replace(SECRET, plain=False)]), [WRONG]),
    (lambda: home.secrets([replace(SECRET, seen=False)]), [UNSEEN]),
    (lambda: home.settings(None, ""), [HOLDS]),
    (lambda: home.settings("gateway.rows: no such key", ""), [WRONG]),
    (lambda: home.real_data(RealDataFacts(declared=False)), [HOLDS]),
    (lambda: home.real_data(FIT), [HOLDS] * 5),
    (lambda: home.real_data(replace(FIT, separated=False)), [WRONG, HOLDS, HOLDS, HOLDS, HOLDS]),
    (lambda: home.real_data(replace(FIT, cipher=False)), [HOLDS, WRONG, HOLDS, HOLDS, HOLDS]),
    (lambda: home.real_data(replace(FIT, cipher_problem="others can change it")), [HOLDS, WRONG, HOLDS, HOLDS, HOLDS]),
    (lambda: home.real_data(replace(FIT, passphrase=False)), [HOLDS, HOLDS, WRONG, HOLDS, HOLDS]),
    (lambda: home.real_data(replace(FIT, passphrases_problem="is not set")), [HOLDS, HOLDS, HOLDS, WRONG, HOLDS]),
    (lambda: home.real_data(replace(FIT, hub_log_in=False)), [HOLDS, HOLDS, HOLDS, HOLDS, WRONG]),
    (lambda: home.account(Looked("accounts", "none are installed", "One account."), declared=False), [DOUBTFUL]),
    (lambda: home.account(Looked("accounts", "none are installed", "One account."), declared=True), [WRONG]),
    (lambda: home.account(Looked("/srv/haven/zones", "root:root 0711"), declared=True), [HOLDS]),
    (lambda: home.account(Looked("/srv/haven/zones", "asha 0777", "must be root's"), declared=False), [WRONG]),
    (lambda: home.account(Looked("/srv/haven/zones", "?", seen=False), declared=True), [UNSEEN]),
    (lambda: home.keys("sealed-file", None), [HOLDS]),
    (lambda: home.keys(None, None), [DOUBTFUL]),
    (lambda: home.keys(None, "The passphrase does not open the root key."), [WRONG]),
    (lambda: evidence.records(NEWEST), [HOLDS]),
    (lambda: evidence.records(replace(NEWEST, version="0007")), [DOUBTFUL]),
    (lambda: evidence.records(replace(NEWEST, version="0009")), [WRONG]),
    (lambda: evidence.records(replace(NEWEST, version=None)), [DOUBTFUL]),
    (lambda: evidence.records(replace(NEWEST, error="OperationalError")), [WRONG]),
    (lambda: evidence.look_up(None), [HOLDS]),
    (lambda: evidence.look_up("failed (OperationalError)"), [WRONG]),
    (lambda: evidence.log(SOUND), [HOLDS, HOLDS, HOLDS, DOUBTFUL]),
    (lambda: evidence.log(replace(SOUND, writer_answers=False)), [WRONG, HOLDS, HOLDS, DOUBTFUL]),
    (lambda: evidence.log(replace(SOUND, writer_answers=False, running=False)), [HOLDS, HOLDS, HOLDS, DOUBTFUL]),
    (lambda: evidence.log(replace(SOUND, problem="The root does not fit.")), [HOLDS, WRONG, HOLDS, DOUBTFUL]),
    (lambda: evidence.log(replace(SOUND, unsigned=2)), [HOLDS, HOLDS, DOUBTFUL, DOUBTFUL]),
    (lambda: evidence.log(replace(SOUND, unsigned=2, age=timedelta(seconds=1))), [HOLDS, HOLDS, HOLDS, DOUBTFUL]),
    (lambda: evidence.log(replace(SOUND, unsigned=2, age=None)), [HOLDS, HOLDS, DOUBTFUL, DOUBTFUL]),
    (lambda: evidence.log(replace(SOUND, age=None, signed=0)), [HOLDS, HOLDS, HOLDS, DOUBTFUL]),
    (running.nothing_runs, [DOUBTFUL]),
    (lambda: running.not_started("hub", "left out"), [WRONG]),
    (lambda: running.answers("gateway", "answers queries", ok=True), [HOLDS]),
    (lambda: running.answers("gateway", "answers queries", ok=False), [WRONG]),
    (lambda: running.gateway_by_tcp(Refused("gateway.reachable_by_tcp", "Listens.", "Stop.")), [WRONG]),
    (lambda: running.this_machine_only("hub", ["127.0.0.1:80", "[::1]:80"]), [HOLDS]),
    (lambda: running.this_machine_only("hub", ["0.0.0.0:80"]), [WRONG]),
    (lambda: running.this_machine_only("hub", ["127.0.0.1:80", "[::]:80"]), [WRONG]),
    (lambda: running.control(ControlFacts(403, "project.not_a_member")), [HOLDS]),
    (lambda: running.control(ControlFacts(403, "workspace.not_known")), [WRONG]),
    (lambda: running.control(ControlFacts(403)), [WRONG]),
    (lambda: running.control(ControlFacts(401, "control.not_yours")), [WRONG]),
    (lambda: running.control(ControlFacts(200)), [WRONG]),
    (lambda: running.control(ControlFacts(None)), [WRONG]),
    (lambda: running.edge(PAGE), [HOLDS]),
    (lambda: running.edge(PageFacts(None)), [WRONG]),
    (lambda: running.edge(replace(PAGE, status=404)), [WRONG]),
    (lambda: running.edge(replace(PAGE, headers=())), [WRONG]),
    (lambda: running.edge(replace(PAGE, headers=GUARDED * 2)), [WRONG]),
    (lambda: running.edge(replace(PAGE, closed_status=200)), [WRONG]),
    (lambda: running.edge(_page(GUARDED[0][1], ("Content-Disposition", "attachment"))), [WRONG]),
    (lambda: running.edge(_page(GUARDED[0][1].replace("sandbox", "sandbox allow-downloads"))), [WRONG]),
    (lambda: running.edge(_page(GUARDED[0][1].replace("; sandbox allow-scripts", ""))), [WRONG]),
    (lambda: running.edge(_page(GUARDED[0][1].replace("connect-src 'self'", "connect-src *"))), [WRONG]),
    (lambda: running.edge(_page(GUARDED[0][1].replace("frame-src 'none'", "frame-src 'self'"))), [WRONG]),
    (lambda: running.edge(_page("")), [WRONG]),
    (lambda: running.issuer("https://id", None, local=False), [HOLDS]),
    (lambda: running.issuer("https://id", "its keys cannot be read", local=False), [WRONG]),
    (lambda: running.realm([]), [HOLDS]),
    (lambda: running.realm(["roles.auditor is missing"]), [WRONG]),
    (lambda: running.realm_unreachable("Keycloak does not answer.", "Start it."), [WRONG]),
]  # fmt: skip


@pytest.mark.parametrize(("judge", "standings"), CASES, ids=map(str, range(len(CASES))))
def test_facts_and_how_they_stand(judge: Callable[[], Any], standings: list[Standing]) -> None:
    """Each state of each thing; and whatever does not hold says why that matters, and how it is mended."""
    findings = judge()
    assert _found(findings) == standings
    for one in findings if isinstance(findings, list) else [findings]:
        assert one.found
        if one.standing is not HOLDS:
            assert one.why
        if one.standing in (DOUBTFUL, UNSEEN):
            assert one.mend


def test_only_what_is_wrong_counts() -> None:
    """Doubt and what was not seen are told, and the exit status is not theirs."""
    finding = Finding("Home", "thing", HOLDS, "as it must be")
    doubts = [finding, replace(finding, standing=DOUBTFUL), replace(finding, standing=UNSEEN)]
    assert all_well(doubts)
    assert "Nothing is wrong: of 3 things 1 hold, 1 doubtful, 1 not seen" in verdict(doubts)
    worse = [*doubts, replace(finding, standing=WRONG)]
    assert not all_well(worse)
    assert verdict(worse).startswith("NOT ALL IS WELL")
    assert data(worse)["counts"] == {"holds": 1, "doubtful": 1, "wrong": 1, "unseen": 1}
    assert data(worse)["well"] is False


def test_a_finding_is_read_line_by_line() -> None:
    """What it is and how it was found; below it why, and the mend; nothing where all is well."""
    assert [one.strip() for one in lines(Finding("Home", "thing", HOLDS, "fine"))] == ["thing: fine"]
    wrong = Finding("Home", "thing", WRONG, "open", "Others read it.", "chmod 0700 /srv/haven/a-folder-with-hyphens")
    assert [one.strip() for one in lines(wrong)] == ["thing: open", "why:  Others read it.", f"mend: {wrong.mend}"]
    narrow = lines(wrong, 55)
    assert [one.strip() for one in narrow[2:]] == ["mend: chmod 0700", "/srv/haven/a-folder-with-hyphens"]
    assert max(map(len, narrow)) <= 55
