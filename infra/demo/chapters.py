"""What happens in the demo? Four people's chapters: data engineer, researcher, commissioner with checkers, auditor."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from access.decisions import RefusedError
from audit.model import person
from audit.suppression import shown_count
from flows.plant import Summary
from infra.demo.approving import approve_project
from infra.demo.notebook import CELLS, CONTEXT, SHOWN, write_notebook
from infra.demo.opt_outs import decide_on_flows, tell_certificate
from infra.demo.outside import run_cells_outside
from infra.demo.quality import as_data, pair_quality
from infra.demo.stage import (
    CHECKERS,
    COMMISSIONER,
    DATASETS,
    ENGINEER,
    PROJECT,
    RESEARCHER,
    REVIEWER,
    Stage,
    register_people,
)

MOST_PREVIEWED = 12
QUALITY = "demo-link-quality.json"
"""Beside the page: the same shares for a program."""


def data_engineer(stage: Stage) -> None:
    """Deliveries come in, are checked, split and linked."""
    from flows.ingest import ingest
    from flows.link import link
    from flows.train_linkage import train_linkage
    from linkage.contracts.registry import find_contract
    from linkage.intake.pack import pack

    teller = stage.teller
    teller.chapter("Emrys, data engineer", "four deliveries come in and are linked")
    register_people(stage.haven)
    teller.say(
        "Four controllers pack their deliveries with a manifest: names, hashes, row counts. On receipt identifiers go"
        " to one encrypted zone and payload to another, joined only by random row keys that are dropped after linkage."
    )
    for dataset in DATASETS:
        folder = stage.deliveries / dataset
        pack(folder, find_contract(dataset), name=f"{dataset}-first")
        with teller.working(f"receiving {dataset}") as progress:
            stage.use(progress)
            ingest(stage.plant.inbox.stage(folder, by=person(ENGINEER)))
    teller.table(
        "Deliveries",
        ["delivery", "taken in", "in quarantine, by reason"],
        [[s.headline, _told(s, "rows of "), _told(s, "in quarantine: ")] for s in stage.plant.summaries],
    )
    teller.say("Rows that did not fit their contract are in quarantine; the report goes back to the controller.")
    with teller.working("training the model of linkage") as progress:
        stage.use(progress)
        train_linkage()
    trained = stage.haven.linker.models.all()[0]
    stage.haven.linker.models.approve(trained.id, by=person(REVIEWER))
    teller.say(
        f"A model was trained on them without labels ({trained.card['engine']}), and Gwen, linkage reviewer, approved"
        " it: it weighs whom the ladder's certain steps leave over."
    )
    with teller.working("linking") as progress:
        stage.use(progress)
        link()
    _tell_linkage(stage)


def _told(summary: Summary, prefix: str) -> str:
    """The values of a summary whose label begins so."""
    found = [(label.removeprefix(prefix), value) for label, value in summary.rows if label.startswith(prefix)]
    return "; ".join(f"{label} {value}" for label, value in found) or "none"


def _tell_linkage(stage: Stage) -> None:
    teller, haven = stage.teller, stage.haven
    newest = haven.linker.newest()
    if newest is None:
        raise RuntimeError("a linkage that was run has its record")
    place = haven.settings.reports_folder / "linkage" / newest.id / "linkage-report.json"
    report: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    teller.say(f"The person spine holds {report['people']} people under random numbers; each link names its step.")
    waiting = len(haven.linker.queue.waiting())
    teller.say(f"{shown_count(waiting)} doubtful pairs wait for a reviewer (`haven linkage review`): none is guessed.")
    if stage.truth is not None:
        found = [q for q in pair_quality(haven, stage.truth) if q.left != q.right or q.left == "all"]
        told = haven.settings.reports_folder / QUALITY
        told.write_text(json.dumps(as_data(found), indent=2), encoding="utf-8")
        teller.table(
            "Link quality against the known truth of the synthetic people",
            ["between", "precision", "recall"],
            [[f"{q.left} - {q.right}", f"{q.precision:.4f}", f"{q.recall:.4f}"] for q in found],
        )
    rows = report["sections"]["match_rates_of_hospital_episodes"]["rows"]
    by_group = [(group, share.partition(" ")[0]) for by, group, _, share in rows if by == "ethnic category"]
    shown = [(group, float(share)) for group, share in by_group if share.replace(".", "").isdigit()]
    if shown:
        teller.report.bars(
            "Hospital rows whose person was found elsewhere, by ethnic category (%)",
            [label for label, _ in shown],
            [rate for _, rate in shown],
            "%",
        )
    teller.say("Who is recorded less well is linked less often: match rates by group are in every linkage report.")


def researcher(stage: Stage) -> None:
    """A project is approved, its scope published, and a notebook runs in a real workspace."""
    from flows.publish_scope import publish_scope

    teller, haven = stage.teller, stage.haven
    teller.chapter("Asha, researcher", "a project is approved, and a notebook asks its question")
    approve_project(stage)
    decide_on_flows(stage)
    with teller.working("publishing the project's scope") as progress:
        stage.use(progress)
        publish_scope(PROJECT)
    scope = stage.plant.summaries[-1]
    teller.table("What the project's own file holds", ["", "rows"], [list(row) for row in scope.rows])
    tell_certificate(stage)
    if stage.workspaces:
        _in_the_workspace(stage)
    else:
        teller.say(
            f"No workspace on this machine: {haven.left_out['hub']} The same questions go through the gateway instead."
        )
        _through_the_gateway(stage)


def _in_the_workspace(stage: Stage) -> None:
    """The notebook's cells, on a kernel inside the sandbox, driven over the hub."""
    teller = stage.teller
    notebook = write_notebook(stage.haven.settings.home / "notebook.ipynb")
    with teller.working("opening the workspace"):
        hub = stage.haven.workspaces.enter(RESEARCHER, PROJECT)
    try:
        with teller.working("running the notebook that each workspace begins with"):
            shipped = hub.run_notebook(RESEARCHER, PROJECT, stage.haven.settings.tutorial)
        with teller.working("running the notebook"):
            outcomes = hub.run_notebook(RESEARCHER, PROJECT, notebook)
    finally:
        hub.close()
    errors = [(outcome.source, outcome.error) for outcome in shipped if outcome.error]
    teller.holds(
        "The notebook that each workspace begins with runs, its one refusal included",
        [error for _, error in errors] == ["Refused"],
        str(errors),
    )
    stage.cells = {name: outcome for (name, _), outcome in zip(CELLS, outcomes, strict=True)}
    for name in SHOWN:
        _show_cell(stage, name)
    for name, outcome in stage.cells.items():
        if outcome.error:
            teller.holds(f"The notebook's cell '{name}' runs", held=False, detail=outcome.text[-600:])
    other = stage.cells["other_door"].text.strip()
    teller.holds("Another client, over Arrow Flight SQL, is given the same", other == "the same over Flight SQL", other)


