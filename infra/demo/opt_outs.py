"""What does the demo show of opt-outs? The list fetched through MESH, a scope without those people, a refused cut."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from access.decisions import RefusedError
from access.documents import load_document
from access.optouts.model import OptOutCase
from access.projects.answers import ReleaseTest
from access.projects.file import ProjectFile
from access.projects.model import Outcome
from audit.model import organisation, person
from audit.suppression import shown_count
from infra.demo.stage import CONTROLLERS, GUARDIAN, PAPERS, PROJECT, PROJECT_FILE, RESEARCHER, Stage
from infra.mesh.sandbox import is_made, running_sandbox
from infra.mesh.spine import SimulatedSpine, answering
from linkage.scopes.store import current_scope
from linkage.standardise.nhs_numbers import nhs_numbers

ONE_IN = 100
OTHER_PROJECT = "the-same-without"
HELD_BY = {"gp": "gp", "hospital": "hospital", "social_care": "council", "deaths": "registrar"}
REASON = "Visitors and newborn children; tracing each takes longer than the study."


def fetch_opt_outs(stage: Stage) -> None:
    """The list comes through NHS England's own sandbox of MESH, where it is installed."""
    from flows.refresh_optouts import refresh_optouts

    teller, settings = stage.teller, stage.haven.settings
    teller.chapter("Emrys, data engineer", "who opted out is asked through MESH")
    stage.opt_outs = is_made(settings.environments_folder)
    if not stage.opt_outs:
        teller.say("The MESH sandbox is not installed here, so this part is left out; `./haven demo` installs it.")
        return
    gone = _some_people(stage.deliveries / "gp")
    with running_sandbox(settings.environments_folder, settings.home / "mesh") as sandbox:
        stage.haven.mailbox = sandbox.place()
        with answering(SimulatedSpine(sandbox, gone)), teller.working("asking for opt-outs") as progress:
            stage.use(progress)
            refresh_optouts()
    summary = stage.plant.summaries[-1]
    teller.say(
        f"{len(gone):,} of the invented people opted out. Every NHS number was asked; the answer holds those that may"
        " be used. It lies in a store of its own in the linkage zone, and no dataset has a column of it."
    )
    teller.table("The asking", ["", "numbers or records"], [list(row) for row in summary.rows])


def project_as_asked(stage: Stage) -> ProjectFile:
    """The demo's project, as if its people were real; where no list can be fetched, as the synthetic data they are."""
    file = load_document(PROJECT_FILE, ProjectFile)
    return file if stage.opt_outs else file.model_copy(update={"legal_basis": "synthetic-data"})


def decide_on_flows(stage: Stage) -> None:
    """Without a list nothing may be built; and each controller says what is done about people without a number."""
    if not stage.opt_outs:
        return
    opt_outs = stage.haven.opt_outs
    for dataset in load_document(PROJECT_FILE, ProjectFile).datasets:
        by = organisation(HELD_BY[dataset])
        for recipient in opt_outs.recipients_of(PROJECT):
            opt_outs.decide(PROJECT, dataset, recipient, OptOutCase.NUMBER_MISSING, REASON, by=by)
    stage.teller.say(
        "On section 251 opt-outs apply. Each controller decided, with its reason, that people without a number stay:"
        " in what the university works on, and in what the health board is handed."
    )


def tell_certificate(stage: Stage) -> None:
    """What the published scope certifies, and that the same data without opt-outs are refused."""
    if not stage.opt_outs:
        return
    haven, teller = stage.haven, stage.teller
    with haven.records.read() as session:
        row = current_scope(session, PROJECT)
    certificate = None if row is None else haven.disclosures.of_build(PROJECT, row.build)
    if certificate is None:
        raise RuntimeError("what was published has its certificate")
    before, after = certificate.people
    teller.holds("Who opted out is not in the project's file", held=certificate.plan.applies and after < before)
    teller.table(
        "The certificate of the disclosure",
        ["", "before", "after"],
        [["people", shown_count(before), shown_count(after)]]
        + [[name, *(shown_count(many) for many in pair)] for name, pair in certificate.rows.items()],
    )
    teller.aside(f"haven optout certificate {certificate.id} --home {haven.settings.home}")
    _ask_for_the_same_without(stage)


def _ask_for_the_same_without(stage: Stage) -> None:
    """Another project of the university, on consent: who opted out could be told by subtraction."""
    haven = stage.haven
    asked = {"id": OTHER_PROJECT, "title": "The same people with everybody in", "legal_basis": "explicit-consent"}
    file = load_document(PROJECT_FILE, ProjectFile).model_copy(update=asked)
    haven.access.apply(file, applicant=RESEARCHER, by=person(RESEARCHER))
    for controller in CONTROLLERS:
        haven.access.approve(OTHER_PROJECT, controller, by=organisation(controller))
    answers = load_document(PAPERS / "release-test-diabetes.yaml", ReleaseTest).model_dump()
    haven.access.endorse(OTHER_PROJECT, Outcome.APPROVED, answers, by=person(GUARDIAN))
    for dataset in file.datasets:
        by = organisation(HELD_BY[dataset])
        for recipient in haven.opt_outs.recipients_of(OTHER_PROJECT):
            haven.opt_outs.decide(OTHER_PROJECT, dataset, recipient, OptOutCase.EXPLICIT_CONSENT, "Form 2", by=by)
    try:
        haven.publish_scope(OTHER_PROJECT)
        text = ""
    except RefusedError as error:
        text = str(error)
    stage.teller.proved("The same data once more without opt-outs", "subtraction" in text, text)


def _some_people(folder: Path) -> Sequence[str]:
    """The numbers of one in a hundred people of the GP's delivery."""
    found = pl.read_csv(folder / "patients.csv", infer_schema=False)["nhs_number"]
    valid = nhs_numbers(found, test_range=True).drop_nulls().unique().sort()
    return valid.gather_every(ONE_IN).to_list()
