"""The airlock and its ledger: no table leaves that differs by too few people from another, whoever asked for it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from audit.model import person
from environments.airlock.errors import EvidenceBroken
from environments.airlock.states import ReleaseState
from tests.fakes.airlock import ASHA, CARA, CONTEXT, DEV, GOOD_TABLE, World, refusal_of
from tests.fakes.query_evidence import OTHER, QUERY, TRUE_COUNTS, counted

S = ReleaseState
ZOE = person("zoe")  # of another project
NEARLY = TRUE_COUNTS | {("0-39", "F"): 120}
"""One person less; rounded, the table is the same."""
Key = tuple[str, str]


@pytest.fixture
def world(world: World) -> World:
    """Two projects, each with a query of its own: the second's counts one woman less."""
    world.approvals.people_in["heart"] = {"zoe"}
    world.evidence.sealed["falls", QUERY] = counted(TRUE_COUNTS, "age", "sex")
    world.evidence.sealed["heart", OTHER] = counted(NEARLY, "age", "sex", query=OTHER)
    world.evidence.sealed["falls", OTHER] = counted(NEARLY, "age", "sex", query=OTHER)
    return world


def submit(world: World, query: str = QUERY, *, heart: bool = False, table: bytes = GOOD_TABLE, **more: Any) -> Any:
    """A member of the project submits a table made from a query of it."""
    project, by = ("heart", ZOE) if heart else ("falls", ASHA)
    said = {**CONTEXT, "queries": [query]}
    return world.airlock.submit(project, "admissions.csv", table, said, by=by, **more)


def released(world: World, request: str) -> None:
    """Two checkers approve, and it leaves."""
    for checker in (CARA, DEV):
        world.airlock.decide(request, True, by=checker)
    world.airlock.release(request, by=CARA)


@pytest.mark.parametrize("heart", [True, False])
def test_a_table_near_a_released_one_comes_back(world: World, heart: bool) -> None:
    """Of the same project or of another: it is returned, and its author is told what to do, and not of what."""
    first = submit(world)
    released(world, first.id)
    second = submit(world, OTHER, heart=heart)
    assert second.state is S.RETURNED
    (problem,) = second.problems
    assert "differ by too few" in problem
    assert "make the categories coarser" in problem
    assert not [told for told in (first.id, "falls", "admissions", "0-39", "120") if told in problem]


def test_the_checker_is_told_of_which_release_and_cell(world: World) -> None:
    """Which cells, of which request and file; nobody else is, neither its author nor a member of another project."""
    first = submit(world)
    released(world, first.id)
    second = submit(world, OTHER, heart=True)
    (one,) = world.airlock.near(second.id, by=CARA)
    assert one.sentence == (
        f"admissions.csv [people [age=0-39, sex=F]] of request {second.id} counts nearly the same people as "
        f"admissions.csv [people [age=0-39, sex=F]] of request {first.id}"
    )
    for who in (ZOE, ASHA, person("nobody")):
        assert world.airlock.near(second.id, by=who) == ()


def test_the_auditor_reads_it_in_the_log(world: World) -> None:
    """With both requests, and without a count."""
    first = submit(world)
    second = submit(world, OTHER)
    event = world.log.events[-1]
    assert event.name.value == "release.returned"
    assert first.id in str(event.details["near"])
    assert second.id in str(event.details["near"])
    assert not [count for count in ("120", "121") if count in str(event.details["near"])]


def test_two_that_wait_are_never_both_let_through(world: World) -> None:
    """Harmless alone, harmful together: the second is refused while the first waits."""
    first = submit(world)
    assert first.state is S.CHECKING
    assert submit(world, OTHER, heart=True).state is S.RETURNED


@pytest.mark.parametrize("end", ["withdrawn", "returned", "rejected", "lapsed"])
def test_what_will_not_leave_stands_in_nobodys_way(world: World, end: str) -> None:
    """A request that was withdrawn, returned, rejected or has lapsed was seen by nobody."""
    first = submit(world).id
    if end == "rejected":
        world.airlock.decide(first, True, by=CARA)
        world.airlock.decide(first, False, "No.", by=DEV)
        world.airlock.consolidate(first, S.REJECTED, "No.", by=DEV)
    else:
        world.airlock.send_back(first, "Say which year.", by=CARA)
        if end == "withdrawn":
            world.airlock.withdraw(first, by=ASHA)
        elif end == "lapsed":
            world.clock.at += timedelta(days=31)
            assert world.airlock.lapse_idle() == [first]
    assert world.airlock.get(first).state.value == end
    assert submit(world, OTHER, heart=True).state is S.CHECKING


