"""The flows in the real Prefect: retried when the cause may pass, nothing of a row kept, one after another.

One process of its own for all: Prefect reads its settings at its first import, and an ephemeral server starts slowly.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.failing_piece import PIECES

CANARY = "9990000018"
PIECES_AS_TASKS = 2 + 2 * PIECES  # the pool, and the table that failed
SCRIPT = """
import json, sys, time
from pathlib import Path
from flows.environment import prepare
folder = Path(sys.argv[1])
prepare(folder / "prefect")
from audit.errors import AuditUnavailable
from flows.pieces import as_tasks
from flows.plant import Summary, use
import flows.steps
flows.steps.RETRY_DELAYS_SECONDS[:] = [0, 0, 0]

class Plant:
    calls, kept = {"receive": 0, "link": 0}, []
    def waiting_batches(self, dataset):
        return ["a" * 32, "b" * 32]
    def receive(self, batch, progress=None):
        self.calls["receive"] += 1
        if self.calls["receive"] == 1:
            raise AuditUnavailable("The log's writer does not answer.")
        return Summary("delivery-summary", "A delivery was received.", (("rows", "1,000"),))
    def link(self, progress=None):
        self.calls["link"] += 1
        self.rows = as_tasks({"c" * 32: lambda: 3, "d" * 32: lambda: 4})
        return Summary("linkage-summary", "Linked.", (("people", "900"),))
    def publish_scope(self, project, progress=None):
        if project == "held":
            self.kept.append("held")
            return Summary("scope-summary", "Published.")
        raise ValueError("Could not convert '%s' to INT32" % sys.argv[2])
    def release(self, request):
        raise AuditUnavailable("away for good")
    def keep_house(self):
        self.kept.append("house")
        return Summary("housekeeping-summary", "Done.")
    def identity_is_kept(self):
        return self.due
    def keep_identity(self):
        self.kept.append("identity")
        raise ValueError("Keycloak says something that nobody foresaw")
    def destroy_overdue(self, progress=None):
        self.kept.append("retention")
        return Summary("retention-summary", "Done.")
    def optouts_are_due(self):
        return self.due
    def refresh_optouts(self, progress=None):
        self.kept.append("opt-outs")
        raise ValueError("MESH does not answer")
    def projects_held(self):
        return ["held"]
    def publish_register(self):
        self.kept.append("register")
        return Summary("register-summary", "Published.")

plant = Plant()
use(lambda: plant)
from flows.sweep import sweep_inbox
from flows.publish_scope import publish_scope
from flows.release import release
out = {}
sweep_inbox("gp")
out["calls"], out["rows"], out["narrowed"] = plant.calls, plant.rows, plant.kept
from flows.housekeeping import housekeeping
for plant.due in (False, True):
    plant.kept = []
    try:
        housekeeping()
        told = "went through"
    except Exception as error:
        told = type(error).__name__
    out[f"house {plant.due}"] = [told, *plant.kept]
for name, flow, subject in (("publish", publish_scope, "p1"), ("release", release, "r1")):
    try:
        flow(subject)
        out[name] = "went through"
    except Exception as error:
        out[name] = f"{type(error).__name__}: {error}"
from prefect import flow
from tests.fakes.failing_piece import fail_a_piece
(folder / "pieces").mkdir()
failed = flow(lambda: fail_a_piece(folder / "pieces", as_tasks), name="fail_a_piece")()
out["piece"] = {**vars(failed), "left": len(list((folder / "pieces").iterdir()))}
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    out["artifacts"] = sorted(a.key for a in client.read_artifacts() if a.key)
    limit = client.read_global_concurrency_limit_by_name("haven-writer")
    out["limit"] = limit.limit
    # Prefect's server writes task runs down from events, after the flow has ended: asked again until all are there.
    for _ in range(300):
        out["tasks"] = sorted(run.name.split("-")[0] for run in client.read_task_runs())
        if out["tasks"].count("make_piece") >= int(sys.argv[3]):
            break
        time.sleep(0.2)
print(json.dumps(out))
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], Path]:
    """What the flows did with a plant that fails in known ways, and the folder Prefect wrote to."""
    folder = tmp_path_factory.mktemp("flows")
    environment = {**os.environ, "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), CANARY, str(PIECES_AS_TASKS)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (folder / "printed.txt").write_text(done.stderr, encoding="utf-8")
    result: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return result, folder


def test_a_passing_cause_is_tried_again(ran: tuple[dict[str, object], Path]) -> None:
    """A step that failed because the log's writer was away runs again, and the sweep goes on to link."""
    assert ran[0]["calls"] == {"receive": 3, "link": 1}


def test_a_linkage_narrows_what_it_holds(ran: tuple[dict[str, object], Path]) -> None:
    """After the deliveries were linked, the project whose file is held for that was published anew."""
    assert ran[0]["narrowed"] == ["held"]


def test_log_ins_or_a_list_that_fail_keep_no_other_housekeeping_from_being_done(
    ran: tuple[dict[str, object], Path],
) -> None:
    """Log-ins follow where a provider is kept, opt-outs where they are due; failures are told after all was done."""
    assert ran[0]["house False"] == ["went through", "retention", "house", "held", "register"]
    assert ran[0]["house True"] == ["StepFailed", "retention", "house", "identity", "opt-outs", "held", "register"]


def test_a_librarys_text_is_not_told(ran: tuple[dict[str, object], Path]) -> None:
    """An unknown failure is told by type and place; its text, which may quote a cell, is not."""
    assert "StepFailed" in str(ran[0]["publish"])
    assert "ValueError" in str(ran[0]["publish"])
    assert CANARY not in str(ran[0]["publish"])


def test_a_lasting_cause_fails_the_flow(ran: tuple[dict[str, object], Path]) -> None:
    """A release that cannot be recorded is not released: the flow fails."""
    assert "AuditUnavailable" in str(ran[0]["release"])


def test_prefect_keeps_no_row_value(ran: tuple[dict[str, object], Path]) -> None:
    """No byte of the value in the failing row stands in Prefect's store or in what was printed."""
    files = [path for path in ran[1].rglob("*") if path.is_file()]
    assert len(files) > 1
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]


def test_summaries_and_the_writers_limit_are_kept(ran: tuple[dict[str, object], Path]) -> None:
    """Each step's summary is an artifact, and the writers' concurrency limit is one."""
    kept = ["delivery-summary"] * 2 + ["housekeeping-summary"] * 2 + ["linkage-summary"] + ["register-summary"] * 2
    kept += ["retention-summary"] * 2 + ["scope-summary"] * 3
    assert ran[0]["artifacts"] == kept
    assert ran[0]["limit"] == 1


def test_the_pieces_of_a_linkage_are_tasks(ran: tuple[dict[str, object], Path]) -> None:
    """Each piece is a task of the flow, and the rows come back in the pieces' order."""
    assert ran[0]["rows"] == [3, 4]
    tasks = ran[0]["tasks"]
    assert isinstance(tasks, list)
    assert tasks.count("make_piece") == PIECES_AS_TASKS


def test_a_failed_piece_ends_the_run(ran: tuple[dict[str, object], Path]) -> None:
    """Its failure is what is told; what ran ends, what waited never begins, and the folder goes last."""
    happened = ran[0]["piece"]
    assert isinstance(happened, dict)
    assert "failed (InvalidInputException)" in happened["told"]
    assert 1 <= happened["begun"] <= 2
    assert happened["there"] == [True] * happened["begun"]
    assert not happened["left"]
