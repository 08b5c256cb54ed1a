"""What is decided on: the version that was read, compared with what is in force; and what can be asked for again."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from pathlib import Path

import pytest

from access.organisations.store import DatasetRow
from access.projects.file import ProjectFile
from access.projects.model import Outcome
from access.projects.narrowing import Narrowing
from access.projects.states import ProjectState
from access.service import Access
from audit.clock import FixedClock
from audit.events import EventName
from audit.model import organisation, person
from infra.cli.project_deciding import say_project
from infra.database import make_engine
from infra.migrations import upgrade
from tests.fakes.havens import ANSWERS, HOUSE, START, endorse, make_live, memory_records, peopled, project_file
from tests.fakes.papers import REAL
from tests.fakes.refusals import refused

ASHA, GRETA = person("asha"), person("greta")


@pytest.fixture
def access(clock: FixedClock) -> Access:
    """A live project of Asha and Ewa."""
    access = peopled(memory_records(clock))
    access.apply(project_file(), applicant="asha", by=ASHA)
    make_live(access)
    return access


def test_nothing_is_hidden_behind_a_draft(access: Access) -> None:
    """Ewa drafts what is wider, Asha submits it with a new title: the differences are to what is in force."""
    wider = {"people": ["asha", "ewa", "bryn"]}
    access.draft(project_file(**wider), applicant="ewa", by=person("ewa"))
    access.apply(project_file(title="Only another title", **wider), applicant="asha", by=ASHA)
    assert access.amendment("admissions") == (1, 3)
    access.draft(project_file(title="And once more"), applicant="ewa", by=person("ewa"))
    assert access.amendment("admissions") == (1, 3)
    assert "+ people.bryn: yes" in access.changes("admissions", *access.amendment("admissions"))
    access.refuse("admissions", "gp", "It is too wide for us.", by=organisation("gp"))
    assert access.asked_of("admissions").version.version == 3


def test_a_decision_is_on_the_version_that_was_read(access: Access) -> None:
    """An amendment that comes between reading and deciding is not decided on unread."""
    access.apply(project_file(title="The second version"), applicant="asha", by=ASHA)
    gp = organisation("gp")
    assert refused(lambda: access.approve("admissions", "gp", by=gp, version=1)) == "project.another_version"
    assert refused(lambda: access.refuse("admissions", "gp", "Not for us.", by=gp, version=1)) == (
        "project.another_version"
    )
    access.approve("admissions", "gp", by=gp, version=2)
    access.approve("admissions", "hospital", by=organisation("hospital"))
    endorsed = lambda: access.endorse("admissions", Outcome.APPROVED, ANSWERS, by=GRETA, version=1)  # noqa: E731
    assert refused(endorsed) == "project.another_version"


def test_what_a_controller_ended_earlier_is_asked_for_again_as_it_is(access: Access, clock: FixedClock) -> None:
    """The end that it set has come, the file's has not: a new version. Taking the approval back moves no end."""
    access.apply(project_file(title="With an earlier end"), applicant="asha", by=ASHA)
    earlier = Narrowing(ends=date(2026, 6, 1))
    access.approve("admissions", "gp", by=organisation("gp"), narrowing=earlier)
    access.approve("admissions", "hospital", by=organisation("hospital"))
    endorse(access)
    assert access.project("admissions").state is ProjectState.LIVE
    clock.at += timedelta(days=120)
    assert access.project("admissions").state is ProjectState.EXPIRED
    access.withdraw("admissions", "gp", "We end it by this, too.", by=organisation("gp"))
    assert access.project("admissions").state is ProjectState.EXPIRED
    assert access.apply(project_file(title="With an earlier end"), applicant="asha", by=ASHA).version == 3


def test_data_that_changed_are_asked_for_again_by_the_same_file(access: Access) -> None:
    """The mend of `dataset.changed` is to apply again: that is a new version, of the data as they are now."""
    with access.records.change(by=HOUSE) as change:
        row = change.session.get_one(DatasetRow, "hospital")
        row.tables = {"hospital_episodes": {"admidate": "code", "diag_4_01": "code"}}
        change.record(EventName.DATASET_REGISTERED, dataset="hospital", controller="hospital")
    assert access.standing("admissions").code == "dataset.changed"  # type: ignore[union-attr]
    assert access.apply(project_file(), applicant="asha", by=ASHA).version == 2
    make_live(access)
    assert access.standing("admissions")


