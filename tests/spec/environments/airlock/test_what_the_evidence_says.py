"""What the sealed evidence of queries does at the airlock: a glance where all agrees, a problem where it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from audit.model import person
from environments.airlock.errors import EvidenceBroken
from environments.airlock.states import ReleaseState
from environments.disclosure.errors import ContextInvalid
from tests.fakes.airlock import ASHA, CARA, CONTEXT, DEV, GOOD_TABLE, OMAR, OTHER_TABLE, World, refusal_of
from tests.fakes.query_evidence import OTHER, QUERY, TRUE_COUNTS, counted

S = ReleaseState


@pytest.fixture
def world(world: World) -> World:
    """With the evidence of the query that the good table was made from."""
    world.evidence.sealed["falls", QUERY] = counted(TRUE_COUNTS, "age", "sex")
    return world


def submit(world: World, table: bytes = GOOD_TABLE, *queries: str, **more: Any) -> Any:
    """Asha submits, naming queries."""
    context = {**CONTEXT, "queries": list(queries or (QUERY,))}
    return world.airlock.submit("falls", "admissions.csv", table, context, by=ASHA, **more)


def test_a_match_is_a_glance_for_the_checker(world: World) -> None:
    """Every cell agrees: it says so, with the query and the number of cells."""
    request = submit(world)
    assert request.state is S.CHECKING
    (found,) = world.airlock.comparisons(request.id, by=CARA).values()
    assert found.summary == f"Every cell agrees with the sealed evidence of query {QUERY} (4 cells)."
    _, check = world.airlock.review(request.id, "admissions.csv", by=DEV)
    assert check.comparison == found


def test_a_mismatch_comes_back_to_the_author_without_a_count(world: World) -> None:
    """Which cells, and how to mend them; not what it should be."""
    request = submit(world, OTHER_TABLE)
    assert request.state is S.RETURNED
    (problem,) = request.problems
    assert "Not what the query gave" in problem
    assert "people [age=0-39, sex=F], people [age=0-39, sex=M], people [age=40+, sex=F]." in problem
    assert not [count for count in ("120", "121", "134", "135", "209") if count in problem]
    assert submit(world, request_id=request.id).state is S.CHECKING


def test_only_checkers_see_how_cells_stand(world: World) -> None:
    """Neither the author nor another member, nor who is nobody here, nor who was given the role afterwards."""
    request = submit(world)
    for who in (ASHA, OMAR, person("zoe"), person("late")):
        assert world.airlock.comparisons(request.id, by=who) == {}
    world.approvals.checkers.add("late")
    assert world.airlock.comparisons(request.id, by=person("late")) == {}
    _, check = world.airlock.review(request.id, "admissions.csv", by=ASHA)
    assert check.comparison is None
    assert not [name for name in world.events if name.endswith("refused")]


@pytest.mark.parametrize("project", ["other", None])
def test_only_queries_of_the_project(world: World, project: str | None) -> None:
    """Another project's, and one that does not exist: refused alike, with a sentence, and nothing is stored."""
    if project:
        world.evidence.sealed[project, OTHER] = counted(TRUE_COUNTS, "age", "sex", query=OTHER)
    assert refusal_of(submit, world, GOOD_TABLE, OTHER) == "release.unknown_query"
    assert world.events[-1] == "release.submit_refused"
    assert world.airlock.list() == []


def test_a_query_under_another_version_of_the_approval(world: World) -> None:
    """What it gave is not what the approval in force gives."""
    world.evidence.sealed["falls", QUERY] = replace(counted(TRUE_COUNTS, "age", "sex"), scope_version=7)
    assert refusal_of(submit, world) == "release.query_of_other_version"


@pytest.mark.parametrize("number", ["../other/x", "1", QUERY.upper() + "x", f"{QUERY}/../{OTHER}", ""])
def test_a_number_is_a_number(world: World, number: str) -> None:
    """What is no query's number is refused before anything is looked for."""
    with pytest.raises(ContextInvalid):
        submit(world, GOOD_TABLE, number)


def test_evidence_that_does_not_verify_is_no_match(world: World) -> None:
    """Damaged at submission: refused with its rule. Damaged before the check: failed, never checking."""
    world.evidence.broken.add(QUERY)
    with pytest.raises(EvidenceBroken):
        submit(world)
    assert world.log.events[-1].details["rule"] == "release.evidence_broken"
    world.evidence.broken.clear()
    request = submit(world)
    world.evidence.broken.add(QUERY)
    with pytest.raises(EvidenceBroken):
        world.airlock.comparisons(request.id, by=CARA)


@pytest.mark.parametrize("loss", ["broken", "gone"])
def test_lost_between_submission_and_check(world: World, loss: str) -> None:
    """The check could not be done: failed, with the rule in the log; put through again when it is mended."""
    kept = dict(world.evidence.sealed)
    asked: list[str] = []
    real = world.evidence.of

    def lost(project: str, query: str) -> Any:
        asked.append(query)
        if len(asked) > 1:
            world.evidence.broken.update({QUERY} if loss == "broken" else ())
            world.evidence.sealed.clear()
        return real(project, query)

    world.evidence.of = lost  # type: ignore[method-assign]
    request = submit(world)
    assert request.state is S.FAILED
    assert world.log.events[-1].details["rule"] == "release.evidence_broken"
    world.evidence.of = real  # type: ignore[method-assign]
    world.evidence.broken.clear()
    world.evidence.sealed.update(kept)
    assert world.airlock.retry(request.id, by=CARA).state is S.CHECKING


def _approved(world: World) -> str:
    request = submit(world).id
    world.airlock.decide(request, True, by=CARA)
    world.airlock.decide(request, True, by=DEV)
    return str(request)


@pytest.mark.parametrize("loss", ["broken", "gone", "other"])
def test_at_release_it_is_asked_again(world: World, loss: str) -> None:
    """Evidence that is damaged, gone, or says otherwise by then: held, with the rule; mended, it goes out."""
    request = _approved(world)
    kept = world.evidence.sealed.pop(("falls", QUERY))
    if loss == "broken":
        world.evidence.broken.add(QUERY)
    elif loss == "other":
        world.evidence.sealed["falls", QUERY] = counted(TRUE_COUNTS | {("0-39", "F"): 900}, "age", "sex")
    rule = "release.rules_changed" if loss == "other" else "release.evidence_broken"
    assert refusal_of(world.airlock.release, request, by=CARA) == rule
    assert str(world.airlock.get(request).held).startswith(rule)
    assert not world.outbox.exists()
    world.evidence.broken.clear()
    world.evidence.sealed["falls", QUERY] = kept
    assert world.airlock.release(request, by=CARA).folder.exists()


def test_no_true_count_is_kept_or_logged(world: World) -> None:
    """Neither in the log, nor in the records, nor in the manifest and the register."""
    submit(world, OTHER_TABLE)
    request = _approved(world)
    released = world.airlock.release(request, by=CARA)
    told = str(world.log.events) + repr(world.airlock.list()) + released.manifest.read_text()
    told += "".join(path.read_text() for path in world.register.iterdir())
    for event in (": 121", ": 134", ": 209", "121,", "134,", "209,"):
        assert event not in told
    assert "121" not in repr(world.evidence.sealed)


def test_without_queries_nothing_changes(world: World) -> None:
    """Who names none is checked as ever, and no checker is told of evidence."""
    request = world.submitted()
    assert world.airlock.get(request).state is S.CHECKING
    assert world.airlock.comparisons(request, by=CARA) == {}
