"""The proof of separation, of reviewing: a reviewer's own account, at the linkage zone's own door, and nobody else."""

from __future__ import annotations

import json
import os
import pwd
import subprocess

import pytest

from infra.accounts.layout import Accounts
from tests.fakes.played_chain import Played, amiss_in

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes system accounts: run the tests as root")


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
        (amiss,) = amiss_in(haven.settings)
        assert (amiss.what, amiss.mend) == ("group of the reviewers", f"gpasswd -d {name} {group}")
        with haven.running():
            given = json.dumps({"home": str(haven.home), "pids": {}, "verbs": {"linkage": ["review.next"]}})
            done = haven.run_as("orchestrator", "tests.fakes.account_probes", data=given)
            assert json.loads(done.stdout)["verbs"] == {"linkage review.next": "refused: zone.forbids"}
    finally:
        subprocess.run(["gpasswd", "-d", name, group], check=True, capture_output=True)
    assert accounts.reviewer(pwd.getpwnam(haven.names["reviewer"]).pw_uid) == haven.names["reviewer"]
    assert accounts.reviewer(pwd.getpwnam(haven.names["stranger"]).pw_uid) is None
