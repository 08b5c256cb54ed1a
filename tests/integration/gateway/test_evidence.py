"""Evidence through the real gateway: sealed, tied to its query, absent with a reason, never in the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audit.model import AuditEvent
from environments.gateway.errors import EvidenceInvalid
from environments.gateway.evidence.sealed import EvidenceFolder
from tests.fakes.gateway import GatewayForTests, gateway

BY_MONTH = "select event_date, count(*) as n from gp_events where code <> ? group by event_date having count(*) > ?"


def _completed(stands: GatewayForTests) -> AuditEvent:
    (*_, event) = [one for one in stands.log.events if one.name == "query.completed"]
    return event


async def test_an_aggregate_leaves_its_people_sealed() -> None:
    """Tied to the query, the statement's hash and the scope; the hash of the file stands in the log."""
    async with gateway() as stands:
        result = await stands.ask(BY_MONTH, ["x", 5])
        event = _completed(stands)
        requested = next(one for one in stands.log.events if one.name == "query.requested")
        evidence = stands.evidence.open("admissions", str(event.details["query"]))
        assert evidence is not None
        assert evidence.header["sql_digest"] == requested.details["sql_digest"]
        assert evidence.header["scope_build"] == requested.details["scope_build"]
        assert evidence.header["keys"] == [0]
        assert evidence.header["columns"] == ["event_date", "n"]
        assert evidence.header["figures"] == [{"column": 1, "function": "count_star", "adding": False}]
        told = [(row["key_0"], row["people"], row["rows"]) for row in evidence.groups.to_pylist()]
        counted = await stands.ask(
            "select event_date, count(distinct pseudonym) as p, count(*) as n from gp_events group by 1"
        )
        assert told == [(row["event_date"], row["p"], row["n"]) for row in counted.to_pylist()]
        assert told[0][1] < told[0][2] == result["n"][0].as_py()
        file = stands.folder / "evidence" / "admissions" / f"{event.details['query']}.evidence"
        assert file.stat().st_mode & 0o777 == 0o600
        assert b"event_date" not in file.read_bytes()


async def test_dominance_and_joins() -> None:
    """Two tables joined by person count each person once; of a sum the two largest shares are told."""
    async with gateway() as stands:
        await stands.ask(
            "select count(*) as n, sum(length(g.code)) as s from gp_events g join hospital_episodes h using (pseudonym)"
        )
        evidence = stands.evidence.open("admissions", str(_completed(stands).details["query"]))
        assert evidence is not None
        (row,) = evidence.groups.to_pylist()
        shares = await stands.ask(
            "select pseudonym, sum(length(g.code)) as s from gp_events g join hospital_episodes h using (pseudonym)"
            " group by 1"
        )
        by_size = sorted(shares["s"].to_pylist(), reverse=True)
        assert row["people"] == row["people_0"] == row["people_1"] == len(by_size)
        assert row["largest_1"] == by_size[:2]
        assert row["total_1"] == sum(by_size)


LATEST = (
    "select c, count(*) from (select pseudonym, arg_max(code, event_date) as c from gp_events group by 1) group by c"
)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("select * from gp_events", "rows"),
        ("select count(*) from range(10)", "no_people"),
        ("select count(*) from gp_events a, gp_events b", "two_people_in_a_row"),
        ("select count(*) from gp_events union select 1", "union"),
        ("select code, count(*) from gp_events group by rollup (code)", "grouping_sets"),
        ("select count(*) from gp_events where random() < 2", "not_repeatable"),
        ("select count(*) from (select * from gp_events limit 3) g", "order_below"),
        ("select count(*) from gp_events where event_date < current_date", "not_repeatable"),
        ("select count(*) from gp_events where event_date < today()", "not_repeatable"),
        ("select count(*) from gp_events where event_date < ago(interval 3 days)", "not_repeatable"),
        ("select count(*) from gp_events where age(event_date) > interval 1 day", "not_repeatable"),
        ("select count(*) from gp_events where event_date < localtimestamp", "not_repeatable"),
        ("select count(*) from gp_events where list_aggr([1], 'reservoir_quantile', 0.5) < 2", "not_repeatable"),
        (LATEST, "order_below"),
        (LATEST.replace("arg_max(code, event_date)", "list(code)[1]"), "order_below"),
        (LATEST.replace("arg_max(code, event_date)", "mode(code)"), "order_below"),
        (LATEST.replace("arg_max(code, event_date)", "string_agg(code, ',')"), "order_below"),
        ("select count(*) from (select pseudonym as p from gp_events) g", "no_people"),
        ("select r, count(*) from gp_events, range(100001) q(r) group by r", "too_many_groups"),
    ],
)
async def test_where_there_is_none_the_log_says_why(sql: str, reason: str) -> None:
    """The result is given all the same; who checks it has less to go by."""
    async with gateway(people=8) as stands:
        await stands.ask(sql)
        assert _completed(stands).details["no_evidence"] == reason
        assert not list(stands.folder.glob("evidence/*/*"))


async def test_what_cannot_be_kept_does_not_take_the_result_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk under the evidence: the result comes, and the log says that nothing stands behind it."""
    async with gateway(people=8) as stands:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(EvidenceFolder, "seal", full)
        assert (await stands.ask("select count(*) as n from gp_events"))["n"].to_pylist() == [4]
        assert _completed(stands).details["no_evidence"] == "failed"


async def test_changed_moved_or_copied_evidence_counts_for_nothing() -> None:
    """A byte, another query's file, another project's key: refused, and none is none."""
    async with gateway(people=40) as stands:
        for _ in range(2):
            await stands.ask("select code, count(*) from gp_events group by code")
        one, other = sorted((stands.folder / "evidence" / "admissions").iterdir())
        first = one.read_bytes()
        assert stands.evidence.open("admissions", one.stem) is not None
        assert stands.evidence.open("admissions", "nothing") is None
        for content in (other.read_bytes(), first[:-1], first[:40] + bytes([first[40] ^ 1]) + first[41:], b"", b"{}"):
            one.write_bytes(content)
            with pytest.raises(EvidenceInvalid):
                stands.evidence.open("admissions", one.stem)
        elsewhere = stands.folder / "evidence" / "other" / one.name
        elsewhere.parent.mkdir()
        elsewhere.write_bytes(first)
        with pytest.raises(EvidenceInvalid):
            stands.evidence.open("other", one.stem)


async def test_nothing_of_it_goes_to_who_asked() -> None:
    """Neither counts nor hashes: the log's entry has the hash of the file, and no count."""
    async with gateway(people=40) as stands:
        result = await stands.ask("select code, count(*) as n from gp_events group by code")
        assert result.column_names == ["code", "n"]
        details = _completed(stands).details
        assert set(details) == {"query", "rows", "milliseconds", "evidence"}
        assert len(str(details["evidence"])) == 64
        assert "people" not in json.dumps({key: str(value) for key, value in details.items()})
        assert Path(stands.folder / "evidence").stat().st_mode & 0o077 == 0
