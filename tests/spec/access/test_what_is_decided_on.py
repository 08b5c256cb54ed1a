"""What is decided on: the version that was read, compared with what is in force; and what can be asked for again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from access.decisions import RefusedError
from access.projects.model import Outcome
from access.service import Access
from audit.clock import FixedClock
from audit.model import organisation, person
from tests.fakes.havens import ANSWERS, START, make_live, memory_records, peopled, project_file

ASHA, GRETA = person("asha"), person("greta")


@pytest.fixture
def clock() -> FixedClock:
    """A Sunday morning."""
    return FixedClock(START)


@pytest.fixture
def access(clock: FixedClock) -> Access:
    """A live project of Asha and Ewa."""
    access = peopled(memory_records(clock))
    access.apply(project_file(), applicant="asha", by=ASHA)
    make_live(access)
    return access


def _refused(call: Callable[[], object]) -> str:
    with pytest.raises(RefusedError) as told:
        call()
    return told.value.refused.code


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
    assert _refused(lambda: access.approve("admissions", "gp", by=gp, version=1)) == "project.another_version"
    assert _refused(lambda: access.refuse("admissions", "gp", "Not for us.", by=gp, version=1)) == (
        "project.another_version"
    )
    access.approve("admissions", "gp", by=gp, version=2)
    access.approve("admissions", "hospital", by=organisation("hospital"))
    endorsed = lambda: access.endorse("admissions", Outcome.APPROVED, ANSWERS, by=GRETA, version=1)  # noqa: E731
    assert _refused(endorsed) == "project.another_version"
