"""The list through NHS England's MESH sandbox: good answers, every misbehaviour, and processes that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from access.decisions import RefusedError
from infra.mesh.sandbox import Sandbox
from infra.mesh.spine import Misbehaviour, SimulatedSpine, answering
from infra.settings import ROOT
from linkage.optouts.errors import ListFailed
from linkage.optouts.judging import FAILURES
from linkage.optouts.service import OptOutLists
from linkage.separation.here import InThisProcess
from tests.fakes.deliveries import intact, nhs_number
from tests.fakes.optouts import BY, OptOutHaven, one

ADA, BEN = nhs_number(1), nhs_number(2)
TOLD = {
    Misbehaviour.EMPTY: "empty",
    Misbehaviour.NOT_A_SUBSET: "not_a_subset",
    Misbehaviour.MALFORMED: "malformed",
    Misbehaviour.CRLF: "malformed",
    Misbehaviour.WRONG_SENDER: "wrong_sender",
    Misbehaviour.WRONG_WORKFLOW: "wrong_workflow",
    Misbehaviour.DUPLICATE: "duplicate",
    Misbehaviour.ANOTHER_REQUEST: "another_request",
    Misbehaviour.SILENT: "no_reply",
}


@pytest.fixture
def haven(tmp_path: Path) -> Iterator[OptOutHaven]:
    """Two people at the GP and a live project."""
    haven = OptOutHaven(tmp_path)
    rows = [one("a", ADA, "Ada", code="a"), one("b", BEN, "Ben", code="b")]
    haven.people({"gp": rows, "hospital": [one("h", BEN, "Ben")]})
    haven.live()
    yield haven
    haven.close()


def _lists(haven: OptOutHaven, sandbox: Sandbox) -> OptOutLists:
    return haven.lists_through(InThisProcess(haven.bench.zones, mailbox=sandbox.place()), lambda _: time.sleep(0.1))


def test_the_list_is_fetched_and_the_scope_loses_who_opted_out(haven: OptOutHaven, sandbox: Sandbox) -> None:
    """From the request to the project's file, through the real sandbox; the mailbox is empty afterwards."""
    with answering(SimulatedSpine(sandbox, [ADA])) as spine:
        done = _lists(haven, sandbox).refresh(by=BY, wait=True)
    haven.publish()
    assert haven.codes()["gp_events"] == ["b"]
    assert spine.requests == [done.list.id]
    with sandbox.place().opened() as mailbox:
        assert mailbox.waiting() == []


@pytest.mark.parametrize("wrong", list(Misbehaviour))
def test_every_misbehaviour_blocks_the_flow(haven: OptOutHaven, sandbox: Sandbox, wrong: Misbehaviour) -> None:
    """The asking fails with its sentence, nothing is published, and the next asking can succeed."""
    spine, lists = SimulatedSpine(sandbox, [ADA], wrong), _lists(haven, sandbox)
    assert not lists.refresh(by=BY, wait=False).done
    spine.answer_all()
    if wrong is Misbehaviour.SILENT:
        haven.clock.at += sandbox.patience * 2
    with pytest.raises(ListFailed) as failed:
        lists.refresh(by=BY, wait=False)
    assert failed.value.what == FAILURES[TOLD[wrong]]
    with pytest.raises(RefusedError, match="the last asking for them failed"):
        haven.publish()
    spine.misbehaves = None
    haven.clock_on()
    lists.refresh(by=BY, wait=False)
    spine.answer_all()
    assert lists.refresh(by=BY, wait=False).done
    haven.publish()


FILLED = """
import sys
from pathlib import Path
from infra.wiring.haven import Haven
from audit.model import person, service
from tests.fakes.havens import with_engineer
haven = Haven.at(Path(sys.argv[1]))
with_engineer(haven.records)
haven.delivery_intake.receive(Path(sys.argv[2]), by=person("data-engineer"))
haven.linker.link(by=service("test"))
"""
KILLED = """
import os, signal, sys
from pathlib import Path
from infra.wiring.haven import Haven
from linkage.optouts import in_zones, mesh
from audit.model import service
where = sys.argv[2]
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if where == "before-sending":
    mesh.MeshMailbox.send = die
elif where == "after-sending":
    send = mesh.MeshMailbox.send
    def sent(*told):
        send(*told)
        die()
    mesh.MeshMailbox.send = sent
elif where == "before-acknowledging":
    mesh.MeshMailbox.acknowledge = die
elif where == "after-acknowledging":
    acknowledge = mesh.MeshMailbox.acknowledge
    def done(*told):
        acknowledge(*told)
        die()
    mesh.MeshMailbox.acknowledge = done
haven = Haven.at(Path(sys.argv[1]))
print(haven.opt_out_lists.refresh(by=service("test"), wait=True).list.id)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with people, as commands find it."""
    home = tmp_path_factory.mktemp("k") / "h"
    intact(home.parent / "gp")
    made = _run(home, str(home.parent / "gp"), FILLED)
    assert made.returncode == 0, made.stderr[-2000:]
    return home


@pytest.mark.parametrize("where", ["before-sending", "after-sending", "before-acknowledging", "after-acknowledging"])
def test_killed_anywhere_nothing_is_lost_and_nothing_is_sent_twice(home: Path, sandbox: Sandbox, where: str) -> None:
    """kill -9 of the real process; the next one ends the same exchange, with one request at the service."""
    settings = "".join(
        f'{key} = "{getattr(sandbox.settings, key)}"\n'
        for key in ("url", "mailbox", "recipient", "password_file", "shared_key_file")
    )
    (home / "haven.toml").write_text(f"[optouts]\nlongest_age_days = 1\n[optouts.mesh]\n{settings}", encoding="utf-8")
    with answering(SimulatedSpine(sandbox, [nhs_number(1)])) as spine:
        ended = _run(home, where)
        assert ended.returncode == -signal.SIGKILL, ended.stderr[-2000:]
        done = _run(home, "to-the-end")
        assert done.returncode == 0, done.stderr[-2000:]
    assert spine.requests == [done.stdout.split()[-1]]
    with sandbox.place().opened() as mailbox:
        assert mailbox.waiting() == []


def _run(home: Path, where: str, script: str = KILLED) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, str(home), where],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