def _show_cell(stage: Stage, name: str) -> None:
    outcome = stage.cells[name]
    stage.teller.report.code(outcome.source)
    stage.teller.report.code(outcome.text or "(no output)")
    lines = outcome.text.strip().splitlines()
    for line in lines[:MOST_PREVIEWED]:
        stage.teller.console.print(f"    {line}", markup=False, soft_wrap=True)


def _through_the_gateway(stage: Stage) -> None:
    """Without workspaces: the notebook's cells run here, with the client and a token."""
    stage.cells = run_cells_outside(stage.haven, RESEARCHER, PROJECT)
    for name in SHOWN:
        _show_cell(stage, name)


def commissioner(stage: Stage) -> None:
    """Two checkers decide on the researcher's table; the commissioner receives one through the same door."""
    from flows.release import release

    teller, haven = stage.teller, stage.haven
    teller.chapter("Bryn and Carys, output checkers; Dara, commissioner", "only what passes leaves")
    waiting = [one for one in haven.airlock.list(PROJECT) if one.state.value == "checking"]
    teller.holds("The researcher's rounded table passed the automatic check and waits for two people", bool(waiting))
    for request in waiting:
        stage.requests.append(request.id)
        own = _refusal(lambda r=request: haven.airlock.decide(r.id, True, "It is fine.", by=person(RESEARCHER)))
        teller.proved("The author approves her own output", own is not None, own or "")
        haven.airlock.decide(request.id, True, "Counts of people, rounded, nothing small.", by=person(CHECKERS[0]))
        one = _refusal(lambda r=request: haven.airlock.release(r.id, by=person(CHECKERS[0])))
        teller.proved("A release after one approval of two", one is not None, one or "")
        haven.airlock.decide(request.id, True, "Agreed; totals add up.", by=person(CHECKERS[1]))
        release(request.id)
        state = haven.airlock.get(request.id).state.value
        teller.say(f"Two people approved; the release flow asked everything again: the request is {state}.")
    _hand_over(stage)
    for path in sorted(haven.settings.outbox_folder.rglob("*.csv")):
        text = path.read_text(encoding="utf-8")
        teller.say(f"In the outbox, with its signed manifest: {path.relative_to(haven.settings.home)}")
        rows = list(csv.reader(io.StringIO(text)))
        teller.report.table(path.name, rows[0], rows[1:])


