"""The agent on a full disk, or killed: its sentence, nothing in clear, no half file; the same command again packs."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.fakes.agent import CONTRACTS, RECIPIENT, Controller, agent_folder, in_agent
from tests.fakes.deliveries import CANARY, as_csv, events, patients

OUTGOING = "outgoing"
OWN = {"agent.key", "agent.key.haven", "round.age"}
"""What lies on the controller's desk besides, and is as secret as it was."""
DYING = """
import os, signal, sys
from haven_controller import checking, cli, packing
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
where = sys.argv[1]
if where == "as the list of bad rows is written":
    checking.csv.writer = die
elif where == "as tokens are made":
    packing.sealed_tokens = die
elif where == "as it is sealed":
    packing.pyrage.encrypt_io = lambda _, target, __: (target.write(b"half"), die())
elif where == "before it has its name":
    seal = packing.pyrage.encrypt_io
    packing.pyrage.encrypt_io = lambda *given: (seal(*given), die())
elif where == "as it is noted that the round was opened":
    os.fsync = die
sys.exit(cli.main(sys.argv[2:]))
"""
MOMENTS = (
    "as the list of bad rows is written",
    "as tokens are made",
    "as it is sealed",
    "before it has its name",
    "as it is noted that the round was opened",
)
FULL = """
import resource, sys
from haven_controller import checking, cli
limit, when, memory = sys.argv[1:4]
def fill():
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
if when == "as it seals":
    from haven_controller import packing
    seal = packing.pyrage.encrypt_io
    packing.pyrage.encrypt_io = lambda *given: (fill(), seal(*given))
else:
    fill()
if memory:
    checked = checking.Staging.settle
    def settle(staging):
        staging._connection.execute(f"SET memory_limit = '{memory}'")
        staging._connection.execute("SET threads = 1")
        checked(staging)
    checking.Staging.settle = settle
sys.exit(cli.main(sys.argv[4:]))
"""


def _command(desk: Controller, *more: str) -> list[str]:
    keys = ["--round", str(desk.round), "--identity", str(desk.desk / "agent.key"), "--to", RECIPIENT]
    told = ["--name", "one", "--invented", "--out", str(desk.desk / "one.age"), "--json"]
    return ["pack", str(desk.desk / OUTGOING), "--contract", str(CONTRACTS / "gp.yaml"), *keys, *told, *more]


def _run(desk: Controller, *words: str) -> subprocess.CompletedProcess[str]:
    """A program in the agent's environment: its code, and its arguments. The temporary folder is the test's own."""
    scratch = desk.desk / "scratch"
    scratch.mkdir(exist_ok=True)
    return subprocess.run(
        [str(agent_folder() / "python"), "-I", "-c", *words],
        capture_output=True, text=True, check=False, cwd=desk.desk, env={"TMPDIR": str(scratch)},
    )  # fmt: skip


def _left(desk: Controller) -> set[str]:
    """The files that lie there, but the controller's own. None of them holds a value in clear."""
    files = [path for path in desk.desk.rglob("*") if path.is_file() and path.parent.name != OUTGOING]
    assert [path.name for path in files if CANARY.encode() in path.read_bytes().lower()] == []
    return {path.name for path in files} - OWN


def _packs_now(desk: Controller, *more: str) -> None:
    """The same command again: a whole delivery, and nothing beside it."""
    done = _run(desk, "import sys; from haven_controller import cli; sys.exit(cli.main(sys.argv[1:]))",
                *_command(desk, *more))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {file["name"] for file in json.loads(done.stdout)["files"]} == {
        "tokens-gp_patients.parquet", "payload-gp_patients.parquet", "payload-gp_events.parquet"}  # fmt: skip
    assert _left(desk) == {"one.age", *(Path(one).name for one in more[1:])}
    assert not list(desk.desk.glob(".haven-controller-*"))


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_agent_leaves_no_clear_text_and_packs_when_run_again(desk: Controller, moment: str) -> None:
    """No value in any file but the controller's own, nothing under the delivery's name, no half list of bad rows."""
    aside = () if moment != MOMENTS[0] else ("--quarantine", str(desk.desk / "bad-rows.csv"))
    done = _run(desk, DYING, moment, *_command(desk, *aside))
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert _left(desk) <= {".one.age.part", ".bad-rows.csv.part", "agent.key.haven.part"}
    _packs_now(desk, *aside)


