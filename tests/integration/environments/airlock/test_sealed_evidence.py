"""From a query at the real gateway to a release: its evidence is opened, held against the file, and asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from environments.airlock.errors import EvidenceBroken
from environments.airlock.ports import SealedEvidence
from environments.airlock.states import ReleaseState
from environments.disclosure.sealed.model import FigurePeople
from environments.gateway.evidence.sealed import EvidenceFolder
from infra.query_evidence import OpenedEvidence
from tests.fakes.airlock import ASHA, CARA, DEV, FakeEvidence, World, refusal_of
from tests.fakes.gateway import gateway
from tests.fakes.query_evidence import OTHER, QUERY, TRUE_COUNTS, as_sealed, counted

S = ReleaseState
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
FIGURES = {"people": ("count", False), "cost": ("avg", True)}
BEHIND = {key: (FigurePeople(n), FigurePeople(n, (9.5, 7.0), 300.25)) for key, n in TRUE_COUNTS.items()}
KNOWN = counted(TRUE_COUNTS, "age", "sex", figures=FIGURES, behind=BEHIND)
Damage = Callable[[], None]


@pytest.fixture(params=["fake", "real"])
def port(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[SealedEvidence, Damage]:
    """The port, holding one query's evidence; and what damages it. The fake is held to the real one."""
    if request.param == "fake":
        fake = FakeEvidence({("falls", QUERY): KNOWN})
        return fake, lambda: fake.broken.add(QUERY)
    folder = EvidenceFolder(tmp_path, lambda _: b"k" * 32, SIGNER)
    folder.seal(as_sealed(KNOWN, "falls"))
    file = tmp_path / "falls" / f"{QUERY}.evidence"

    def damage() -> None:
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    return OpenedEvidence(folder), damage


def test_what_the_port_promises(port: tuple[SealedEvidence, Damage]) -> None:
    """The evidence as it was counted; none of another project or query; what is damaged is no evidence."""
    evidence, damage = port
    assert evidence.of("falls", QUERY) == KNOWN
    assert evidence.of("falls", OTHER) is None
    assert evidence.of("other", QUERY) is None
    damage()
    with pytest.raises(EvidenceBroken) as caught:
        evidence.of("falls", QUERY)
    assert not [count for count in TRUE_COUNTS.values() if f" {count}" in str(caught.value)]


def test_what_cannot_be_read_is_no_match(tmp_path: Path) -> None:
    """A folder in the file's place, a header without what is needed: broken, not none."""
    folder = EvidenceFolder(tmp_path, lambda _: b"k" * 32, SIGNER)
    (tmp_path / "falls" / f"{OTHER}.evidence").mkdir(parents=True)
    sealed = as_sealed(KNOWN, "falls")
    folder.seal(type(sealed)({key: one for key, one in sealed.header.items() if key != "figures"}, sealed.groups))
    for query in (OTHER, QUERY):
        with pytest.raises(EvidenceBroken):
            OpenedEvidence(folder).of("falls", query)


CONTEXT: dict[str, Any] = {
    "purpose": "Shows how many people have each code in the records.",
    "description": "People with at least one entry, by day of the entry.",
    "population": "Everybody in the project's cohort, without a filter.",
    "columns": {"event_date": "day of the entry", "people": "distinct people, rounded", "mean": "mean length"},
    "count_column": "people",
    "figures": ["mean"],
}
BY_DAY = (
    "select event_date, count(distinct pseudonym) as people, avg(length(code)) as mean from gp_events"
    " group by event_date order by event_date"
)


def _table(rows: list[dict[str, Any]], **changed: str) -> bytes:
    """As an author writes it: rounded to five, small ones hidden with their figures."""
    lines = ["event_date,people,mean"]
    for row in rows:
        people = "*" if row["people"] < 8 else str(5 * ((row["people"] + 2) // 5))
        people = changed.get(str(row["event_date"]), people)
        lines.append(f"{row['event_date']},{people},{'*' if people == '*' else round(row['mean'], 2)}")
    return ("\n".join(lines) + "\n").encode()


async def test_from_a_query_to_a_release(tmp_path: Path) -> None:
    """What the gateway counted is what the checker is told; one altered cell comes back; damage holds the release."""
    async with gateway(people=400) as stands:
        rows = (await stands.ask(BY_DAY)).to_pylist()
        event = [one for one in stands.log.events if one.name == "query.completed"][-1]
        query = str(event.details["query"])
        world = World(tmp_path)
        world.approvals.people_in["admissions"] = {"asha"}
        world.rest_on(OpenedEvidence(stands.evidence), stands.people)
        said = {**CONTEXT, "queries": [query]}

        async def submit(table: bytes, **more: Any) -> Any:
            offered = ("admissions", "by_day.csv", table, said)
            return await asyncio.to_thread(world.airlock.submit, *offered, by=ASHA, **more)

        day = str(rows[0]["event_date"])
        altered = await submit(_table(rows, **{day: "95"}))
        assert altered.state is S.RETURNED
        assert [one for one in altered.problems if "Not what the query gave" in one and f"event_date={day}" in one]
        request = await submit(_table(rows), request_id=altered.id)
        assert (request.state, request.problems) == (S.CHECKING, [])
        (found,) = world.airlock.comparisons(request.id, by=CARA).values()
        counts = [one.match.value for one in found.cells if one.cell.column == "people"]
        assert len(counts) == len(rows)
        assert set(counts) <= {"agrees", "hidden_rightly"}
        assert found.left_out == 0
        for checker in (CARA, DEV):
            world.airlock.decide(request.id, True, by=checker)
        file = stands.folder / "evidence" / "admissions" / f"{query}.evidence"
        content = file.read_bytes()
        file.write_bytes(content[:-1])
        assert refusal_of(world.airlock.release, request.id, by=CARA) == "release.evidence_broken"
        file.unlink()
        assert refusal_of(world.airlock.release, request.id, by=CARA) == "release.evidence_broken"
        file.write_bytes(content)
        assert world.airlock.release(request.id, by=CARA).folder.exists()
        world.close()


async def test_a_query_without_evidence_and_one_of_another_project(tmp_path: Path) -> None:
    """Rows have none; both are refused with the same sentence."""
    async with gateway(people=40) as stands:
        await stands.ask("select event_date from gp_events")
        query = str([one for one in stands.log.events if one.name == "query.completed"][-1].details["query"])
        world = World(tmp_path)
        world.approvals.people_in["admissions"] = {"asha"}
        world.rest_on(OpenedEvidence(stands.evidence))
        said = {**CONTEXT, "queries": [query]}
        for project in ("admissions", "falls"):
            submit = world.airlock.submit
            assert refusal_of(submit, project, "t.csv", b"a,people\n", said, by=ASHA) == "release.unknown_query"
        world.close()
