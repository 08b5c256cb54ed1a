"""Brakes through the real gateway: told in the log, waited for, refused with a sentence; other people go on."""

from __future__ import annotations

import time
import uuid

import pytest

from access.decisions import RefusedError
from environments.gateway.brakes.policies import BrakePolicy, Counts, Sort
from environments.gateway.errors import QueryFailed
from tests.fakes.gateway import gateway

NEVER = Counts(0, 0, 0)
LOOK_UP = "select * from gp_events where pseudonym = ?"


def _policy(**counts: Counts) -> BrakePolicy:
    given = {Sort(name.replace("_", "-")): bounds for name, bounds in counts.items()}
    return BrakePolicy(delay_seconds=1.0, counts={sort: given.get(sort, NEVER) for sort in Sort})


async def test_look_ups_slow_down_and_stop() -> None:
    """The second is told of, the third waits its second, after the fourth none starts; each step is in the log."""
    async with gateway(people=20, brakes=_policy(look_up=Counts(1, 2, 3))) as stands:
        for number in range(3):
            started = time.monotonic()
            await stands.ask(LOOK_UP, [str(uuid.UUID(int=number))])
        assert time.monotonic() - started >= 1.0
        with pytest.raises(RefusedError) as told:
            await stands.ask("select count(*) from gp_events")
        assert told.value.refused.code == "query.brake"
        braked = [event for event in stands.log.events if event.name == "query.braked"]
        assert [(event.details["step"], event.details["own"]) for event in braked] == [
            ("told", 1), ("slowed", 2), ("stopped", 3),
        ]  # fmt: skip
        assert stands.names()[-1] == "query.refused"


async def test_differencing_is_counted_by_the_people_who_were_counted() -> None:
    """Two counts with a few people between them, found through their evidence."""
    async with gateway(people=60, brakes=_policy(near_pair=Counts(1, 0, 0))) as stands:
        people = (await stands.ask("select distinct pseudonym from gp_events order by 1"))["pseudonym"].to_pylist()
        await stands.ask("select count(*) from gp_events where pseudonym <= ?", [people[-1]])
        assert "query.braked" not in stands.names()
        await stands.ask("select count(*) from gp_events where pseudonym <= ?", [people[-4]])
        (event,) = [event for event in stands.log.events if event.name == "query.braked"]
        assert event.details["sort"] == "near-pair"


async def test_a_query_right_after_a_refusal_is_counted() -> None:
    """By the gate's refusal; it is told of in the log."""
    async with gateway(people=20, brakes=_policy(after_refusal=Counts(1, 0, 0))) as stands:
        with pytest.raises(RefusedError):
            await stands.ask("select * from elsewhere")
        await stands.ask("select count(*) from gp_events")
        (event,) = [event for event in stands.log.events if event.name == "query.braked"]
        assert event.details["sort"] == "after-refusal"


async def test_a_query_that_fails_by_what_it_meets_is_counted() -> None:
    """Whether it fails can depend on one value: the log is told; the asker gets the failure's own sentence."""
    async with gateway(people=20, brakes=_policy(failed=Counts(1, 0, 0))) as stands:
        with pytest.raises(QueryFailed):
            await stands.ask("select cast(pseudonym::varchar as integer) from gp_events")
        (event,) = [event for event in stands.log.events if event.name == "query.braked"]
        assert event.details["sort"] == "failed"


async def test_few_people_chosen_by_their_pseudonym_are_a_look_up() -> None:
    """In another spelling than `=`; a sample of many by the same means is none."""
    async with gateway(people=60, brakes=_policy(look_up=Counts(1, 0, 0))) as stands:
        await stands.ask("select count(*) from gp_events where hash(pseudonym) % 2 = 0")
        assert "query.braked" not in stands.names()
        first = "(select min(pseudonym) from gp_events)"
        await stands.ask(f"select count(*) from gp_events where pseudonym <= {first}")
        (event,) = [event for event in stands.log.events if event.name == "query.braked"]
        assert event.details["sort"] == "look-up"


@pytest.mark.parametrize(
    "sql",
    [
        "select max(code) filter (where pseudonym::varchar between '{p}' and '{p}') from gp_events",
        "select max(if(pseudonym::varchar between '{p}' and '{p}', code, null)) from gp_events",
        "select count_if(code is not null and pseudonym::varchar like '{p}%') from gp_events",
        "select max(if(pseudonym::varchar like '{p}%', code, '')) from gp_events",
        "select max(code), (select 1) from gp_events where pseudonym::varchar like '{p}%' or code < '0'",
        "select event_date, max(code) filter (where pseudonym::varchar like '{p}%') from gp_events group by event_date",
        "select count_if(pseudonym::varchar like '{p}%'), (select 1) from gp_events",
        "select code from gp_events, range(20) where pseudonym::varchar like '{p}%'",
    ],
)
async def test_one_pseudonym_after_another_is_seen_in_any_spelling(sql: str) -> None:
    """Each is counted as a look-up; after the third none starts."""
    async with gateway(people=60, brakes=_policy(look_up=Counts(1, 0, 3))) as stands:
        people = (await stands.ask("select distinct pseudonym from gp_events order by 1"))["pseudonym"].to_pylist()
        for person in people[:3]:
            await stands.ask(sql.format(p=person))
        with pytest.raises(RefusedError) as told:
            await stands.ask("select count(*) from gp_events")
        assert told.value.refused.code == "query.brake"
        braked = [event for event in stands.log.events if event.name == "query.braked"]
        assert [(event.details["sort"], event.details["step"]) for event in braked] == [
            ("look-up", "told"), ("look-up", "stopped"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    "sql",
    [
        "select count_if(pseudonym <= ?) from gp_events",
        "select count(*), (select 1) from gp_events where pseudonym <= ?",
        "select count(*) filter (where pseudonym <= ?), (select 1) from gp_events",
        "select count(*) from gp_events where pseudonym <= ? union all select 1",
    ],
)
async def test_differencing_is_counted_by_figures_and_without_evidence(sql: str) -> None:
    """By each figure's people; by the people behind the rows; else by likeness alone, and never the same again."""
    async with gateway(people=60, brakes=_policy(near_pair=Counts(1, 0, 0))) as stands:
        people = (await stands.ask("select distinct pseudonym from gp_events order by 1"))["pseudonym"].to_pylist()
        for _ in range(2):
            await stands.ask(sql, [people[-1]])
        assert "query.braked" not in stands.names()
        await stands.ask(sql, [people[-3]])
        (event,) = [event for event in stands.log.events if event.name == "query.braked"]
        assert event.details["sort"] == "near-pair"


async def test_few_people_behind_one_figure_are_narrow() -> None:
    """With a condition inside the figure as with one in WHERE; not when many stand behind each."""
    async with gateway(people=60, brakes=_policy(narrow=Counts(1, 0, 0))) as stands:
        people = (await stands.ask("select distinct pseudonym from gp_events order by 1"))["pseudonym"].to_pylist()
        await stands.ask("select count(*), count_if(pseudonym <= ?) from gp_events", [people[-1]])
        assert "query.braked" not in stands.names()
        await stands.ask("select count(*), count_if(pseudonym <= ?) from gp_events", [people[2]])
        (event,) = [event for event in stands.log.events if event.name == "query.braked"]
        assert event.details["sort"] == "narrow"