@pytest.mark.parametrize(("when", "memory"), [("as it packs", ""), ("as it seals", ""), ("as it spills", "20MB")])
def test_a_full_disk_is_told_and_nothing_is_packed(desk: Controller, when: str, memory: str) -> None:
    """What was wrong, where, and how to mend it; no file is left; with room again the same command packs."""
    if memory:
        (desk.desk / OUTGOING / "patients.csv").write_bytes(as_csv(patients(20_000)).encode())
        (desk.desk / OUTGOING / "events.csv").write_bytes(as_csv(events(40_000, 20_000)).encode())
    done = _run(desk, FULL, "1000", when, memory, *_command(desk))
    assert done.returncode == 65, done.stderr
    assert "There is no room to work: the disk or the memory is full. Nothing was packed." in done.stderr
    assert str(desk.desk) in done.stderr
    assert "Make room there" in done.stderr
    assert _left(desk) == set()
    _packs_now(desk)


def test_a_full_disk_leaves_no_half_list_of_bad_rows(desk: Controller) -> None:
    """Nothing under the name that was asked for, so that the next try may use it."""
    rows = patients()
    rows[3][5], rows[7][4] = "31/02/1950", "X"
    (desk.desk / OUTGOING / "patients.csv").write_bytes(as_csv(rows).encode())
    path = desk.desk / "bad-rows.csv"
    command = ["check", str(desk.desk / OUTGOING), "--contract", str(CONTRACTS / "gp.yaml"), "--quarantine", str(path)]
    done = _run(desk, FULL, "40", "", "", *command)
    assert (done.returncode, "no room" in done.stderr, _left(desk)) == (65, True, set()), done.stderr
    again = _run(desk, FULL, "10000", "", "", *command)
    assert again.returncode == 0, again.stderr
    assert len(path.read_text(encoding="utf-8").splitlines()) == 7


@pytest.mark.parametrize("command", ["key-new", "keypair"])
def test_half_a_key_is_none(desk: Controller, command: str) -> None:
    """On a full disk no file of a new key is left, so that the same name can be used; the sentence says what to do."""
    path = desk.desk / "new.key"
    done = _run(desk, FULL, "10", "", "", command, str(path))
    assert done.returncode == 65, done.stderr
    assert "cannot be written" in done.stderr
    assert not path.exists()
    again = _run(desk, FULL, "10000", "", "", command, str(path))
    assert again.returncode == 0, again.stderr
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_killed_agent_spilled_goes_and_what_another_uses_stays(tmp_path: Path) -> None:
    """A folder that nobody holds is debris; one that a living agent holds is not."""
    (tmp_path / ".haven-controller-left").mkdir()
    (tmp_path / ".haven-controller-left" / "spilled.block").write_bytes(b"x")
    (tmp_path / "of-the-controller").mkdir()
    found = in_agent(
        "import json\n"
        "from pathlib import Path\n"
        "from haven_controller.checking import _spill_folder\n"
        f"work = Path({str(tmp_path)!r})\n"
        "with _spill_folder(work) as one, _spill_folder(work) as two:\n"
        "    both = {Path(one).name, Path(two).name} <= {path.name for path in work.iterdir()}\n"
        "    others = {path.name for path in work.iterdir()} - {Path(one).name, Path(two).name}\n"
        "print(json.dumps([both, sorted(others)]))"
    )
    assert found == [True, ["of-the-controller"]]