def test_what_was_recalled_was_seen(world: World) -> None:
    """It cannot be unseen: tables near it stay out."""
    first = submit(world).id
    released(world, first)
    world.airlock.recall(first, "A count was not hidden.", "INC-1", by=CARA)
    world.evidence.sealed["heart", OTHER] = counted(TRUE_COUNTS | {("0-39", "F"): 117}, "age", "sex", query=OTHER)
    again = submit(world, OTHER, heart=True, table=GOOD_TABLE.replace(b"120", b"115"))
    assert "differ by too few" in again.problems[0]


def test_the_same_people_again_are_no_difference(world: World) -> None:
    """For another gate, or by another project: the same table counts the same people."""
    released(world, submit(world).id)
    world.evidence.sealed["heart", OTHER] = counted(TRUE_COUNTS, "age", "sex", query=OTHER)
    assert submit(world, OTHER, heart=True).state is S.CHECKING


def test_files_of_one_request_are_beside_each_other(world: World) -> None:
    """Two files that differ by one person do not leave together either."""
    names = {f"{query[:4]}.csv": query for query in (QUERY, OTHER)}
    said = {**CONTEXT, "files": {name: {"queries": [query]} for name, query in names.items()}}
    request = world.airlock.submit_set("falls", [(name, GOOD_TABLE) for name in names], said, by=ASHA)
    assert request.state is S.RETURNED
    assert len(world.airlock.near(request.id, by=CARA)) == 1


def rows_of(world: World, people: dict[str, range]) -> tuple[bytes, dict[str, Any]]:
    """A table with a row for each group of these people, and what is said of it."""
    groups = {(name,): len(who) for name, who in people.items()}
    world.evidence.sealed["falls", QUERY] = counted(groups, "group")
    world.people.of_group |= {(QUERY, (name,)): list(who) for name, who in people.items()}
    rows = [f"{name},{5 * round(len(who) / 5)}" for name, who in people.items()]
    told = {"columns": {"group": "whom it counts", "people": "distinct people"}}
    return "\n".join(["group,people", *rows, ""]).encode(), {**CONTEXT, **told, "queries": [QUERY]}


@pytest.mark.parametrize(
    "people",
    [
        {"adults": range(1, 101), "adults without asthma": range(1, 98)},
        {"men": range(1, 50), "women": range(50, 101), "north": range(1, 61), "south": range(61, 100)},
    ],
)
def test_cells_of_one_table_that_are_no_total_and_parts(world: World, people: dict[str, range]) -> None:
    """Two cells, or two sums of cells, that a reader may take from each other: as if they stood in two tables."""
    table, said = rows_of(world, people)
    request = world.airlock.submit("falls", "groups.csv", table, said, by=ASHA)
    assert request.state is S.RETURNED
    assert "differ by too few" in request.problems[0]
    assert len(world.airlock.near(request.id, by=CARA)) >= 1


def test_a_table_that_was_mended_goes_on(world: World) -> None:
    """The same request with the people as before."""
    released(world, submit(world).id)
    second = submit(world, OTHER)
    assert second.state is S.RETURNED
    assert submit(world, request_id=second.id).state is S.CHECKING
    assert world.airlock.near(second.id, by=CARA) == ()


def test_a_hidden_cell_is_no_release_of_its_people(world: World) -> None:
    """The people behind a mark were not shown: a table without them does not differ by them."""
    world.evidence.sealed["falls", QUERY] = counted(TRUE_COUNTS | {("40+", "M"): 5}, "age", "sex")
    released(world, submit(world).id)
    world.evidence.sealed["heart", OTHER] = counted(TRUE_COUNTS, "age", "sex", query=OTHER)
    assert submit(world, OTHER, heart=True).state is S.CHECKING


def test_asked_again_at_release_under_the_rules_of_that_day(world: World) -> None:
    """Stricter owners by then: what was enough is too few; held, and the checker is told beside which release."""
    fewer = TRUE_COUNTS | {("0-39", "F"): 112}  # nine people less: more than the seven of yesterday
    world.evidence.sealed["heart", OTHER] = counted(fewer, "age", "sex", query=OTHER)
    table = GOOD_TABLE.replace(b"120", b"110")
    first, second = submit(world), submit(world, OTHER, heart=True, table=table)
    assert second.state is S.CHECKING
    released(world, first.id)
    for checker in (CARA, DEV):
        world.airlock.decide(second.id, True, by=checker)
    world.approvals.profile_name = "hes+ons"
    assert refusal_of(world.airlock.release, second.id, by=CARA) == "release.too_near"
    assert first.id not in str(world.airlock.get(second.id).held)
    assert first.id in world.airlock.near(second.id, by=CARA)[0].sentence
    refused = [one for one in world.log.events if one.name.value == "release.release_refused"]
    assert first.id in str(refused[0].details["near"])


