"""The airlock on the real databases: the same story on SQLite and PostgreSQL, and two people at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine

from access.decisions import RefusedError
from audit.model import person
from environments.airlock.imports.states import ImportState
from environments.airlock.states import ReleaseState
from infra.database import make_engine
from infra.migrations import upgrade
from tests.fakes.airlock import ASHA, CARA, CONTEXT, DEV, EVE, GOOD_TABLE, LOOKUP, UNROUNDED_TABLE, WHY, World
from tests.fakes.packages import sha256_of, wheel
from tests.fakes.postgres import postgresql

pytestmark = pytest.mark.needs_postgresql
S = ReleaseState
ENID = person("enid")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A fresh database of each kind, migrated."""
    if request.param == "sqlite":
        found = make_engine(f"sqlite:///{tmp_path_factory.mktemp('airlock') / 'haven.db'}")
        upgrade(found)
        yield found
        found.dispose()
        return
    with postgresql() as url:
        found = make_engine(url)
        upgrade(found)
        yield found
        found.dispose()


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> World:
    """An airlock on this database."""
    return World(tmp_path, engine=engine)


def test_the_whole_way(world: World) -> None:
    """Returned, mended, differed, agreed, released, recalled: as on any database, with every time in UTC."""
    request = world.airlock.submit("falls", "t.csv", UNROUNDED_TABLE, CONTEXT, by=ASHA)
    assert request.state is S.RETURNED
    world.airlock.submit("falls", "t.csv", GOOD_TABLE, CONTEXT, by=ASHA, request_id=request.id)
    world.airlock.decide(request.id, True, by=CARA)
    world.airlock.decide(request.id, False, "Which year?", by=DEV)
    assert world.airlock.decide(request.id, True, "Said.", by=DEV).state is S.APPROVED
    released = world.airlock.release(request.id, by=CARA)
    assert (released.folder / "t.csv").read_bytes() == GOOD_TABLE
    found = world.airlock.recall(request.id, "Wrong year.", "INC-1", by=DEV)
    assert [move.after for move in found.moves] == [
        S.DRAFT, S.SUBMITTED, S.RETURNED, S.SUBMITTED, S.CHECKING, S.CONSOLIDATING, S.APPROVED, S.RELEASING,
        S.RELEASED, S.RECALLED,
    ]  # fmt: skip
    assert all(move.at == world.clock.at for move in found.moves)
    with pytest.raises(RefusedError):
        world.airlock.submit("falls", "u.csv", GOOD_TABLE, CONTEXT, by=ASHA)


def test_verdicts_at_the_same_moment(world: World) -> None:
    """Three checkers decide at once: each verdict is kept or refused, and the request is approved exactly once."""
    table = b"age,sex,people\n0-39,F,220\n0-39,M,235\n40+,F,310\n40+,M,*\n"
    request = world.submitted(table)
    refused: list[str] = []

    def decide(by: object) -> None:
        try:
            world.airlock.decide(request, True, by=by)  # type: ignore[arg-type]
        except RefusedError as error:
            refused.append(error.refused.code)

    threads = [threading.Thread(target=decide, args=(by,)) for by in (CARA, DEV, EVE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    found = world.airlock.whole(request)
    assert found.state is S.APPROVED
    assert [move.after for move in found.moves].count(S.APPROVED) == 1
    assert len(found.every_verdict) == 2
    assert refused == ["release.not_in_review"]


def test_releases_at_the_same_moment(world: World) -> None:
    """Two carry it out at once: it is released once, and both find the same whole folder afterwards."""
    table = b"age,sex,people\n0-39,F,320\n0-39,M,335\n40+,F,410\n40+,M,*\n"
    request = world.approved(table)
    with ThreadPoolExecutor(2) as both:
        done = [both.submit(world.airlock.release, request, by=CARA) for _ in range(2)]
    assert done[0].result(timeout=60) == done[1].result(timeout=60)
    assert world.airlock.get(request).state is S.RELEASED
    assert world.events.count("release.released") == 1
    assert sorted(path.name for path in (world.outbox / request).iterdir()) == ["admissions.csv", "manifest.json"]


def test_the_whole_way_in(world: World) -> None:
    """Asked for, approved, delivered, recalled: as on any database, with every time in UTC."""
    request = world.brought_in()
    done = world.imports.approve(request, "Public codes.", by=CARA)
    assert (done.state, done.held) == (ImportState.DELIVERED, None)
    assert (world.folder / "imports" / "falls" / request / "chapters.csv").read_bytes() == LOOKUP
    found = world.imports.recall(request, "It names people.", "INC-8", by=DEV)
    assert [move.after.value for move in found.moves] == ["requested", "approved", "delivered", "recalled"]
    assert all(move.at == world.clock.at for move in found.moves)
    with pytest.raises(RefusedError):
        world.brought_in()


def test_decisions_on_an_import_at_the_same_moment(world: World) -> None:
    """One approves and one refuses at once: one decision stands, and the other is refused."""
    request = world.brought_in(content=LOOKUP + b"A03,Shigellosis\n")
    with ThreadPoolExecutor(2) as both:
        decided = [both.submit(verb, request, "So.", by=by) for verb, by in
                   ((world.imports.approve, CARA), (world.imports.refuse, DEV))]  # fmt: skip
    faults = [one.exception(timeout=60) for one in decided]
    assert [isinstance(fault, RefusedError) for fault in faults].count(True) == 1
    approved = faults[0] is None
    assert world.imports.get(request).state is (ImportState.DELIVERED if approved else ImportState.REFUSED)
    assert (world.folder / "imports" / "falls" / request).exists() is approved


def test_a_package_mirrored_twice_at_the_same_moment(world: World) -> None:
    """Two mirror it at once: it is recorded once, and the index holds the whole file."""
    request, file = world.packages.request("falls", "tiny-haven==1.0", WHY, by=ASHA).id, wheel(world.folder)
    world.packages.review(request, True, "Well known.", by=CARA)
    with ThreadPoolExecutor(2) as both:
        done = [both.submit(world.packages.mirror, request, file, sha256_of(file), by=ENID) for _ in range(2)]
    assert {one.result(timeout=60).state.value for one in done} == {"mirrored"}
    assert world.events.count("package.mirrored") == 1
    there = world.folder / "packages" / "falls" / "simple" / "tiny-haven"
    assert (there / file.name).read_bytes() == file.read_bytes()
    assert not list((world.folder / "packages" / ".drafts").iterdir())
    world.packages.remove(request, "A weakness.", by=DEV)