def _hand_over(stage: Stage) -> None:
    """The commissioner's aggregate takes the same door: another gate, the same check, the same two people."""
    from flows.release import release

    haven, teller = stage.haven, stage.teller
    table = next(iter(haven.settings.outbox_folder.rglob("*.csv")), None)
    if table is None:
        return
    context = CONTEXT | {"gate": "to_commissioner", "recipient": "The health board"}
    request = haven.airlock.submit(PROJECT, "for_the_board.csv", table.read_bytes(), context, by=person(RESEARCHER))
    for checker in CHECKERS:
        haven.airlock.decide(request.id, True, "The same counts, for the board.", by=person(checker))
    release(request.id)
    state = haven.airlock.get(request.id).state.value
    teller.say(f"Dara ({COMMISSIONER}) receives the aggregate table for the health board: the request is {state}.")


def auditor(stage: Stage) -> None:
    """Every step is in the log, and the log verifies."""
    from audit.search import SearchIndex, Wanted
    from audit.verifier import verify
    from audit.words import in_words

    teller, settings = stage.teller, stage.haven.settings
    teller.chapter("Freya, auditor", "every step is in a log that a stranger can verify")
    verdict = verify(settings.audit_folder, None, None)
    teller.holds("The verifier derives every hash and signature again: the log is whole", verdict.whole)
    for sentence in verdict.sentences():
        teller.say(sentence)
    index = SearchIndex(settings.audit_folder, settings.home / "records" / "audit-index.db")
    found = list(index.find(Wanted(limit=100_000)))
    verbs: dict[str, int] = {}
    for _, event in found:
        verbs[event.name.value] = verbs.get(event.name.value, 0) + 1
    teller.report.bars("Entries by kind", list(verbs), [float(n) for n in verbs.values()], "entries")
    teller.say(f"{len(found)} entries. The last ones that concern the project:")
    for number, event in list(index.find(Wanted(project=PROJECT, limit=8))):
        teller.say(f"{number}  {in_words(event)[:160]}")
    needed = {
        *("delivery.received", "linkage.completed", "project.went_live", "scope.published", "query.requested"),
        *("query.completed", "query.refused", "release.submitted", "release.decided", "release.released"),
    }
    missing = sorted(needed - set(verbs))
    teller.holds("Every step of the chain has its entry", not missing, ", ".join(missing))


def _refusal(call: Any) -> str | None:
    """The sentence of a refusal, or None when it was allowed."""
    try:
        call()
    except RefusedError as error:
        return str(error)
    return None