def test_people_that_cannot_be_told_are_not_released(world: World) -> None:
    """The project's data were published anew: the author is told to ask again, and nothing is entered."""
    world.people.unknown.add(QUERY)
    request = submit(world)
    assert request.state is S.RETURNED
    assert "Ask the query again" in request.problems[0]
    world.people.unknown.clear()
    assert submit(world, request_id=request.id).state is S.CHECKING


def test_people_that_are_not_those_that_were_counted(world: World) -> None:
    """Fewer than the evidence says, or a group that is not there: not believed."""
    world.people.of_group[QUERY, ("0-39", "F")] = [1, 2, 3]
    assert submit(world).state is S.RETURNED


@pytest.mark.parametrize("part", ["people", "round-1"])
def test_a_damaged_ledger_lets_nothing_through(world: World, part: str) -> None:
    """At submission the check has failed; at release it is held."""
    request = submit(world).id
    for checker in (CARA, DEV):
        world.airlock.decide(request, True, by=checker)
    for path in (world.folder / "airlock" / "ledger").rglob(part):
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    if part == "round-1":
        assert refusal_of(world.airlock.release, request, by=CARA) == "release.evidence_broken"
        with pytest.raises(EvidenceBroken):
            world.airlock.near(request, by=CARA)
    assert submit(world, OTHER, heart=True).state is S.FAILED


def test_a_table_that_was_never_entered_is_held(world: World) -> None:
    """Its record in the ledger is gone: it was not tested against what left meanwhile."""
    request = submit(world).id
    for checker in (CARA, DEV):
        world.airlock.decide(request, True, by=checker)
    (world.folder / "airlock" / "ledger" / request / "round-1").unlink()
    assert refusal_of(world.airlock.release, request, by=CARA) == "release.people_unknown"


@pytest.mark.parametrize("out", [True, False])
def test_a_lost_table_of_the_ledger_lets_nothing_through(world: World, out: bool) -> None:
    """Of what left or waits: as long as it is gone, no table can be tested against it."""
    first = submit(world).id
    if out:
        released(world, first)
    (world.folder / "airlock" / "ledger" / first / "round-1").unlink()
    assert submit(world, OTHER, heart=True).state is S.FAILED


@pytest.mark.parametrize("older", [True, False])
def test_lost_or_older_people_let_nothing_through(world: World, older: bool) -> None:
    """The file that numbers people is gone, or one of an earlier day: the sets would mean other people."""
    people = world.folder / "airlock" / "ledger" / "people"
    world.evidence.sealed["falls", OTHER] = counted({("x",): 200}, "code", query=OTHER)
    table, said = b"code,people\nx,200\n", {"columns": {"code": "code", "people": "distinct people"}}
    first = world.airlock.submit("falls", "x.csv", table, {**CONTEXT, **said, "queries": [OTHER]}, by=ASHA)
    assert first.state is S.CHECKING
    before = people.read_bytes()
    second = submit(world)
    for checker in (CARA, DEV):
        world.airlock.decide(second.id, True, by=checker)
    if older:
        people.write_bytes(before)
    else:
        people.unlink()
    world.evidence.sealed["heart", OTHER] = counted(NEARLY, "age", "sex", query=OTHER)
    assert submit(world, OTHER, heart=True).state is S.FAILED
    assert refusal_of(world.airlock.release, second.id, by=CARA) == "release.evidence_broken"


def test_a_record_in_anothers_place_is_none(world: World) -> None:
    """A round's file put in the place of another request's does not open."""
    first = submit(world).id
    world.evidence.sealed["heart", OTHER] = counted(TRUE_COUNTS, "age", "sex", query=OTHER)
    second = submit(world, OTHER, heart=True).id
    folder = world.folder / "airlock" / "ledger"
    (folder / first / "round-1").write_bytes((folder / second / "round-1").read_bytes())
    with pytest.raises(EvidenceBroken):
        world.airlock.near(first, by=CARA)


def test_nobody_stands_in_the_ledger_in_the_clear(world: World) -> None:
    """Neither cells nor people: what lies there is sealed, and for this account only."""
    submit(world)
    files = [path for path in (world.folder / "airlock" / "ledger").rglob("*") if path.is_file()]
    assert len(files) == 3
    for path in files:
        assert b"0-39" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0 or path.name == ".lock"


def test_a_table_without_queries_is_not_tested(world: World) -> None:
    """Nobody counted the people behind it: the checkers look for themselves, as before."""
    request = world.submitted()
    assert world.airlock.get(request).state is S.CHECKING
    assert world.airlock.near(request, by=CARA) == ()
    assert not (world.folder / "airlock" / "ledger").exists()


def test_an_event_tells_no_number_of_the_ledger(world: World) -> None:
    """What the log is told of a table that passes is what it was told before."""
    submit(world)
    told = json.dumps([dict(one.details) for one in world.log.events], default=str)
    assert "near" not in told
    assert "121" not in told
