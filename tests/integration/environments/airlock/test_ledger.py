"""The ledger over the real gateway: who stands behind queries of two projects, and a table that is too near another."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from access.decisions import Refused
from audit.model import person, service
from environments.airlock.errors import EvidenceBroken, PeopleUnknown
from environments.airlock.states import ReleaseState
from environments.gateway import listed as listed_module
from environments.gateway.enclosure import Accounts
from environments.gateway.errors import PeopleNotListed
from environments.gateway.model import Asker
from infra.query_evidence import OpenedEvidence
from tests.fakes.airlock import ASHA, CARA, World
from tests.fakes.gateway import GatewayForTests, gateway
from tests.fakes.havens import make_live, project_file

S = ReleaseState
HEART = Asker("asha", "heart")
BY_CODE = "select code, count(distinct pseudonym) as people from gp_events group by code"
WITHOUT_TWO = BY_CODE.replace("group by", "where pseudonym::text not in ($one, $other) group by")
CONTEXT: dict[str, Any] = {
    "purpose": "Shows how many people have each code in the records.",
    "description": "People with at least one entry, by code of the entry.",
    "population": "Everybody in the project's cohort, without a filter.",
    "columns": {"code": "code of the entry", "people": "distinct people, rounded"},
    "count_column": "people",
}
TABLE = b"code,people\n44054006,50\n"


def with_heart(stands: GatewayForTests) -> None:
    """A second project over the same data."""
    stands.access.apply(
        project_file(id="heart", title="Hearts of people with diabetes"), applicant="asha", by=person("asha")
    )
    make_live(stands.access, "heart")
    stands.publisher.publish(stands.access.live_scope("heart"), by=service("publisher"))


async def asked(stands: GatewayForTests, sql: str, project: str, parameters: object = None) -> str:
    """The number of a query that was asked."""
    await stands.ask(sql, parameters, Asker("asha", project))
    return str([one for one in stands.log.events if one.name == "query.completed"][-1].details["query"])


async def pseudonyms(stands: GatewayForTests, asker: Asker) -> list[str]:
    """Of the people of a project."""
    rows = (await stands.ask("select distinct pseudonym from gp_events order by 1", None, asker)).to_pylist()
    return [str(row["pseudonym"]) for row in rows]


async def two_of(stands: GatewayForTests) -> dict[str, str]:
    """Two people of the second project."""
    return dict(zip(("one", "other"), await pseudonyms(stands, HEART), strict=False))


async def test_people_are_known_across_projects_by_nothing_that_a_project_has() -> None:
    """The same people under the same marks in both; their pseudonyms differ; parameters are those of the query."""
    async with gateway(people=100) as stands:
        await asyncio.to_thread(with_heart, stands)
        here, there = [await pseudonyms(stands, asker) for asker in (Asker("asha", "admissions"), HEART)]
        assert not set(here) & set(there)
        two = await two_of(stands)
        sets = []
        for project, sql, given in (
            ("admissions", BY_CODE, None),
            ("heart", BY_CODE, None),
            ("heart", WITHOUT_TWO, two),
        ):
            query = await asked(stands, sql, project, given)
            (found,) = (await asyncio.to_thread(stands.people.of, project, query)).values()
            assert found.figures[0].tolist() == found.everybody.tolist()
            sets.append(set(found.everybody.tolist()))
        assert len(sets[0]) == 50
        assert sets[0] == sets[1]
        assert sets[2] < sets[0]
        assert len(sets[2]) == 48
        assert not {int(one.replace("-", "")[:16], 16) for one in (*here, *there)} & sets[0]


async def test_a_table_of_another_project_that_lacks_two_people(tmp_path: Path) -> None:
    """Rounded it is the same table, and it comes back; the same people again may leave."""
    async with gateway(people=100) as stands:
        await asyncio.to_thread(with_heart, stands)
        world = World(tmp_path)
        for project in ("admissions", "heart"):
            world.approvals.people_in[project] = {"asha"}
        world.rest_on(OpenedEvidence(stands.evidence), stands.people)

        async def submit(project: str, sql: str, parameters: object = None) -> Any:
            said = {**CONTEXT, "queries": [await asked(stands, sql, project, parameters)]}
            return await asyncio.to_thread(world.airlock.submit, project, "t.csv", TABLE, said, by=ASHA)

        first = await submit("admissions", BY_CODE)
        assert (first.problems, first.state) == ([], S.CHECKING)
        near = await submit("heart", WITHOUT_TWO, await two_of(stands))
        assert near.state is S.RETURNED
        assert "differ by too few" in near.problems[0]
        assert first.id in world.airlock.near(near.id, by=CARA)[0].sentence
        assert (await submit("heart", BY_CODE)).state is S.CHECKING
        world.close()


async def test_whose_people_cannot_be_told() -> None:
    """Data published anew since, a damaged file of evidence, none: each refused with what to do."""
    async with gateway(people=40) as stands:
        query = await asked(stands, BY_CODE, "admissions")
        file = stands.folder / "evidence" / "admissions" / f"{query}.evidence"
        content = file.read_bytes()
        file.write_bytes(content[:-1])
        with pytest.raises(EvidenceBroken):
            stands.people.of("admissions", query)
        file.unlink()
        with pytest.raises(EvidenceBroken):
            stands.people.of("admissions", query)
        file.write_bytes(content)
        await asyncio.to_thread(_published_anew, stands)
        with pytest.raises(PeopleUnknown, match="published anew"):
            stands.people.of("admissions", query)


def _published_anew(stands: GatewayForTests) -> None:
    """Under another version of the approval."""
    stands.access.apply(
        project_file(lay_summary="Told more clearly, at greater length."), applicant="asha", by=person("asha")
    )
    make_live(stands.access)
    stands.publisher.publish(stands.access.live_scope("admissions"), by=service("publisher"))


async def test_the_people_are_exactly_those_that_were_counted() -> None:
    """One counted fewer or more than are there now, or rows: nobody is tested in their place."""
    async with gateway(people=40) as stands:
        query = await asked(stands, BY_CODE, "admissions")
        evidence = stands.evidence.open("admissions", query)
        assert evidence is not None
        listed, scope = stands.people._listed, stands.people._scopes.current("admissions")
        assert not isinstance(scope, Refused)
        assert await asyncio.to_thread(listed.of, evidence, scope)
        for name in ("people", "rows", "people_0"):
            for by in (-1, 1):
                place = evidence.groups.column_names.index(name)
                column = pa.array([one + by for one in evidence.groups[name].to_pylist()], evidence.groups[name].type)
                changed = replace(evidence, groups=evidence.groups.set_column(place, name, column))
                with pytest.raises(PeopleNotListed, match="not the people that were counted"):
                    await asyncio.to_thread(listed.of, changed, scope)


async def test_naming_them_stands_in_the_log_first_and_is_cut_with_the_approval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The query and the build, no pseudonym; without the log nobody is asked; too much to hold is refused."""
    async with gateway(people=40) as stands:
        query = await asked(stands, BY_CODE, "admissions")
        await asyncio.to_thread(stands.people.of, "admissions", query)
        entry = stands.log.events[-1]
        assert (entry.name, entry.details["query"]) == ("query.people_asked", query)
        assert set(entry.details) == {"query", "sql_digest", "scope_build"}
        monkeypatch.setattr(listed_module, "MOST_BYTES", 100)
        with pytest.raises(PeopleUnknown, match="More people stand behind"):
            await asyncio.to_thread(stands.people.of, "admissions", query)
        monkeypatch.undo()
        monkeypatch.setattr(listed_module, "SECONDS_BETWEEN_ROUNDS", 0.01)
        gone = Refused("project.withdrawn", "The agreement ended.", None)
        monkeypatch.setattr(stands.people._listed, "_scopes", SimpleNamespace(current=lambda _: gone))
        with pytest.raises(PeopleUnknown, match="The agreement ended"):
            await asyncio.to_thread(stands.people.of, "admissions", query)
        monkeypatch.setattr(stands.records, "note", _full)
        before = len(stands.log.events)
        with pytest.raises(PeopleUnknown, match="could not be asked"):
            await asyncio.to_thread(stands.people.of, "admissions", query)
        assert len(stands.log.events) == before


def _full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_each_project_has_an_account_of_its_own_over_all_pools() -> None:
    """A project keeps its number; another one never gets it."""
    accounts = Accounts(290_000)
    assert [accounts.of(name) for name in ("one", "two", "one", "three")] == [290_000, 290_001, 290_000, 290_002]
