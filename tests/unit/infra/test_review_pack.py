"""When did each version of a project govern it? So that a review counts what rested on its support, and no more."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from access.projects.model import ProjectVersion
from audit.clock import FixedClock
from audit.model import person
from infra.governance.review_pack import Span, resting_on, spans_of
from tests.fakes.havens import START, make_live, memory_records, peopled, project_file
from tests.fakes.papers import REAL, agreement_with, support_for


def _on(day: int) -> datetime:
    return datetime(2026, 3, day, tzinfo=UTC)


def _version(number: int, submitted: int | None = None, live: int | None = None) -> ProjectVersion:
    return ProjectVersion(
        "admissions", number, "Admissions", "asha", frozenset({"asha"}), frozenset({"gp"}), date(2027, 1, 1),
        submitted_at=_on(submitted) if submitted else None, went_live_at=_on(live) if live else None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("versions", "spans"),
    [
        ([], []),
        ([_version(1)], []),
        ([_version(1, 2)], [(1, 2, None)]),
        ([_version(1, 2, 5)], [(1, 2, None)]),
        ([_version(2, 8, 9), _version(1, 2, 5)], [(1, 2, 9), (2, 9, None)]),
        ([_version(2, 8), _version(1, 2, 5)], [(1, 2, None)]),
        ([_version(3, 10, 12), _version(2, 8), _version(1, 2, 5)], [(1, 2, 12), (3, 12, None)]),
        ([_version(2, 4, 6), _version(1, 2)], [(1, 2, 4), (2, 4, None)]),
        ([_version(2), _version(1, 2, 5)], [(1, 2, None)]),
    ],
    ids=["none", "a draft", "waits", "live", "amended", "amendment waits", "second amendment", "anew", "draft after"],
)
def test_a_version_governs_until_the_next_one_is_live(
    versions: list[ProjectVersion], spans: list[tuple[int, int, int | None]]
) -> None:
    """Drafts govern nothing, nor amendments that were never live; what was replaced keeps its own days."""
    assert spans_of(versions) == [Span(one, _on(since), _on(until) if until else None) for one, since, until in spans]


def test_a_project_that_changed_its_support_stays_in_the_review_of_the_one_before() -> None:
    """Until the day on which the amendment went live; from then on it is in the other's."""
    clock = FixedClock(START)
    access = peopled(memory_records(clock), real_data=True)
    lena, flows = person("lena"), [("gp", "gp"), ("hospital", "hospital")]
    for controller in ("gp", "hospital"):
        access.register_agreement(agreement_with(controller, [controller]), by=lena)
    access.appoint_authoriser("sian", date(2026, 12, 31), by=lena)
    for reference in ("26/CAG/0001", "26/CAG/0002"):
        access.register_support(support_for(flows, reference=reference), by=lena)
        file = project_file(**(REAL | {"support": reference}))
        access.apply(file, applicant="asha", by=person("asha"))
        make_live(access)
        clock.at += timedelta(days=10)
    before, after = (access.support(reference) for reference in ("26/CAG/0001", "26/CAG/0002"))
    assert before is not None
    assert after is not None
    changed = START + timedelta(days=10)
    assert resting_on(access, before, START) == {"admissions": [Span(1, START, changed)]}
    assert resting_on(access, after, START) == {"admissions": [Span(2, changed, None)]}
    assert resting_on(access, before, changed + timedelta(days=1)) == {}  # in the year after it