def test_a_refusal_of_the_guardian_is_not_taken_back(access: Access) -> None:
    """Nothing is in force that could be: the log tells of no withdrawal that there was not."""
    access.apply(project_file(id="other"), applicant="asha", by=ASHA)
    for controller in ("gp", "hospital"):
        access.approve("other", controller, by=organisation(controller))
    access.endorse("other", Outcome.REFUSED, {}, "It is not in order.", by=GRETA)
    call = lambda: access.withdraw_endorsement("other", "I thought it over.", by=GRETA)  # noqa: E731
    assert refused(call) == "project.nothing_to_withdraw"


def test_an_amendment_that_is_asked_for_ends_no_project(access: Access) -> None:
    """Ewa applies for one with herself as its lead: what is in force is closed by its own lead, as before."""
    access.apply(project_file(title="Led by Ewa", lead="ewa"), applicant="ewa", by=person("ewa"))
    close = lambda: access.close("admissions", by=person("ewa"))  # noqa: E731
    assert refused(close) == "project.not_yours_to_close"
    assert access.project("admissions").state is ProjectState.LIVE
    access.close("admissions", by=ASHA)
    assert access.project("admissions").state is ProjectState.CLOSED


def test_a_period_at_the_calendars_end_leaves_nobody(access: Access) -> None:
    """Made coarser, it holds no whole month: no day is left, and no error of the program."""
    days = {"column": "admidate", "from": date(9999, 12, 15), "to": date.max}
    table = {"columns": {"admidate": "the outcome itself"}, "dates": "day", "period": days}
    file = project_file(id="late", datasets={"hospital": {"tables": {"hospital_episodes": table}}}, cohort=[])
    access.apply(file, applicant="asha", by=ASHA)
    coarser = Narrowing(dates={"hospital_episodes": "month"})
    access.approve("late", "hospital", by=organisation("hospital"), narrowing=coarser)
    endorse(access, "late")
    assert [one.period for one in access.live_scope("late").tables] == [(date.min, date.min)]


def test_one_application_at_once_is_one_version(tmp_path: Path) -> None:
    """However often the same file is submitted at one moment."""
    engine = make_engine(f"sqlite:///{tmp_path / 'haven.db'}")
    upgrade(engine)
    access = peopled(memory_records(FixedClock(START), engine))
    barrier = threading.Barrier(4)

    def apply() -> None:
        barrier.wait()
        access.apply(project_file(), applicant="asha", by=ASHA)

    threads = [threading.Thread(target=apply) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert access.newest("admissions").version.version == 1
    engine.dispose()


OTHERWISE: dict[str, object] = REAL | {
    "id": "readmissions",
    "title": "Admissions again",
    "lay_summary": "How many people are admitted again within a month, so that wards can be ready.",
    "purpose": "audit",
    "legal_basis": "legal-duty",
    "lead": "bryn",
    "people": ["asha"],
    "datasets": {"gp": {"tables": {"gp_events": {"columns": {"code": "defines the cohort"}}}}},
    "cohort": [],
    "disclosure_profile": "strict",
    "ends": date(2027, 2, 1),
    "data_use": REAL["data_use"] | {"funders": ["A charity"]},
    "provider": "gp",
    "recipients": ["hospital"],
    "cells": "digest",
}
"""Of every field of a project's file another value than the usual one."""


def test_whoever_decides_is_shown_every_field(access: Access, capsys: pytest.CaptureFixture[str]) -> None:
    """What differs between two files is seen in what `haven project show` prints, and in what it gives a program."""

    def shown(file: ProjectFile) -> tuple[str, dict[str, object]]:
        access.draft(file, applicant="asha", by=ASHA)
        newest = access.newest(file.id)
        say_project(newest, as_json=False)
        told = newest.as_data()
        return capsys.readouterr().out.partition(": draft")[2], told | {"id": told["project"]}

    said, told = shown(project_file(id="usual"))
    for field in ProjectFile.model_fields:
        said_otherwise, told_otherwise = shown(project_file(**{"id": "usual", field: OTHERWISE[field]}))
        assert told[field] != told_otherwise[field]
        assert said != said_otherwise or field == "id", field  # which is the first word of it
